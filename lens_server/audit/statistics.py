"""Uncertainty: group bootstrap, corrected levels, bounds, and the tail of a null beyond its draws."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


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
        reach = float(stats.t.isf(level / 2, max(self.groups - 1, 1))) * self.error
        return self.value - reach, self.value + reach

    def beyond(self, limit: float) -> float:
        """Two-sided p of the effect's being on the other side of the limit than the estimate is; 0 without spread."""
        if self.error == 0:
            return 0.0 if self.value != limit else 1.0
        return float(2 * stats.t.sf(abs(self.value - limit) / self.error, max(self.groups - 1, 1)))


def resampled(groups: NDArray[np.int64], draws: int, seed: int) -> NDArray[np.float32]:
    """How often each image counts in each replicate [draws, images]: groups are drawn with replacement, whole."""
    count = int(groups.max(initial=-1)) + 1
    rng = np.random.default_rng([seed, 40_013, count])
    times = rng.multinomial(count, np.full(count, 1 / max(count, 1)), size=draws).astype(np.float32)
    weights: NDArray[np.float32] = times[:, groups]
    return weights


def mean_estimate(values: Floats, groups: NDArray[np.int64], draws: int, seed: int, floor: float = 0.0) -> Estimate:
    """The mean of one value an image, groups resampled together."""
    weights = resampled(_numbered(groups), draws, seed).astype(np.float64)
    replicates = weights @ values / np.maximum(weights.sum(axis=1), 1e-12)
    return Estimate.of_draws(float(values.mean()), replicates, len(np.unique(groups)), floor)


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


def adjusted(p: Floats, method: str) -> Floats:
    """Corrected p of any shape, over all its entries: `holm`, `bh` or `none`."""
    flat = p.ravel()
    if method == "none" or not len(flat):
        return p.copy()
    order = np.argsort(flat, kind="stable")
    count = len(flat)
    if method == "holm":
        stepped = np.maximum.accumulate(flat[order] * np.arange(count, 0, -1))
    else:
        scaled = flat[order] * count / np.arange(1, count + 1)
        stepped = np.minimum.accumulate(scaled[::-1])[::-1]
    result = np.empty_like(flat)
    result[order] = np.minimum(stepped, 1)
    return result.reshape(p.shape)


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
    skew = float(stats.skew(null))
    fitted = stats.pearson3.sf((values - float(np.mean(null))) / spread, max(skew, 0.0))
    return np.where(above > 9, empirical, np.minimum(empirical, np.maximum(fitted, 1e-300)))


def _numbered(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    return numbers
