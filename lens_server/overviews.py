"""Many neurons at a glance: answers, like those of `answers.py`, and converted like them."""

from dataclasses import dataclass

from lens_server.answers import Neuron
from lens_server.changes import ConceptStrength, Trend


@dataclass(frozen=True)
class CoveredConcept:
    """A vocabulary entry in a layer."""

    text: str
    neurons: int
    """Alive neurons of the layer that it names, as `label` would; at least 1."""
    share: float | None
    """Share of the layer's alive neurons; unset where those are too few."""
    best: str
    """The best aligned neuron that it names."""
    alignment: float
    p_corrected: float
    """Of that neuron's label: Benjamini-Hochberg over the neurons of the index × vocabulary."""


@dataclass(frozen=True)
class LayerCoverage:
    """What a layer knows."""

    layer: str
    alive: int
    named: int
    """Alive neurons that some entry names."""
    too_few: bool
    """So few alive neurons that a share says nothing."""
    concepts: tuple[CoveredConcept, ...]
    """The entries that name some, most neurons first."""


@dataclass(frozen=True)
class IndexCoverage:
    """What the layers of an index know."""

    index: str
    alive: int
    named: int
    layers: tuple[LayerCoverage, ...]
    """In the order of the index."""


@dataclass(frozen=True)
class Coverage:
    """Which concepts each layer knows, of one or several indexes of one embedding space."""

    indexes: tuple[IndexCoverage, ...]
    """In the order asked."""
    concepts: tuple[str, ...]
    """The entries that name some neuron, most neurons over all indexes first."""
    absent: int
    """Entries that name none; they are not listed."""


@dataclass(frozen=True)
class LayerHealth:
    """A layer at a checkpoint."""

    layer: str
    neurons: int
    """Both ends of a signed neuron count."""
    alive: int
    alive_share: float
    mean_clarity: float | None
    """Over the alive neurons; unset where there is none."""


@dataclass(frozen=True)
class Checkpoint:
    """One index of a series."""

    index: str
    alive: int
    named: int
    """Alive neurons that some entry names."""
    layers: tuple[LayerHealth, ...]


@dataclass(frozen=True)
class SeriesStep:
    """Two checkpoints, one after the other."""

    a: str
    b: str
    a_in_b: float
    """S(A→B): how much of A's concepts B still knows."""
    b_in_a: float
    """S(B→A): how much of B's concepts A knew already."""


@dataclass(frozen=True)
class ConceptPoint:
    """A vocabulary entry at a checkpoint."""

    strength: ConceptStrength
    trend: Trend | None
    """Since the checkpoint before; unset at the first, and where it names no neuron of either."""
    p_corrected: float | None
    """Of that step, as `diff_concepts` has it."""


@dataclass(frozen=True)
class ConceptCourse:
    """A vocabulary entry over the checkpoints."""

    text: str
    first_named: str
    """The first checkpoint at which it names a neuron, be it a single one."""
    first_rise: str | None
    """The first checkpoint at which its share is greater than before by more than chance; unset where there is none."""
    points: tuple[ConceptPoint, ...]
    """One a checkpoint."""


@dataclass(frozen=True)
class Series:
    """Checkpoints of a training by what their neurons are called."""

    checkpoints: tuple[Checkpoint, ...]
    """In the order asked."""
    steps: tuple[SeriesStep, ...]
    concepts: tuple[ConceptCourse, ...]
    """By the checkpoint that first knows them, then by their greatest share."""
    absent: int
    """Entries that name no neuron of any; they are not listed."""


@dataclass(frozen=True)
class MapPoint:
    """An alive neuron on the map."""

    index: str
    neuron: Neuron
    x: float
    """In [-1, 1], as `y`; only who is near whom means something, not the directions nor great distances."""
    y: float
    label: str | None
    """Its name, as `label` would; unset when abstaining."""
    alignment: float | None
    """Of the name."""


@dataclass(frozen=True)
class ConceptMap:
    """Neurons of one or several indexes of one embedding space, laid out in a plane: alike ones lie together."""

    indexes: tuple[str, ...]
    alive: int
    """Alive neurons of all indexes; where that is more than there are points, the points are a uniform sample."""
    perplexity: float
    """How many neighbours t-SNE gave each neuron, roughly."""
    points: tuple[MapPoint, ...]
    """In the order of the indexes."""
