"""Every row, every time: the oracle, and the fastest up to some 200,000 rows."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.engines.engine import Nearest, Rows
from indexer.errors import InvalidInput

_SPARSE = 0.25
"""Below this share of permitted rows they are gathered, above it all are multiplied and masked."""


class ExactEngine:
    """A matrix-vector product and a partial sort."""

    def __init__(self, argument: str, *, vectors: NDArray[np.float32], folder: Path | None = None) -> None:
        self._vectors = vectors

    @staticmethod
    def check(argument: str, dimension: int) -> None:
        """See `Engine.check`."""
        if argument:
            raise InvalidInput(f"The engine 'exact' takes no argument, but got {argument!r}.", hint="Write exact.")

    def search(self, probe: NDArray[np.float32], limit: int, rows: Rows = None) -> Nearest:
        """See `Engine.search`."""
        if rows is None:
            return _best(self._vectors @ probe, limit)
        if isinstance(rows, slice):
            found = _best(self._vectors[rows] @ probe, limit)
            return Nearest(found.rows + (rows.start or 0), found.scores)
        if len(rows) < _SPARSE * len(self._vectors):
            found = _best(self._vectors[rows] @ probe, limit)
        else:
            found = _best((self._vectors @ probe)[rows], limit)
        return Nearest(rows[found.rows], found.scores)

    def save(self, folder: Path) -> None:
        """Nothing to keep: the vectors are the engine."""


def _best(scores: NDArray[np.float32], limit: int) -> Nearest:
    limit = min(limit, len(scores))
    if limit == 0:
        return Nearest(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
    threshold = np.partition(scores, len(scores) - limit)[len(scores) - limit]
    above = np.flatnonzero(scores > threshold)
    level = np.flatnonzero(scores == threshold)[: limit - len(above)]
    chosen = np.concatenate([above, level])
    order = np.lexsort((chosen, -scores[chosen]))
    return Nearest(chosen[order], scores[chosen[order]])
