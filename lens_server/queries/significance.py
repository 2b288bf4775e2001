"""z and p of alignments, against random exemplar sets of each neuron's own size.

The sets are drawn from what was embedded of exemplars in the same way (whole or cropped), and become concept vectors as
the neurons' own did: a mean of random sets says nothing of contrastive vectors (`tests/oracles/test_known_truth.py`).
"""

import math
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.domain.contrast import shares
from indexer.domain.embeddings import Vectors
from indexer.domain.significance import DRAWS, POOL, SEED, Contrasting, NullSets
from indexer.domain.survey import size_for
from indexer.index.manifest import LayerOrigin
from indexer.index.reader import Index

_KEPT = 40
_WEIGHED = 64
"""Neurons whose exemplars' weights random sets take, drawn at random."""


class Kind(NamedTuple):
    """What the concept vectors of a layer's neurons are made of, and how."""

    crop: str
    gamma: float | None = None
    """Of contrastive vectors; None for means."""
    samples: int = 0
    """That contrasts are taken from."""


class Significance:
    """The nulls of one index, made when first needed and kept."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._kinds = kinds_of(index)
        self._sets: OrderedDict[tuple[Kind, int, int], NullSets] = OrderedDict()
        self._pools: dict[str, NDArray[np.int64]] = {}
        self._lock = threading.Lock()

    def clarity_limits(self, rows: NDArray[np.int64], size: int, quantile: float) -> NDArray[np.float64]:
        """This quantile of the clarity of random sets of `size`, for the neuron in each row."""
        limits = np.empty(len(rows))
        for kind, places in self.by_kind(rows):
            limits[places] = self.sets(size, kind=kind).clarity_limit(quantile)
        return limits

    def sets(self, size: int, draws: int = DRAWS, kind: Kind | None = None) -> NullSets:
        """Random sets of `size` exemplars; of the first layer's kind unless told otherwise."""
        kind = kind or self._kinds[0]
        key = kind, size, draws
        with self._lock:
            if key not in self._sets:
                if kind.crop not in self._pools:
                    self._pools[kind.crop] = pool_of(self._index, kind)
                self._sets[key] = null_sets(self._index, kind, self._pools[kind.crop], size, draws)
                while len(self._sets) > _KEPT:
                    self._sets.popitem(last=False)
            self._sets.move_to_end(key)
            return self._sets[key]

    def by_kind(self, rows: NDArray[np.int64]) -> list[tuple[Kind, NDArray[np.int64]]]:
        """The kinds among these rows, with the places in `rows` of each."""
        return by_kind(self._index, self._kinds, rows)

    def judge(
        self, probe: Vectors, alignments: Sequence[float], rows: Sequence[int]
    ) -> list[tuple[float | None, float | None]]:
        """(z, p) of each alignment of the neurons in these rows with the probe."""
        table = self._index.neurons
        asked = [(self._kinds[table.layer[row]], int(table.exemplar_count[row])) for row in rows]
        nulls = {each: self.sets(each[1], kind=each[0]).null(probe) for each in set(asked)}
        judged: list[tuple[float | None, float | None]] = []
        for alignment, each in zip(alignments, asked, strict=True):
            z = float(nulls[each].z(alignment))
            judged.append((None if math.isnan(z) else z, float(nulls[each].p(alignment))))
        return judged


def kinds_of(index: Index) -> list[Kind]:
    """The kind of each layer."""
    return [_kind(layer, index.survey.num_rows) for layer in index.manifest.layers]


def by_kind(index: Index, kinds: Sequence[Kind], rows: NDArray[np.int64]) -> list[tuple[Kind, NDArray[np.int64]]]:
    """The kinds among these rows, with the places in `rows` of each."""
    distinct = list(dict.fromkeys(kinds))
    numbers = np.array([distinct.index(kind) for kind in kinds])[index.neurons.layer[rows]]
    return [(distinct[number], np.flatnonzero(numbers == number)) for number in np.unique(numbers)]


def pool_of(index: Index, kind: Kind) -> NDArray[np.int64]:
    """Rows of the exemplar vectors that are an exemplar of some neuron of a layer cropped as this kind is."""
    named = np.zeros(len(index.exemplar_vectors), dtype=bool)
    embedding = np.asarray(index.all_exemplars("embedding")["embedding"])
    for number, layer in enumerate(index.manifest.layers):
        first, last = index.neurons.starts[number], index.neurons.starts[number + 1]
        if layer.crop == kind.crop and last > first:
            ends = index.neurons.first_exemplar[last - 1] + index.neurons.exemplar_count[last - 1]
            named[embedding[index.neurons.first_exemplar[first] : ends]] = True
    return np.flatnonzero(named)


def null_sets(index: Index, kind: Kind, pool: NDArray[np.int64], size: int, draws: int = DRAWS) -> NullSets:
    """Random sets of `size` exemplars out of `pool_of` this kind, made concept vectors as its neurons' are."""
    exemplars = index.exemplar_vectors
    if len(pool) < len(exemplars):
        few = min(len(pool), POOL)  # a copy of them all could be large
        exemplars = exemplars[np.sort(np.random.default_rng([SEED, len(pool)]).choice(pool, few, replace=False))]
    if kind.gamma is None:
        return NullSets(exemplars, size, draws)
    samples = index.exemplar_vectors[np.asarray(index.survey["embedding"])[: kind.samples]]
    return NullSets(exemplars, size, draws, Contrasting(samples, _weights(index, kind, size), kind.gamma))


def _kind(layer: LayerOrigin, surveyed: int) -> Kind:
    gamma = re.fullmatch(r"contrastive, gamma (.+)", layer.concept_vector)
    return Kind(layer.crop, float(gamma[1]), size_for(surveyed, layer.units)) if gamma else Kind(layer.crop)


def _weights(index: Index, kind: Kind, size: int) -> NDArray[np.float64]:
    """Weights [n, size] of the exemplars of some neurons of this kind with so many, or the nearest number, of them."""
    table = index.neurons
    layers = [number for number, each in enumerate(kinds_of(index)) if each == kind]
    rows = np.flatnonzero(np.isin(table.layer, layers) & (table.exemplar_count >= size))
    if not len(rows):
        return np.ones((1, size))
    chosen = np.random.default_rng([SEED, size]).choice(rows, min(_WEIGHED, len(rows)), replace=False)
    found = [index.exemplars(int(row)).slice(0, size) for row in np.sort(chosen)]
    ranked = [each["activation" if each["relevance"].null_count else "relevance"] for each in found]
    return shares(np.stack([np.asarray(each) for each in ranked]), np.full(len(ranked), size))
