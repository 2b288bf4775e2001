"""Questions and frozen answers about text neurons; field names equal those of proto/lens_server/v1.

Tokens are shown as text: the blank before a word is kept, bytes that are no text are written \\xE2.
"""

from dataclasses import dataclass

from lens_server.answers import Neuron


@dataclass(frozen=True)
class TokenQuery:
    """Which token graphs are looked for; with both fields, a context token must lie before an activating one."""

    activating: tuple[str, ...] = ()
    """The neuron fires on one of these; a token is meant with and without the blank before it."""
    context: tuple[str, ...] = ()
    """One of these matters before what the neuron fires on."""
    regex: bool = False
    """They are regular expressions that a token, without the blank before it, must match as a whole."""


@dataclass(frozen=True)
class Snippet:
    """An exemplar of a text neuron, with what the neuron does on every token of it."""

    sample: str
    """Key of the passage in its corpus."""
    rank: int
    activation: float
    """At the pivot, the highest of the passage."""
    tokens: tuple[str, ...]
    activations: tuple[float, ...]
    """Of each token."""
    pivot: int
    """Which of the tokens the neuron fires on most."""


@dataclass(frozen=True)
class PathToken:
    """A step of a path, from what fires the neuron back through what comes before it."""

    text: str
    """Empty for a wildcard."""
    wildcard: bool
    """Any one token."""
    importance: float
    """1 for the activating token; 1 − activation without it / activation for context; 0 for a wildcard."""
    absorbed: tuple[str, ...]
    """Tokens seen where the wildcard is."""


@dataclass(frozen=True)
class TokenPath:
    """What a neuron fires on, read backwards."""

    tokens: tuple[PathToken, ...]
    count: int
    """Observations of it."""
    maximum: float
    """The highest activation seen at its end, as a share of the neuron's highest, …"""
    mean: float
    """… and the mean."""


@dataclass(frozen=True)
class GraphScores:
    """How well a graph predicts the firing of its neuron (≥ 0.5 of its highest) on held-out examples."""

    precision: float
    recall: float
    f1: float
    pearson: float
    """Correlation of predicted and true activations, token by token."""
    baseline_f1: float
    """Of predicting each token's highest activation in the examples the graph is built of."""
    baseline_pearson: float
    examples: int


@dataclass(frozen=True)
class TokenGraphCard:
    """A neuron's token graph."""

    neuron: Neuron
    paths: tuple[TokenPath, ...]
    activating: tuple[str, ...]
    context: tuple[str, ...]
    in_context: tuple[str, ...]
    """Tokens that are both."""
    parts: int
    """Parts of the graph that share no token: more than one hints at several meanings."""
    scores: GraphScores | None
    failed: str
    """Why there is no graph; empty where there is one."""


@dataclass(frozen=True)
class Prediction:
    """What a graph expects of its neuron on a text."""

    neuron: str
    tokens: tuple[str, ...]
    predicted: tuple[float, ...]
    """Of each token, as a share of the neuron's highest activation over the corpus."""
    measured: tuple[float, ...] = ()
    """Likewise, of the subject itself; empty unless asked for."""


@dataclass(frozen=True)
class GraphHit:
    """A neuron with a graph like another's."""

    neuron: Neuron
    similarity: float
    """Mean of the two below."""
    activating: float
    """Jaccard index of the activating tokens."""
    context: float
    """Likewise of the context tokens; of two graphs without any, 1."""
