"""What silencing the flagged neurons does, against random neurons: tier 3, weak proof (AUDIT.md)."""

import numpy as np
from numpy.typing import NDArray

from indexer.interventions.running import margins
from lens_server.audit.laboratory import Unavailable
from lens_server.audit.measures.measure import Measured, Question
from lens_server.audit.measures.seeing import blind, doubt
from lens_server.audit.probe_set import NO, YES
from lens_server.audit.scene import Scene
from lens_server.audit.statistics import mean_estimate

RANDOM_SETS = 5
MOST_IMAGES = 200


def ablation_effect(scene: Scene, question: Question) -> Measured:
    """Mean |Δy|/σ on images with the concept when flagged neurons are held at their mean on images without it, less the
    same for random sets of as many neurons of the same layers."""
    (concept,) = question.concepts
    assert question.output is not None
    presence = scene.presence(concept)
    if refusal := blind(scene, question, presence.source):
        return refusal
    having, lacking = (_some(scene, presence.values == each) for each in (YES, NO))
    needed, rows = scene.rulebook.statistics, scene.rows_flagged(question.concepts)
    if len(having) < needed.min_present or len(lacking) < needed.min_absent:
        why = f"{needed.min_present} images with it and {needed.min_absent} without are needed"
        return Measured(None, presence.source, len(having), len(lacking), why)
    if not len(rows):
        why = "no neuron is flagged for it, so there is nothing to ablate"
        return Measured(None, presence.source, len(having), len(lacking), why)
    try:
        before, after = scene.laboratory.ablated(having, lacking, [rows, *_random_sets(scene, rows)])
    except Unavailable as fault:
        return Measured(None, presence.source, len(having), len(lacking), f"needs the subject, and {fault.message}")
    output, spread = question.output, scene.spread(question.output)
    start = margins(before, output)
    own, *others = (np.abs(margins(each, output) - start) / spread for each in after)
    values = own - np.mean(others, axis=0)
    draws, seed = scene.bootstrap
    found = mean_estimate(values, scene.probe_set.groups[having], draws, seed)
    return Measured(found, presence.source, len(having), len(lacking), caution=doubt(scene, question))


def _some(scene: Scene, wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """At most MOST_IMAGES of the places wanted, fixed by the seed."""
    places = np.flatnonzero(wanted)
    rng = np.random.default_rng([scene.rulebook.statistics.seed, 17])
    return np.sort(rng.permutation(places)[:MOST_IMAGES])


def _random_sets(scene: Scene, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """As many neurons of each layer, drawn among those that are not flagged."""
    neurons = scene.index.neurons
    rng = np.random.default_rng([scene.rulebook.statistics.seed, 19])
    sets = []
    for _ in range(RANDOM_SETS):
        drawn = []
        for layer in np.unique(neurons.layer[rows]):
            wanted = int((neurons.layer[rows] == layer).sum())
            others = np.setdiff1d(scene.flags.rows[neurons.layer[scene.flags.rows] == layer], rows)
            drawn.append(rng.permutation(others)[:wanted])
        sets.append(np.concatenate(drawn))
    return [each for each in sets if len(each)] or [rows[:0]]
