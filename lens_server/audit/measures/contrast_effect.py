"""Mean margin with a concept less without it, within the true class and strata of valid concepts: tier 2."""

import numpy as np
from numpy.typing import NDArray

from lens_server.audit.contrast import contrast
from lens_server.audit.measures.measure import Measured, Question
from lens_server.audit.measures.seeing import blind, doubt
from lens_server.audit.probe_set import NO, UNKNOWN, YES
from lens_server.audit.rulebook import Concept
from lens_server.audit.scene import Presence, Scene
from lens_server.audit.statistics import Estimate


def contrast_effect(scene: Scene, question: Question) -> Measured:
    """In standard deviations of the margin; summed over concepts where the rule sums, sizes without signs."""
    parts = [_of_one(scene, question, concept) for concept in question.concepts]
    if len(parts) == 1:
        return parts[0]
    known = [part.estimate for part in parts if part.estimate is not None]
    if len(known) < len(parts):
        return next(part for part in parts if part.estimate is None)
    shortest = min(len(each.draws) for each in known)
    replicates = np.sum([np.sign(each.value) * each.draws[:shortest] for each in known], axis=0)
    size = sum(abs(each.value) for each in known)
    total = Estimate.of_draws(size, replicates, min(each.groups for each in known))
    return Measured(
        total,
        "; ".join(dict.fromkeys(part.evidence for part in parts)),
        min(part.present for part in parts),
        min(part.absent for part in parts),
        caution=next((part.caution for part in parts if part.caution), ""),
    )


def _of_one(scene: Scene, question: Question, concept: Concept) -> Measured:
    assert question.output is not None
    presence = scene.presence(concept)
    alone = Question(question.rule, (concept,), question.class_name, question.output)
    if not presence.by_column and (refusal := blind(scene, alone, presence.source)):
        return refusal
    if (scene.probe_set.truth < 0).all():
        return Measured(None, presence.source, why="the probe set names no true class, so none can be held fixed")
    classes, (present, absent) = _usable_classes(scene, presence)
    if not len(classes):
        return Measured(None, presence.source, present, absent, _too_few(scene, present, absent))
    usable = np.where(np.isin(scene.probe_set.truth, classes), presence.values, UNKNOWN).astype(np.int8)
    strata, left_out = _strata(scene, question)
    if question.rule.adjust_for and left_out == len(question.rule.adjust_for):
        why = "the foundation model sees none of the concepts it is to be adjusted for"
        return Measured(None, presence.source, present, absent, why, assessable=False)
    margin = scene.margin(question.output)
    found = contrast(margin, usable, strata, scene.probe_set.groups, scene.bootstrap)
    if found is None:
        why = "no stratum has images with and without it"
        return Measured(None, presence.source, present, absent, why)
    return Measured(found, presence.source, present, absent, caution="" if presence.by_column else doubt(scene, alone))


def _usable_classes(scene: Scene, presence: Presence) -> tuple[NDArray[np.int64], tuple[int, int]]:
    """True classes with enough images of both kinds, and how many images they have; the fullest where none does."""
    needed, truth = scene.rulebook.statistics, scene.probe_set.truth
    usable, sums, fullest = [], np.zeros(2, dtype=np.int64), (0, 0)
    for number in np.unique(truth[truth >= 0]):
        of_class = truth == number
        having = int((presence.values[of_class] == YES).sum())
        lacking = int((presence.values[of_class] == NO).sum())
        fullest = max(fullest, (having, lacking), key=min)
        if having >= needed.min_present and lacking >= needed.min_absent:
            usable.append(int(number))
            sums += (having, lacking)
    counted = (int(sums[0]), int(sums[1])) if usable else fullest
    return np.array(usable, dtype=np.int64), counted


def _too_few(scene: Scene, present: int, absent: int) -> str:
    needed = scene.rulebook.statistics
    return (
        f"no true class has {needed.min_present} images with it and {needed.min_absent} without; "
        f"the fullest has {present} and {absent}"
    )


def _strata(scene: Scene, question: Question) -> tuple[NDArray[np.int64], int]:
    """True class and each concept to adjust for [n, 1 + k], and how many of these the foundation model cannot see.

    A column gives two strata; the foundation model's scores three: the lowest half, the highest 15 %, and between.
    """
    columns = [scene.probe_set.truth]
    left_out = 0
    for name in question.rule.adjust_for:
        concept = scene.rulebook.concept(name)
        presence = scene.presence(concept)
        if presence.by_column:
            columns.append(presence.values.astype(np.int64))
        elif scene.unseen(concept):
            left_out += 1
        else:
            columns.append(presence.values.astype(np.int64) + 1)
    return np.stack(columns, axis=1), left_out
