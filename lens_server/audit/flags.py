"""Which neurons encode which concept: tier 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.domain.significance import adjusted
from indexer.domain.states import State
from indexer.index.reader import STATES, Index
from lens_server.audit.rulebook import Statistics
from lens_server.audit.sight import Sight
from lens_server.audit.statistics import tail
from lens_server.queries.significance import by_kind, kinds_of, null_sets, pool_of

HALFWAY = 0.5
"""A flagged neuron's exemplars score at least half the way from images without the concept to images with it (ours)."""


@dataclass(frozen=True)
class Flags:
    """Neurons against concepts and placebos."""

    names: tuple[str, ...]
    rows: NDArray[np.int64]
    """Rows of the index that are asked: alive or always on, of the target's layers, with enough exemplars [m]."""
    counted: NDArray[np.bool_]
    """Those clear enough for the counts of tier 1 [m]."""
    alignment: NDArray[np.float32]
    """[m, names]"""
    p: NDArray[np.float64]
    """Against random exemplar sets, corrected over neurons and names [m, names]."""
    way: NDArray[np.float64]
    """How far exemplars lie on the way from images without a concept (0) to images with it (1) [m, names]."""
    flagged: NDArray[np.bool_]
    """[m, names]"""

    def of(self, name: str) -> NDArray[np.bool_]:
        """Which of the rows are flagged for one name [m]."""
        marked: NDArray[np.bool_] = self.flagged[:, self.names.index(name)]
        return marked

    def count(self, name: str) -> int:
        """Flagged neurons that are clear enough."""
        return int((self.of(name) & self.counted).sum())


def flag(index: Index, layers: tuple[str, ...], sight: Sight, statistics: Statistics) -> Flags:
    """Flag a neuron for a concept when three things hold.

    Its alignment beats random exemplar sets of its size, after correction. Its exemplars show the concept at least
    halfway: significance alone is blind to size, and a neuron with any structure differs from random sets in almost
    every direction, that of meaningless words too. And no placebo fits it better, nor, for a placebo, any concept.
    """
    rows = _asked(index, layers, statistics.min_exemplars)
    units = sight.units()
    alignment = np.asarray(index.concept_vectors[rows] @ units.T, dtype=np.float32).reshape(len(rows), len(sight.names))
    p = adjusted(_against_random(index, rows, alignment, units, statistics), statistics.correction)
    shown = _shown(index, rows, sight)
    way = _way(shown, sight)
    flagged = (p <= statistics.alpha) & (way >= HALFWAY) & _unrivalled(shown, sight)
    return Flags(sight.names, rows, _clear(index, rows, statistics), alignment, p, way, flagged)


def _asked(index: Index, layers: tuple[str, ...], least: int) -> NDArray[np.int64]:
    neurons = index.neurons
    usable = np.isin(neurons.state, [STATES.index(State.ALIVE), STATES.index(State.ALWAYS_ON)])
    usable &= neurons.exemplar_count >= least
    if layers:
        usable &= np.isin(neurons.layer, [neurons.layers.index(layer) for layer in layers])
    return np.flatnonzero(usable)


def _clear(index: Index, rows: NDArray[np.int64], statistics: Statistics) -> NDArray[np.bool_]:
    clarity = index.neurons.clarity[rows]
    known = clarity[np.isfinite(clarity)]
    if not len(known):
        return np.ones(len(rows), dtype=bool)
    limit = np.percentile(known, statistics.min_clarity_percentile)
    return np.asarray(~(clarity < limit), dtype=bool)


def _against_random(
    index: Index, rows: NDArray[np.int64], alignment: NDArray[np.float32], units: NDArray[np.float32], asked: Statistics
) -> NDArray[np.float64]:
    p = np.ones(alignment.shape)
    sizes = index.neurons.exemplar_count[rows]
    for kind, places in by_kind(index, kinds_of(index), rows):
        pool = pool_of(index, kind)
        for size in np.unique(sizes[places]):
            null = null_sets(index, kind, pool, int(size), asked.null_draws).concepts @ units.T
            of_size = places[sizes[places] == size]
            for column in range(len(units)):
                drawn = np.sort(null[:, column].astype(np.float64))
                p[of_size, column] = tail(drawn, alignment[of_size, column].astype(np.float64))
    return p


def _shown(index: Index, rows: NDArray[np.int64], sight: Sight) -> NDArray[np.float64]:
    """Mean score of each neuron's exemplars [rows, names]."""
    scores = np.asarray(index.exemplar_vectors @ sight.directions.T, dtype=np.float64)
    embedding = np.asarray(index.all_exemplars("embedding")["embedding"])
    first, count = index.neurons.first_exemplar[rows], index.neurons.exemplar_count[rows]
    totals = np.concatenate([np.zeros((1, scores.shape[1])), np.cumsum(scores[embedding], axis=0)])
    return np.asarray((totals[first + count] - totals[first]) / np.maximum(count, 1)[:, None])


def _way(shown: NDArray[np.float64], sight: Sight) -> NDArray[np.float64]:
    """How far exemplars lie on the way from images without a concept (0) to images with it (1) [rows, names].

    Every image is one without a placebo; how far away images with it would lie, the median concept tells. What the
    foundation model sees upside down is nowhere.
    """
    known = {name: each for name, each in sight.competence.items() if each.gap > 0}
    typical = float(np.median([each.gap for each in known.values()])) if known else np.inf
    overall = sight.scores.mean(axis=0, dtype=np.float64)
    way = np.full(shown.shape, -np.inf)
    for column, name in enumerate(sight.names):
        if name in known:
            way[:, column] = (shown[:, column] - known[name].without) / known[name].gap
        elif name in sight.placebos:
            way[:, column] = (shown[:, column] - overall[column]) / typical
    return way


def _unrivalled(shown: NDArray[np.float64], sight: Sight) -> NDArray[np.bool_]:
    """Whether exemplars exceed the probe set's mean more than they do for any rival [rows, names]."""
    lift = shown - sight.scores.mean(axis=0, dtype=np.float64)
    placebo = np.isin(np.arange(len(sight.names)), [sight.names.index(each) for each in sight.placebos])
    strongest = {kind: lift[:, placebo == kind].max(axis=1, initial=-np.inf, keepdims=True) for kind in (True, False)}
    return np.asarray(np.where(placebo, lift > strongest[False], lift > strongest[True]))
