"""Which neurons encode which concept: tier 1."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.domain.significance import NullSets
from indexer.domain.states import State
from indexer.index.reader import STATES, Index
from lens_server.audit.rulebook import Statistics
from lens_server.audit.sight import Sight
from lens_server.audit.statistics import adjusted, tail

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
    """Flag a neuron for a concept when its alignment beats random exemplar sets of its size, after correction, and its
    exemplars show the concept at least halfway.

    Significance alone is blind to size: a neuron with any structure differs from random sets in almost every direction,
    that of meaningless words too. The yardstick of a placebo, which no image shows, is the median concept's.
    """
    rows = _asked(index, layers, statistics.min_exemplars)
    units = sight.units()
    alignment = np.asarray(index.concept_vectors[rows] @ units.T, dtype=np.float32).reshape(len(rows), len(sight.names))
    p = adjusted(_against_random(index, rows, alignment, units, statistics), statistics.correction)
    halfway = _way(index, rows, sight) >= HALFWAY
    return Flags(sight.names, rows, _clear(index, rows, statistics), alignment, p, (p <= statistics.alpha) & halfway)


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
    for size in np.unique(sizes):
        null = NullSets(index.exemplar_vectors, int(size), asked.null_draws).concepts @ units.T
        of_size = np.flatnonzero(sizes == size)
        for column in range(len(units)):
            drawn = np.sort(null[:, column].astype(np.float64))
            p[of_size, column] = tail(drawn, alignment[of_size, column].astype(np.float64))
    return p


def _way(index: Index, rows: NDArray[np.int64], sight: Sight) -> NDArray[np.float64]:
    """How far each neuron's exemplars lie on the way from images without a concept (0) to images with it (1)."""
    shown = np.asarray(index.exemplar_vectors @ sight.directions.T, dtype=np.float64)
    embedding = np.asarray(index.all_exemplars("embedding")["embedding"])
    first, count = index.neurons.first_exemplar[rows], index.neurons.exemplar_count[rows]
    totals = np.concatenate([np.zeros((1, shown.shape[1])), np.cumsum(shown[embedding], axis=0)])
    means = (totals[first + count] - totals[first]) / np.maximum(count, 1)[:, None]
    without, gap = _yardsticks(sight)
    return np.asarray((means - without) / gap)


def _yardsticks(sight: Sight) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known: Mapping[str, float] = {name: each.gap for name, each in sight.competence.items()}
    typical = float(np.median(list(known.values()))) if known else 1.0
    without, gaps = [], []
    for column, name in enumerate(sight.names):
        if name in sight.competence:
            without.append(sight.competence[name].without)
            gaps.append(max(known[name], 1e-9))
        else:
            ordered = np.sort(sight.scores[:, column])
            without.append(float(ordered[: max(len(ordered) // 2, 1)].mean()))
            gaps.append(max(typical, 1e-9))
    return np.array(without), np.array(gaps)
