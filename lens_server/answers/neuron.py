"""A neuron, and which neurons are asked."""

from dataclasses import dataclass

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
    """Share of samples (of text neurons: tokens) with an activation of this polarity, in [0, 1]."""
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
    kinds: tuple[str, ...] = ()
    """Kinds of index, `image` or `text`: of several indexes only those are asked."""

    def __post_init__(self) -> None:
        """Take a list, or a single name, for what is meant to be a tuple."""
        for name in ("layers", "states", "kinds"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(given))
