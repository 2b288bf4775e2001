"""What pasting an overlay does to the margin and to the decision: tier 3, `intervention_effect` and `flip_rate`."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.interventions.overlays import PLACEBO
from indexer.interventions.running import margins
from lens_server.audit.laboratory import Outcomes, Unavailable
from lens_server.audit.measures.measure import Measured, Question
from lens_server.audit.probe_set import YES
from lens_server.audit.rulebook import Concept
from lens_server.audit.scene import Scene
from lens_server.audit.statistics import mean_estimate, share_floor


class Pairs(NamedTuple):
    """Images without and with an overlay."""

    places: NDArray[np.int64]
    """In the probe set [n]."""
    before: NDArray[np.float64]
    """Logits [n, classes]."""
    after: NDArray[np.float64]
    placebo: NDArray[np.float64]
    """With the placebo overlay instead."""


Values = Callable[[Scene, Question, Pairs], tuple[NDArray[np.float64], float]]
"""One value for each pair, and the least standard error of their mean."""


def intervention_effect(scene: Scene, question: Question) -> Measured:
    """Mean paired change of the class margin, in its standard deviations, from pasting the overlay."""
    return _measured(scene, question, _changes)


def flip_rate(scene: Scene, question: Question) -> Measured:
    """Share of images whose decision on the class changes, less the placebo overlay's share."""
    return _measured(scene, question, _flips)


def confirming(scene: Scene, question: Question) -> Measured:
    """What a rule's `confirm_by` asks: the flip rate, or the intervention's effect beyond the placebo overlay's."""
    return _measured(scene, question, _flips if question.rule.confirm_by == "flip_rate" else _changes_beyond)


def pairs_of(scene: Scene, concept: Concept) -> Pairs:
    """The images that lack a concept, without and with its overlay; raises Unavailable."""
    outcomes: Outcomes = scene.laboratory.outcomes
    presence = scene.presence(concept)
    lacking = presence.values[outcomes.places] != YES if presence.by_column else np.ones(len(outcomes.places), bool)
    return Pairs(
        outcomes.places[lacking],
        outcomes.untouched[lacking],
        outcomes.pasted[concept.overlay][lacking],
        outcomes.pasted[PLACEBO][lacking],
    )


def flipped(before: NDArray[np.float64], after: NDArray[np.float64], output: int) -> NDArray[np.float64]:
    """1 where a decision for the class is newly made, −1 where it is given up, else 0 [n]."""
    decided = (logits.argmax(axis=1) == output for logits in (after, before))
    new, old = (each.astype(np.float64) for each in decided)
    return np.asarray(new - old)


def _measured(scene: Scene, question: Question, values_of: Values) -> Measured:
    (concept,) = question.concepts
    assert question.output is not None
    evidence = f"overlay {concept.overlay}"
    try:
        pairs = pairs_of(scene, concept)
    except Unavailable as fault:
        return Measured(None, evidence, why=f"needs the subject, and {fault.message}")
    count, needed = len(pairs.places), scene.rulebook.statistics.min_absent
    if count < needed:
        why = f"{count} images lack it; {needed} are needed"
        return Measured(None, evidence, count, count, why)
    groups = scene.probe_set.groups[pairs.places]
    values, floor = values_of(scene, question, pairs)
    draws, seed = scene.bootstrap
    return Measured(mean_estimate(values, groups, draws, seed, floor), evidence, count, count)


def _changes(scene: Scene, question: Question, pairs: Pairs) -> tuple[NDArray[np.float64], float]:
    assert question.output is not None
    change = margins(pairs.after, question.output) - margins(pairs.before, question.output)
    return change / scene.spread(question.output), 0.0


def _changes_beyond(scene: Scene, question: Question, pairs: Pairs) -> tuple[NDArray[np.float64], float]:
    assert question.output is not None
    change = margins(pairs.after, question.output) - margins(pairs.placebo, question.output)
    return change / scene.spread(question.output), 0.0


def _flips(scene: Scene, question: Question, pairs: Pairs) -> tuple[NDArray[np.float64], float]:
    assert question.output is not None
    own, placebo = (flipped(pairs.before, each, question.output) for each in (pairs.after, pairs.placebo))
    floor, direction = share_floor(len(own)), question.rule.direction
    if direction == "for":
        return (own > 0).astype(np.float64) - (placebo > 0), floor
    if direction == "against":
        # A share that may not exceed a limit; the sign that `against` judges by is that of a falling margin.
        return (placebo < 0).astype(np.float64) - (own < 0), floor
    return np.abs(own) - np.abs(placebo), floor
