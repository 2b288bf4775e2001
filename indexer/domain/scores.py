"""Clarity, polysemanticity, redundancy and set similarity (METHODS 1)."""

import numpy as np
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors, normalise

_BLOCK = 4096
_EQUAL = 1e-6
"""Rows this much short of cosine 1 are the same row."""
_NO_LENGTH = 1e-14
"""Squared lengths of two centres, multiplied, of which one is none."""


def clarity(exemplars: Vectors) -> float | None:
    """Mean cosine over pairs a ≠ b of unit rows [k, d], in [−1/(k−1), 1]; None for k < 2."""
    return _known(clarities(exemplars[None], np.array([len(exemplars)])))


def clarities(sets: Vectors, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Clarity of sets of unit rows [n, k, d], zero beyond the count of each → [n]; NaN for fewer than two."""
    totals = sets.sum(axis=1, dtype=np.float64)
    own = np.einsum("nkd,nkd->n", sets, sets, dtype=np.float64)
    pairs = (counts * (counts - 1)).astype(np.float64)
    squares = np.einsum("nd,nd->n", totals, totals)
    result = np.full(len(sets), np.nan)
    np.divide(squares - own, pairs, out=result, where=pairs > 0)
    return result


def polysemanticity(exemplars: Vectors) -> float | None:
    """1 − cosine of the two 2-means cluster centres of unit rows [k, d]; None for k < 2, 0 when all rows are equal.

    The cosine of two centres is their clarity. Lloyd's iterations start from the most distant pair of rows (the
    first such pair in row order), so that the same exemplars give the same number.
    """
    return _known(polysemanticities(exemplars[None], np.array([len(exemplars)])))


def polysemanticities(sets: Vectors, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Polysemanticity of sets of unit rows [n, k, d], zero beyond the count of each → [n]; NaN for fewer than two."""
    rows = sets.astype(np.float64)
    similarity = rows @ rows.transpose(0, 2, 1)
    result = np.full(len(sets), np.nan)
    there = np.arange(sets.shape[1]) < counts[:, None]
    result[counts >= 2] = 0.0
    several = np.flatnonzero(counts >= 2)
    apart = np.where(there[several, :, None] & there[several, None], similarity[several], np.inf)
    flat = apart.reshape(len(several), sets.shape[1] ** 2)
    start, differing = flat.argmin(axis=1), flat.min(axis=1) < 1 - _EQUAL
    chosen, pairs = several[differing], np.stack(divmod(start[differing], sets.shape[1]), axis=1)
    result[chosen] = 1 - _two_means(similarity[chosen], there[chosen], pairs)
    return result


def _two_means(
    similarity: NDArray[np.float64], there: NDArray[np.bool_], pairs: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cosine of the centres of two clusters, from cosines [n, k, k] alone; starts from rows `pairs` [n, 2].

    A centre is its weights over the rows [n, 2, k]: x · c = S w, c · c' = w S w'. Neither cluster ever becomes empty,
    since a centre's own side of the border holds one of the rows that it is the mean of.
    """
    count, k = there.shape
    weights = np.zeros((count, 2, k))
    np.put_along_axis(weights, pairs[:, :, None], 1.0, axis=2)
    members, active = np.full((count, k), -1), np.arange(count)
    while len(active):
        own = weights[active] @ similarity[active]
        lengths = np.einsum("ncj,ncj->nc", own, weights[active])
        nearest = np.where(there[active], (lengths[:, :, None] - 2 * own).argmin(axis=1), -1)
        moved = (nearest != members[active]).any(axis=1)
        active, nearest = active[moved], nearest[moved]
        members[active] = nearest
        inside = nearest[:, None] == np.arange(2)[:, None]
        sizes = inside.sum(axis=2, keepdims=True)
        weights[active] = np.where(sizes > 0, inside / np.maximum(sizes, 1), weights[active])
    products = weights @ similarity @ weights.transpose(0, 2, 1)
    squared = products[:, 0, 0] * products[:, 1, 1]
    return np.divide(products[:, 0, 1], np.sqrt(np.abs(squared)), out=np.zeros(count), where=squared > _NO_LENGTH)


def redundancy(concepts: Vectors, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """max over j ≠ i of cos(ϑ_i, ϑ_j) within one layer [neurons, d]; NaN where i is not alive or has no other.

    Every pair is compared once, in blocks: time grows with the square of the neurons, memory does not.
    """
    result = np.full(len(concepts), np.nan)
    rows = np.flatnonzero(alive)
    if len(rows) < 2:
        return result
    unit = normalise(concepts[rows])
    highest = np.full(len(rows), -np.inf, dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        first = slice(start, start + _BLOCK)
        for other in range(start, len(rows), _BLOCK):
            second = slice(other, other + _BLOCK)
            cosines = unit[first] @ unit[second].T
            if start == other:
                np.fill_diagonal(cosines, -np.inf)
            else:
                highest[second] = np.maximum(highest[second], cosines.max(axis=0))
            highest[first] = np.maximum(highest[first], cosines.max(axis=1))
    result[rows] = highest
    return result


def _known(values: NDArray[np.float64]) -> float | None:
    return None if np.isnan(values[0]) else float(values[0])


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
