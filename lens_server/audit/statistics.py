"""Uncertainty: group bootstrap, corrected levels, bounds, and the tail of a null beyond its draws."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import gammaincc, ndtr, stdtr, stdtrit

Floats = NDArray[np.float64]

_REMEMBERED = 4_000_000
"""Numbers of draws held at once: 32 MB."""


@dataclass(frozen=True)
class Estimate:
    """A measured effect and how far off it may be."""

    value: float
    error: float
    """Standard error; 0 for a measure without spread."""
    groups: int
    """Independent groups it rests on."""
    draws: Floats = field(default_factory=lambda: np.empty(0), repr=False)
    """Bootstrap replicates over resampled groups [B], where they are needed for sums."""

    @classmethod
    def of_draws(cls, value: float, draws: Floats, groups: int, floor: float = 0.0) -> "Estimate":
        """From bootstrap replicates; `floor` is the least standard error, for shares whose replicates do not vary."""
        return cls(value, max(float(np.std(draws, ddof=1)), floor), groups, draws)

    def bounds(self, level: float) -> tuple[float, float]:
        """Two-sided bounds that miss the truth with probability `level`: Student's t on the standard error."""
        if self.error == 0:
            return self.value, self.value
        reach = -float(stdtrit(max(self.groups - 1, 1), level / 2)) * self.error
        return self.value - reach, self.value + reach

    def beyond(self, limit: float) -> float:
        """Two-sided p of the effect's being on the other side of the limit than the estimate is; 0 without spread."""
        if self.error == 0:
            return 0.0 if self.value != limit else 1.0
        return float(2 * stdtr(max(self.groups - 1, 1), -abs(self.value - limit) / self.error))


def resampled(totals: Floats | csr_matrix, groups: NDArray[np.int64], draws: int, seed: int) -> Floats:
    """Sums of `totals` [images, k] in each replicate [draws, k]; groups are drawn with replacement, whole."""
    images, count = len(groups), int(groups.max(initial=-1)) + 1
    by_group = csr_matrix((np.ones(images), (groups, np.arange(images))), shape=(count, images)) @ csr_matrix(totals)
    return np.concatenate([(by_group.T @ times.T).T for times in _times(count, draws, seed)])


def mean_estimate(values: Floats, groups: NDArray[np.int64], draws: int, seed: int, floor: float = 0.0) -> Estimate:
    """The mean of one value an image, groups resampled together."""
    numbered = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    sums = resampled(np.stack([values, np.ones(len(values))], axis=1), numbered, draws, seed)
    replicates = sums[:, 0] / np.maximum(sums[:, 1], 1e-12)
    return Estimate.of_draws(float(values.mean()), replicates, int(numbered.max()) + 1, floor)


def _times(count: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each group is drawn in each replicate, in blocks of replicates [·, groups]."""
    if count * draws <= _REMEMBERED:
        yield _few_times(count, draws, seed)
        return
    rng = _generator(count, seed)
    block = max(_REMEMBERED // count, 1)
    for start in range(0, draws, block):
        yield _drawn(rng, count, min(block, draws - start))


@lru_cache(maxsize=8)
def _few_times(count: int, draws: int, seed: int) -> Floats:
    return _drawn(_generator(count, seed), count, draws)


def _generator(count: int, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 40_013, count])


def _drawn(rng: np.random.Generator, count: int, draws: int) -> Floats:
    return rng.multinomial(count, np.full(count, 1 / max(count, 1)), size=draws).astype(np.float64)


def share_floor(count: int) -> float:
    """Standard error of a paired share with one discordant pair of each kind added (after Agresti & Min 2005).

    No flip among n pairs does not mean that there is none.
    """
    return float(np.sqrt(2.0) / (count + 2))


def levels(p: Mapping[str, float], alpha: float, method: str) -> dict[str, float]:
    """The level at which each claim's bounds are drawn, so that its verdict agrees with the correction.

    `holm`: the claims in order of p at α/m, α/(m−1) … as long as each is below its level, the rest at that of the first
    that is not (Holm 1979). `bh`: α·R/m with R the rejections of Benjamini & Hochberg, at least one (Benjamini &
    Yekutieli 2005). `none`: α.
    """
    if method == "none" or not p:
        return dict.fromkeys(p, alpha)
    order = sorted(p, key=lambda name: (p[name], name))
    count = len(order)
    if method == "bh":
        passed = [rank for rank, name in enumerate(order, start=1) if p[name] <= alpha * rank / count]
        return dict.fromkeys(p, alpha * max(passed, default=1) / count)
    found: dict[str, float] = {}
    level, stopped = alpha / count, False
    for rank, name in enumerate(order):
        if not stopped:
            level = alpha / (count - rank)
        found[name] = level
        stopped = stopped or p[name] > level
    return found


def tail(null: Floats, values: Floats) -> Floats:
    """One-sided p of values against a null [draws]: the empirical one, and beyond its reach a Pearson III tail.

    (1 + #null ≥ s) / (1 + n) cannot fall below 1 / (1 + n), which no correction over hundreds of neurons survives; a
    gamma of the null's mean, deviation and skewness carries on from there (ours).
    """
    count = len(null)
    above = count - np.searchsorted(np.sort(null), values, side="left")
    empirical = (1.0 + above) / (1.0 + count)
    spread = float(np.std(null))
    if spread < 1e-9:
        return np.ones_like(empirical)
    standard = (null - float(np.mean(null))) / spread
    fitted = pearson_tail((values - float(np.mean(null))) / spread, float(np.mean(standard**3)))
    return np.where(above > 9, empirical, np.minimum(empirical, np.maximum(fitted, 1e-300)))


def pearson_tail(standard: Floats, skew: float) -> Floats:
    """P(X ≥ x) of a Pearson III of mean 0, deviation 1 and this skewness; the normal's where that is not positive."""
    if skew < 1e-3:
        return np.asarray(ndtr(-standard))
    shape = 4 / skew**2
    return np.asarray(gammaincc(shape, np.maximum(shape + standard * np.sqrt(shape), 0.0)))
