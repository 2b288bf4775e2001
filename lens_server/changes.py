"""Two indexes by what their neurons are called: answers, like those of `answers.py`, and converted like them."""

from dataclasses import dataclass
from enum import StrEnum

from lens_server.answers import Pair


class Trend(StrEnum):
    """What became of a concept from A to B."""

    APPEARED = "appeared"
    VANISHED = "vanished"
    STRENGTHENED = "strengthened"
    WEAKENED = "weakened"
    SAME = "same"


@dataclass(frozen=True)
class ConceptStrength:
    """How many neurons of an index a vocabulary entry names, and how well."""

    neurons: int
    """Alive neurons that it names, as `label` would."""
    share: float
    """Share of all alive neurons."""
    best: str | None
    """The best aligned neuron that it names; unset where it names none, and so are the next two."""
    alignment: float | None
    z: float | None
    """The same against the null of random exemplar sets, in its standard deviations."""


@dataclass(frozen=True)
class ConceptChange:
    """A vocabulary entry in A and in B."""

    text: str
    trend: Trend
    a: ConceptStrength
    b: ConceptStrength
    p_corrected: float
    """Fisher's exact test of the two shares, two-sided, Benjamini-Hochberg over the entries listed."""
    matches: tuple[Pair, ...]
    """One-to-one matching of the greatest total similarity among the neurons that it names, best first; at most 20."""


@dataclass(frozen=True)
class ConceptDiff:
    """Two indexes by concepts; neurons are matched by concept, never by number: retraining permutes them."""

    a: str
    b: str
    alive_a: int
    alive_b: int
    named_a: int
    """Alive neurons of A that some entry names."""
    named_b: int
    absent: int
    """Entries that name no neuron of either; they are not listed."""
    concepts: tuple[ConceptChange, ...]
    """Appeared, vanished, strengthened, weakened, then the same; within each the lowest p first."""
