"""Share of neurons flagged for a concept: tier 1, a candidate for reliance and no proof of it."""

import numpy as np

from lens_server.audit.measures.measure import Measured, Question
from lens_server.audit.measures.seeing import blind, doubt
from lens_server.audit.scene import Scene
from lens_server.audit.statistics import Estimate

_EVIDENCE = "exemplars"


def encoded(scene: Scene, question: Question) -> Measured:
    """Flagged among the neurons that are clear enough and have enough exemplars; no spread."""
    refusal = blind(scene, question, _EVIDENCE)
    if refusal is not None:
        return refusal
    flags = scene.flags
    asked = int(flags.counted.sum())
    if not asked:
        return Measured(None, _EVIDENCE, why="no neuron is alive, clear and has enough exemplars")
    marked = np.zeros(len(flags.rows), dtype=bool)
    for concept in question.concepts:
        marked |= flags.of(concept.id)
    found = int((marked & flags.counted).sum())
    return Measured(
        Estimate(found / asked, 0.0, asked), _EVIDENCE, found, asked - found, caution=doubt(scene, question)
    )
