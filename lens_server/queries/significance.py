"""z and p of alignments, against random exemplar sets of each neuron's own size."""

import math
import threading
from collections import OrderedDict

from indexer.domain.embeddings import Vectors
from indexer.domain.significance import DRAWS, NullSets
from indexer.index.reader import Index

_KEPT = 40


class Significance:
    """The nulls of one index, made when first needed and kept."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._sets: OrderedDict[tuple[int, int], NullSets] = OrderedDict()
        self._lock = threading.Lock()

    def sets(self, size: int, draws: int = DRAWS) -> NullSets:
        """Random sets of `size` exemplars."""
        with self._lock:
            if (size, draws) not in self._sets:
                self._sets[size, draws] = NullSets(self._index.exemplar_vectors, size, draws)
                while len(self._sets) > _KEPT:
                    self._sets.popitem(last=False)
            self._sets.move_to_end((size, draws))
            return self._sets[size, draws]

    def judge(
        self, probe: Vectors, alignments: list[float], sizes: list[int]
    ) -> list[tuple[float | None, float | None]]:
        """(z, p) of each alignment with the probe, for neurons of these numbers of exemplars."""
        nulls = {size: self.sets(size).null(probe) for size in set(sizes)}
        judged: list[tuple[float | None, float | None]] = []
        for alignment, size in zip(alignments, sizes, strict=True):
            z = float(nulls[size].z(alignment))
            judged.append((None if math.isnan(z) else z, float(nulls[size].p(alignment))))
        return judged
