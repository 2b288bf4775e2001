"""What a neuron responds to."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Box:
    """A place in an image, as fractions of its width and height in [0, 1]."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Span:
    """A place in a text: tokens start..stop, stop excluded."""

    start: int
    stop: int


@dataclass(frozen=True)
class Exemplar:
    """A sample the neuron responds to most."""

    sample: str
    """Key of the sample in its dataset."""
    rank: int
    """0 is the strongest."""
    activation: float
    label: str | None
    """True class of the sample, where the dataset names one."""
    box: Box | None
    """The part of the image that was embedded; unset for the whole image."""
    span: Span | None
    """The tokens that were embedded, for text neurons."""
    thumbnail: bytes | None = field(repr=False)
    """JPEG of what was embedded; unset unless asked for."""
    relevance: float | None = None
    """What ranked the sample, where exemplars were collected by relevance: to the class predicted for it, signed."""


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
class RangeSample:
    """A sample at a percentile of the neuron's activations over a uniform subset of the dataset."""

    percentile: float
    sample: str
    """Key of the sample in its dataset."""
    activation: float
    label: str | None
    """True class of the sample, where the dataset names one."""
    thumbnail: bytes | None = field(repr=False)
    """JPEG; unset unless asked for."""
