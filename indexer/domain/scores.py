"""Clarity, polysemanticity, redundancy and set similarity (METHODS 1)."""

import numpy as np
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors, normalise

_BLOCK = 4096


def clarity(exemplars: Vectors) -> float | None:
    """Mean cosine over pairs a ≠ b of unit rows [k, d], in [−1/(k−1), 1]; None for k < 2."""
    k = len(exemplars)
    if k < 2:
        return None
    total = exemplars.sum(axis=0, dtype=np.float64)
    own = np.einsum("kd,kd->", exemplars, exemplars, dtype=np.float64)
    return float((total @ total - own) / (k * (k - 1)))


def polysemanticity(exemplars: Vectors) -> float | None:
    """1 − cosine of the two 2-means cluster centres of unit rows [k, d]; None for k < 2, 0 when all rows are equal.

    The cosine of two centres is their clarity. Lloyd's iterations start from the most distant pair of rows (the
    first such pair in row order), so that the same exemplars give the same number.
    """
    k = len(exemplars)
    if k < 2:
        return None
    similarity = exemplars.astype(np.float64) @ exemplars.T.astype(np.float64)
    a, b = divmod(int(similarity.argmin()), k)
    if similarity[a, b] >= 1 - 1e-6:
        return 0.0
    centres = _two_means(exemplars.astype(np.float64), a, b)
    lengths = np.linalg.norm(centres, axis=1)
    return float(1 - centres[0] @ centres[1] / lengths.prod()) if lengths.all() else 1.0


def _two_means(rows: NDArray[np.float64], a: int, b: int) -> NDArray[np.float64]:
    centres, members = rows[[a, b]], np.full(len(rows), -1)
    while True:
        distance = (centres**2).sum(axis=1)[None] - 2 * rows @ centres.T
        nearest = distance.argmin(axis=1)
        if np.array_equal(nearest, members):
            return centres
        members = nearest
        centres = np.stack([rows[members == c].mean(axis=0) if (members == c).any() else centres[c] for c in (0, 1)])


def redundancy(concepts: Vectors, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """max over j ≠ i of cos(ϑ_i, ϑ_j) within one layer [neurons, d]; NaN where i is not alive or has no other."""
    result = np.full(len(concepts), np.nan)
    rows = np.flatnonzero(alive)
    if len(rows) < 2:
        return result
    unit = normalise(concepts[rows])
    for start in range(0, len(rows), _BLOCK):
        cosines = unit[start : start + _BLOCK] @ unit.T
        cosines[np.arange(len(cosines)), start + np.arange(len(cosines))] = -np.inf
        result[rows[start : start + _BLOCK]] = cosines.max(axis=1)
    return result


def nearest_in(a: Vectors, b: Vectors) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """For each row of a [n, d] the highest cosine to a row of b [m, d], and that row's number (the first on ties)."""
    best, where = np.empty(len(a), dtype=np.float32), np.empty(len(a), dtype=np.int64)
    a, b = normalise(a), normalise(b)
    for start in range(0, len(a), _BLOCK):
        cosines = a[start : start + _BLOCK] @ b.T
        where[start : start + _BLOCK] = cosines.argmax(axis=1)
        best[start : start + _BLOCK] = cosines.max(axis=1)
    return best, where


def set_similarity(a: Vectors, b: Vectors) -> float:
    """S(A→B) = mean over a ∈ A of max over b ∈ B of cos(a, b); asymmetric. Both sets must have rows."""
    return float(nearest_in(a, b)[0].mean(dtype=np.float64))


def auroc(present: NDArray[np.floating], absent: NDArray[np.floating]) -> float:
    """Chance that a score where something is present exceeds one where it is not; ties count half."""
    ordered = np.sort(absent)
    below = np.searchsorted(ordered, present, side="left") + np.searchsorted(ordered, present, side="right")
    return float(below.mean() / (2 * len(absent)))
