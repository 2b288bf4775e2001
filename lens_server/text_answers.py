"""Questions and frozen answers about text neurons; field names equal those of proto/lens_server/v1.

Tokens are shown as text: the blank before a word is kept, bytes that are no text are written \\xE2.
"""

from dataclasses import dataclass

from lens_server.answers import Neuron


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
    """Most observations first."""
    activating: tuple[str, ...]
    """Tokens that the neuron fires on, most observations first."""
    context: tuple[str, ...]
    """Tokens that matter before those, also where a wildcard absorbed them; in the order of the vocabulary."""
    in_context: tuple[str, ...]
    """Tokens that are both."""
    parts: int
    """Parts of the graph that share no token: more than one hints at several meanings."""
    scores: GraphScores | None
    failed: str
    """Why there is no graph; empty where there is one."""


@dataclass(frozen=True)
class GraphSummary:
    """A token graph in a line of a listing."""

    neuron: Neuron
    paths: int
    parts: int
    """Parts of the graph that share no token."""
    activating: tuple[str, ...]
    """Tokens that the neuron fires on, most observations first."""
    in_context: tuple[str, ...]
    """Tokens that are activating and context."""
    f1: float
    """On held-out examples."""


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


@dataclass(frozen=True)
class Estimate:
    """A mean over neurons, with its 95 % confidence interval; unset for fewer than two neurons."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class GraphLayer:
    """How well the graphs of a layer predict their neurons on held-out examples; what failed counts as 0."""

    layer: str
    neurons: int
    """That fire, with a graph or with the reason why they have none."""
    dead: int
    """Besides them: nothing can be predicted of what never fires."""
    failed: int
    f1: Estimate
    """Of firing."""
    baseline_f1: Estimate
    """Of predicting each token's highest activation in the examples the graph is built of."""
    gain: Estimate
    """F1 minus that of the baseline, neuron by neuron."""
    pearson: Estimate
    baseline_pearson: Estimate
