"""One claim of a rule: what was measured, against which limit, with what evidence."""

from dataclasses import dataclass, field
from enum import Enum


class Verdict(Enum):
    """What was found. Absence of evidence is never a pass."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_ASSESSABLE = "not assessable"
    WAIVED = "waived"


class Change(Enum):
    """A finding against the baseline's."""

    NEW = "new"
    UNCHANGED = "unchanged"
    FIXED = "fixed"
    WORSE = "worse"


class Severity(Enum):
    """How much a broken rule matters; the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


@dataclass(frozen=True)
class Picture:
    """A JPEG, held once however often it is shown."""

    id: str
    """First 16 hexadecimal digits of the sha256 of `jpeg`."""
    jpeg: bytes = field(repr=False)


@dataclass(frozen=True)
class Witness:
    """A neuron flagged for a concept."""

    neuron: str
    alignment: float
    """Cosine with the concept's probe; as words and images lie apart, it may be negative."""
    shown: float
    """How strongly its exemplars show the concept: 0 as images without it do, 1 as images with it."""
    p: float
    """Corrected over neurons and concepts."""
    relevance: float | None
    """Share of the class's relevance; unset where the index holds none."""
    exemplars: tuple[str, ...]
    """Picture ids of its strongest exemplars."""


@dataclass(frozen=True)
class EvidencePair:
    """One image without and with the artefact, all else equal."""

    key: str
    """Sample."""
    without: str
    """Picture id."""
    having: str
    """Picture id."""
    margin_without: float
    margin_having: float
    decision_without: str
    """Class decided, by name."""
    decision_having: str
    flipped: bool


@dataclass(frozen=True)
class Dose:
    """The effect of an artefact laid on at part of its strength."""

    strength: float
    """Opacity of the overlay, 0 to 1."""
    effect: float
    """Mean change of the class margin, in its standard deviations."""
    flips: float
    """Share of images whose decision changes."""


@dataclass(frozen=True)
class Confirmation:
    """A second measure asked because the rule says `confirm_by`."""

    measure: str
    estimate: float | None
    """Unset where it could not be measured; the bounds likewise."""
    lower: float | None
    upper: float | None
    outcome: str
    """`confirmed`, `not confirmed` or `not measured`."""


@dataclass(frozen=True)
class Result:
    """One claim of a rule: a measure of one concept (or, summed, of several) for one class."""

    concepts: tuple[str, ...]
    class_name: str | None
    """Unset for measures that know no class."""
    verdict: Verdict
    estimate: float | None
    """Unset where nothing was measured; the bounds likewise."""
    lower: float | None
    upper: float | None
    """Bounds at the corrected level; equal to the estimate for measures without spread."""
    error: float | None
    """Standard error of the estimate; 0 for measures without spread."""
    limit: float
    direction: str
    """`for`, `against` or `either`: which sign of the effect is judged."""
    evidence: str
    """Where presence comes from: `column NAME`, `foundation model`, `overlay NAME`, `stored relevance`, `exemplars`."""
    present: int
    """Images with the concept (pairs, for interventions)."""
    absent: int
    groups: int
    """Independent groups among them."""
    smallest_excluded: float | None
    """When inconclusive: the smallest effect this probe set could have excluded."""
    note: str
    """Why the verdict is not simply that of the interval; empty when it is."""
    confirmation: Confirmation | None
    baseline: float | None
    """The baseline's estimate of the same claim."""
    change: Change | None
    """Against the baseline; unset without one."""
    waiver: str | None
    """Id of the waiver that covers it."""
    witnesses: tuple[Witness, ...]
    """The strongest first, at most six."""
    pairs: tuple[EvidencePair, ...]
    """Flips first, at most six."""
    doses: tuple[Dose, ...]
    """Dose and response of the overlay, weakest first; empty where it was not measured."""
