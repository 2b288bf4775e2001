"""The questions' filters and frozen answers: one set of types for `Lens`, the server, the client and the command line.

Field names equal those of proto/lens_server/v1, so that wire.py converts by name. `None` is an unset optional.
"""

from dataclasses import dataclass, field

from indexer.domain.states import State


@dataclass(frozen=True)
class Neuron:
    """One neuron, or one end of a signed neuron."""

    id: str
    """`layer/unit`, with a trailing `-` for the negative end."""
    layer: str
    unit: int
    polarity: int
    """+1 or -1: which end of the activation the exemplars are of."""
    state: State
    active_share: float
    """Share of samples with an activation of this polarity, in [0, 1]."""
    strongest: float
    """The most extreme activation of this polarity; 0 when dead."""
    exemplar_count: int
    clarity: float | None
    """Mean cosine over pairs of exemplars; unset where undefined or the state forbids it."""
    polysemanticity: float | None
    redundancy: float | None
    """Highest cosine to another neuron of the same layer."""
    label: str | None = None
    """Its saved label, where it has one."""


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


@dataclass(frozen=True)
class Relevance:
    """What a neuron contributes to one output, averaged over the samples of that class (METHODS 1)."""

    class_name: str
    signed: float
    absolute: float


@dataclass(frozen=True)
class Where:
    """Which neurons are asked; an empty field does not filter."""

    layers: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    """Empty: every state but dead."""
    min_clarity: float | None = None
    relevant_to: str | None = None
    """A class name: only neurons with stored relevance for it, …"""
    min_relevance: float | None = None
    """… of at least this share of the layer's absolute relevance."""

    def __post_init__(self) -> None:
        """Take a list, or a single name, for what is meant to be a tuple."""
        for name in ("layers", "states"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))


@dataclass(frozen=True)
class Query:
    """One question to search with: exactly one field is set."""

    text: str | None = None
    image: bytes | None = field(default=None, repr=False)
    """An encoded image (PNG, JPEG, …)."""
    neuron: str | None = None
    vector: tuple[float, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Hit:
    """A neuron found."""

    neuron: Neuron
    alignment: float
    """Cosine of the neuron's concept vector and the probe."""
    z: float | None
    """Alignment against the null of random exemplar sets of the same size, in its standard deviations."""
    p: float | None
    """(1 + null at least as high) / (1 + null); one-sided, for this neuron alone."""


@dataclass(frozen=True)
class SearchAnswer:
    """Hits of one query, best first; equal alignments in the order of the index."""

    query: str
    """The text, `neuron NAME`, `image` or `vector`."""
    hits: tuple[Hit, ...]
    candidates: int
    """Neurons that passed the filter."""


@dataclass(frozen=True)
class Alternative:
    """A vocabulary entry with its alignment."""

    text: str
    alignment: float


@dataclass(frozen=True)
class Label:
    """A neuron's name from a vocabulary, or why there is none."""

    neuron: Neuron
    text: str | None
    """Unset when abstaining."""
    alignment: float | None
    margin: float | None
    """Alignment of the best minus that of the runner-up."""
    p_corrected: float | None
    """Benjamini-Hochberg over neurons × vocabulary."""
    alternatives: tuple[Alternative, ...]
    """The best entries, the label itself first."""
    abstained: str | None
    """Why there is no label: `state`, `clarity`, or `not significant`."""


@dataclass(frozen=True)
class Unexpected:
    """A clear, alive neuron that no vocabulary entry describes."""

    neuron: Neuron
    nearest: Alternative


@dataclass(frozen=True)
class Pair:
    """Two neurons and the cosine of their concept vectors."""

    a: str
    b: str
    similarity: float


@dataclass(frozen=True)
class NeuronComparison:
    """Two neurons side by side."""

    a: Neuron
    b: Neuron
    similarity: float
    shared_exemplars: tuple[str, ...]
    """Keys of samples that are exemplars of both."""


@dataclass(frozen=True)
class SetComparison:
    """Two sets of neurons (layers or whole indexes) in one embedding space."""

    a: str
    b: str
    count_a: int
    count_b: int
    a_in_b: float
    """S(A→B) = mean over a of max over b of cos(a, b): how much of A's concepts B knows."""
    b_in_a: float
    a_lacks: tuple[Pair, ...]
    """B's neurons worst covered by A: `b` is of B, `a` its nearest in A; lowest similarity first."""
    b_lacks: tuple[Pair, ...]
    """A's neurons worst covered by B; lowest similarity first."""
    matches: tuple[Pair, ...]
    """One-to-one matching of the greatest total similarity, best first."""


@dataclass(frozen=True)
class NeuronCard:
    """All that is stored of one neuron."""

    neuron: Neuron
    exemplars: tuple[Exemplar, ...]
    relevance: tuple[Relevance, ...]
    """Per class, greatest absolute first; empty when the index holds none."""
    similar: tuple[Hit, ...]
    range: tuple[RangeSample, ...] = ()
    """From the highest percentile to the lowest; empty when the index holds none."""


@dataclass(frozen=True)
class LayerSummary:
    """A layer and how many of its neurons are in which state."""

    name: str
    units: int
    signed: bool
    """Both polarities are indexed."""
    alive: int
    dead: int
    always_on: int
    few_samples: int
    mean_clarity: float | None
    mean_redundancy: float | None
    collector: str = "activation"
    """What ranked the exemplars: `activation` or `relevance`."""
    crop: str = "none"
    """How the embedded part of each exemplar was found: `none`, `activation`, `gradient` or `lrp`."""
    concept_vector: str = "mean"
    """How it was formed of the exemplars: `mean`, or `contrastive, gamma G`."""


@dataclass(frozen=True)
class IndexSummary:
    """What an index holds and where it came from."""

    name: str
    digest: str
    format: int
    created: str
    """UTC, ISO 8601."""
    subject: str
    subject_digest: str
    dataset: str
    dataset_digest: str
    samples: int
    duplicates: int
    unreadable: int
    foundation_model: str
    space_digest: str
    dimension: int
    exemplars_per_neuron: int
    neurons: int
    classes: tuple[str, ...]
    layers: tuple[LayerSummary, ...]
    labelled: int = 0
    """Neurons with a saved label, …"""
    vocabulary: str = ""
    """… and the vocabulary it is from."""


@dataclass(frozen=True)
class NeuronPage:
    """A page of neurons in the order of the index."""

    neurons: tuple[Neuron, ...]
    next_page_token: str
    """Empty on the last page."""
    total: int
