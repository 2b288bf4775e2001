"""Which neurons of a layer say the same?"""

import numpy as np
from numpy.typing import NDArray

from indexer.index.reader import Index
from lens_server.answers import Pair
from lens_server.queries.filters import with_vectors

_BLOCK = 2048


def redundant_pairs(index: Index, rows: NDArray[np.int64], limit: int) -> tuple[Pair, ...]:
    """The most similar pairs among `rows`, most similar first; the first of a pair comes first in the index."""
    rows = with_vectors(index, rows)
    vectors = np.asarray(index.concept_vectors[rows])
    found: list[tuple[float, int, int]] = []
    for start in range(0, len(rows), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ vectors.T
        later = np.arange(len(rows))[None] > (start + np.arange(len(cosines)))[:, None]
        cosines[~later] = -np.inf
        flat = cosines.ravel()
        best = np.argpartition(-flat, min(limit, flat.size) - 1)[:limit]
        found += [
            (-float(flat[n]), start + int(n) // len(rows), int(n) % len(rows)) for n in best if np.isfinite(flat[n])
        ]
        found = sorted(found)[:limit]
    return tuple(
        Pair(str(index.neurons.id(int(rows[i]))), str(index.neurons.id(int(rows[j]))), -s) for s, i, j in found
    )
