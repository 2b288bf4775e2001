"""What must hold before a measure may look through the foundation model's eyes."""

from lens_server.audit.measures.measure import Measured, Question
from lens_server.audit.scene import Scene


def blind(scene: Scene, question: Question, evidence: str) -> Measured | None:
    """A refusal when the foundation model cannot see one of the concepts; None where it can or nobody knows."""
    reasons = [f"{each.id}: {why}" for each in question.concepts if (why := scene.unseen(each))]
    if not reasons:
        return None
    return Measured(None, evidence, why="; ".join(reasons), assessable=False)


def doubt(scene: Scene, question: Question) -> str:
    """A caution when nobody knows whether the foundation model sees the concepts."""
    unknown = [each.id for each in question.concepts if scene.unmeasured(each)]
    if not unknown:
        return ""
    return f"whether the foundation model sees {', '.join(unknown)} was not measured: there are no control images"
