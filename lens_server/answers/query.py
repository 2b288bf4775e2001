"""What is searched for, and what is found."""

from dataclasses import dataclass, field

from lens_server.answers.neuron import Neuron


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
class Query:
    """One question to search with: exactly one field is set."""

    text: str | None = None
    image: bytes | None = field(default=None, repr=False)
    """An encoded image (PNG, JPEG, …)."""
    neuron: str | None = None
    vector: tuple[float, ...] | None = field(default=None, repr=False)
    tokens: TokenQuery | None = None
    """What a text neuron's token graph holds."""


@dataclass(frozen=True)
class Hit:
    """A neuron found."""

    neuron: Neuron
    alignment: float
    """Cosine of the neuron's concept vector and the probe; of a token query the mean activation at the ends of the
    matching paths times their share of the graph's observations."""
    z: float | None
    """Alignment against the null of random exemplar sets of the same size, in its standard deviations; unset where
    there is none, and of token queries."""
    p: float | None
    """(1 + null at least as high) / (1 + null); one-sided, for this neuron alone."""
    index: str = ""
    """Name of the index it is of, where several were asked."""
    excess: float | None = None
    """z minus what the best neuron's z usually is there for any word: what orders the hits of several indexes."""


@dataclass(frozen=True)
class SearchAnswer:
    """Hits of one query, best first; equal alignments in the order of the index.

    Of several indexes: highest excess first.
    """

    query: str
    """The text, `neuron NAME`, `image`, `vector` or `tokens …`."""
    hits: tuple[Hit, ...]
    candidates: int
    """Neurons that passed the filter."""
