"""What a measure is."""

from dataclasses import dataclass
from typing import Protocol

from lens_server.audit.rulebook import Concept, Rule
from lens_server.audit.scene import Scene
from lens_server.audit.statistics import Estimate


@dataclass(frozen=True)
class Question:
    """What is measured: of one concept or, summed, of several; for one class, or for none."""

    rule: Rule
    concepts: tuple[Concept, ...]
    class_name: str | None
    output: int | None
    """Number of the class among the subject's outputs."""


@dataclass(frozen=True)
class Measured:
    """What came of it."""

    estimate: Estimate | None
    """Unset where it could not be measured; `why` says why."""
    evidence: str
    present: int = 0
    absent: int = 0
    why: str = ""
    assessable: bool = True
    """False: not inconclusive but beyond what can be assessed."""
    caution: str = ""
    """A doubt that a small effect proves nothing under, e.g. that the foundation model's competence is unknown."""


class Measure(Protocol):
    """Measures one question on one scene; a pure function of both."""

    def __call__(self, scene: Scene, question: Question) -> Measured:
        """The estimate and what it rests on."""
        ...
