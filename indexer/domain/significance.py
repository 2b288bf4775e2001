"""How surprising an alignment is: the null of random exemplar sets (ours, METHODS 1)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from indexer.domain.contrast import shared
from indexer.domain.embeddings import Vectors, normalise

DRAWS = 4999
"""Random sets per null; the smallest p is 1 / (1 + draws)."""
POOL = 4096
"""Exemplar embeddings that random sets are drawn from, themselves drawn at random where there are more."""
COLD = 0.5
"""Share of samples that a random set's neuron is cold on."""
SEED = 20501


@dataclass(frozen=True)
class Null:
    """Alignments of random exemplar sets of one size with one probe, ascending."""

    alignments: NDArray[np.float32]

    def p(self, alignment: NDArray[np.float32] | float) -> NDArray[np.float64]:
        """(1 + #null ≥ s) / (1 + n), one-sided."""
        n = len(self.alignments)
        above = n - np.searchsorted(self.alignments, alignment, side="left")
        return np.asarray((1.0 + above) / (1.0 + n), dtype=np.float64)

    def z(self, alignment: NDArray[np.float32] | float) -> NDArray[np.float64]:
        """(s − mean) / standard deviation of the null; NaN where the null does not vary."""
        mean, spread = self._moments
        distance = alignment - mean
        return np.asarray(np.where(spread > 1e-9, distance / max(spread, 1e-9), np.nan), dtype=np.float64)

    @cached_property
    def _moments(self) -> tuple[float, float]:
        return float(self.alignments.mean(dtype=np.float64)), float(self.alignments.std(dtype=np.float64))


@dataclass(frozen=True)
class Contrasting:
    """What contrastive concept vectors are formed with (domain.contrast)."""

    samples: Vectors
    """[m, d] unit rows that contrasts are taken from."""
    weights: NDArray[np.float64]
    """[n, k] weights of exemplars that neurons have; each random set takes those of one of them."""
    gamma: float

    def sum(self, exemplars: Vectors, cosines: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
        """What is normalised [d] for a random set [k, d] with these cosines to the samples [k, m]."""
        weights = self.weights[rng.integers(len(self.weights)), : len(exemplars)]
        cold = rng.random(len(self.samples)) < COLD
        left = exemplars - self.gamma * shared(np.where(cold, cosines, -np.inf), self.samples)
        total: NDArray[np.float64] = (weights / weights.sum()) @ left
        return total


class NullSets:
    """Random sets of `size` distinct exemplar embeddings: their concept vectors, made once for every probe.

    With `contrasting` these are contrastive: each set's samples are hot or cold at random, as for a neuron whose
    activations have nothing to do with what the samples show.
    """

    def __init__(
        self, exemplars: Vectors, size: int, draws: int = DRAWS, contrasting: Contrasting | None = None
    ) -> None:
        rng = np.random.default_rng([SEED, size, len(exemplars)])
        if len(exemplars) > POOL:
            exemplars = exemplars[np.sort(rng.choice(len(exemplars), POOL, replace=False))]
        self._size = size = min(size, len(exemplars))
        means = np.empty((draws, exemplars.shape[1]), dtype=np.float32)
        sums = means if contrasting is None else np.empty_like(means)
        alike = exemplars @ contrasting.samples.T if contrasting is not None else None
        for row in range(draws):
            chosen = rng.choice(len(exemplars), size, replace=False, shuffle=False)
            means[row] = exemplars[chosen].mean(axis=0)
            if contrasting is not None and alike is not None:
                sums[row] = contrasting.sum(exemplars[chosen], alike[chosen], rng)
        self.concepts = normalise(sums)
        """Concept vectors of the random sets [draws, d]."""
        self._squares = np.einsum("nd,nd->n", means, means, dtype=np.float64)

    def null(self, probe: Vectors) -> Null:
        """The null of a unit probe [d]."""
        return Null(np.sort(self.concepts @ probe))

    def clarity_limit(self, quantile: float) -> float:
        """This quantile of the clarity of random sets; −1 for sets of one."""
        if self._size < 2:
            return -1.0
        clarities = (self._size * self._squares - 1) / (self._size - 1)
        return float(np.quantile(clarities, quantile))


def corrected_by_count(histogram: NDArray[np.int64], draws: int) -> NDArray[np.float64]:
    """Benjamini-Hochberg p for every number of null values at least as high, 0 … draws.

    `histogram` [draws + 1] counts the tests that had each number: empirical p take few values, so a correction over
    neurons × labels needs no matrix of them.
    """
    p = (1.0 + np.arange(draws + 1)) / (1.0 + draws)
    rank = np.cumsum(histogram)
    scaled = np.where(rank > 0, p * rank[-1] / np.maximum(rank, 1), 1.0)
    return np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)


def benjamini_hochberg(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p of any shape, false discovery rate over all entries (Benjamini & Hochberg 1995)."""
    return adjusted(p, "bh")


def adjusted(p: NDArray[np.float64], method: str) -> NDArray[np.float64]:
    """Corrected p of any shape, over all its entries: `holm` (1979), `bh` or `none`."""
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
    result[order] = stepped.clip(max=1)
    return result.reshape(p.shape)
