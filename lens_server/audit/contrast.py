"""The within-class contrast: images with a concept against images without it, all else as equal as strata make it."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from lens_server.audit.probe_set import NO, UNKNOWN, YES
from lens_server.audit.sight import ABSENT_SHARE, PRESENT_SHARE
from lens_server.audit.statistics import Estimate, resampled


def presence_by_score(scores: NDArray[np.float32]) -> NDArray[np.int8]:
    """The highest 15 % show it, the lowest 50 % do not, the rest is unknown [n]."""
    order = np.argsort(scores, kind="stable")
    presence = np.full(len(scores), UNKNOWN, dtype=np.int8)
    presence[order[: int(len(order) * ABSENT_SHARE)]] = NO
    presence[order[len(order) - int(len(order) * PRESENT_SHARE) :]] = YES
    return presence


def contrast(
    effect: NDArray[np.float64],
    presence: NDArray[np.int8],
    strata: NDArray[np.int64],
    groups: NDArray[np.int64],
    bootstrap: tuple[int, int],
) -> Estimate | None:
    """Mean effect with the concept less without, within strata, averaged; None where no stratum has both.

    `effect` [n] is the class margin over its standard deviation, `strata` [n, k] are numbers that must all agree within
    a stratum (an image with a negative one is left out), `bootstrap` is (replicates, seed). Strata are averaged with
    weights n₁n₀/(n₁+n₀) (Mantel & Haenszel 1959): one of two images does not count like one of two hundred.
    """
    used = (presence != UNKNOWN) & (strata >= 0).all(axis=1)
    if not used.any():
        return None
    cell = np.unique(strata[used], axis=0, return_inverse=True)[1].reshape(-1)
    chosen, count = groups[used], int(cell.max()) + 1
    numbered = np.unique(chosen, return_inverse=True)[1].astype(np.int64)
    place, images = cell + count * (presence[used] == NO), np.arange(len(cell))
    values = np.concatenate([np.ones(len(cell)), effect[used]])
    columns = np.concatenate([place, place + 2 * count])
    totals = csr_matrix((values, (np.tile(images, 2), columns)), shape=(len(cell), 4 * count))
    sums = np.asarray(totals.sum(axis=0)).reshape(1, -1)
    value = _averaged(sums, count)[0]
    if np.isnan(value):
        return None
    replicates = _averaged(resampled(totals, numbered, *bootstrap), count)
    replicates = replicates[np.isfinite(replicates)]
    contributing = ((sums[0, :count] > 0) & (sums[0, count : 2 * count] > 0))[cell]
    independent = len(np.unique(numbered[contributing]))
    if len(replicates) < 2:
        return None
    return Estimate.of_draws(float(value), replicates, independent)


def _averaged(totals: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Totals [B, 4 × strata]: numbers with, numbers without, sums with, sums without."""
    having, lacking, sum_having, sum_lacking = (totals[:, part * count : (part + 1) * count] for part in range(4))
    both = (having > 0) & (lacking > 0)
    weights = np.where(both, having * lacking / np.maximum(having + lacking, 1e-12), 0.0)
    differences = sum_having / np.maximum(having, 1e-12) - sum_lacking / np.maximum(lacking, 1e-12)
    total = weights.sum(axis=1)
    averaged: NDArray[np.float64] = np.where(
        total > 0, (weights * np.where(both, differences, 0.0)).sum(axis=1) / np.maximum(total, 1e-12), np.nan
    )
    return averaged
