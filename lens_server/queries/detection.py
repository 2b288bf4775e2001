"""Does a label tell a text neuron's firing from other text? Held-out examples are ranked against surveyed places."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from indexer.domain.embeddings import Vectors
from indexer.index.reader import Index
from indexer.index.texts import Texts

FIRES = 0.5
"""Of the neuron's highest activation."""
FEWEST = 3
"""Firing and other places that are needed."""
LEVEL = 0.95


@dataclass(frozen=True)
class Detection:
    """How often a place where the neuron fires lies nearer the label than one where it does not (ties half)."""

    area: float
    """AUROC."""
    low: float
    """Bounds at 95 %, by Newcombe's method 5 (2006), …"""
    high: float
    """… which stay open where all places are told apart."""
    firing: int
    """Held-out examples with at least half of the highest activation."""
    silent: int
    """Surveyed held-out places with less than half of it anywhere in their span."""


class Detector:
    """Scores labels on the held-out text of an index. Raises IndexUnusable for an index of images."""

    def __init__(self, index: Index) -> None:
        self._index, self._texts = index, Texts(index)
        _, _, embeddings, self._activations = self._texts.survey
        self._surveyed = np.asarray(index.exemplar_vectors[embeddings])

    def detect(self, row: int, probe: Vectors) -> Detection | None:
        """How well the probe [d] finds the firing of the neuron in a row; None below FEWEST places of either kind."""
        table, held = self._index.neurons, self._texts.held_out(row)
        sign = -1 if table.polarity[row] < 0 else 1
        least = FIRES * sign * float(table.strongest[row])
        firing = held.embeddings[sign * held.activations >= least]
        silent = self._surveyed[sign * np.asarray(self._activations[:, row], dtype=np.float32) < least]
        if min(len(firing), len(silent)) < FEWEST:
            return None
        found = area(np.asarray(self._index.exemplar_vectors[firing]) @ probe, silent @ probe)
        return Detection(found, *bounds(found, len(firing), len(silent)), len(firing), len(silent))

    def area(self, row: int, probe: Vectors) -> float | None:
        """The AUROC alone."""
        found = self.detect(row, probe)
        return None if found is None else found.area


def area(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> float:
    """Share of pairs (positive, negative) in which the positive is higher; ties count half."""
    from scipy.stats import rankdata  # slow to import

    ranks = rankdata(np.concatenate([positive, negative]))[: len(positive)]
    above = float(ranks.sum()) - len(positive) * (len(positive) + 1) / 2
    return above / (len(positive) * len(negative))


def bounds(found: float, positives: int, negatives: int, level: float = LEVEL) -> tuple[float, float]:
    """Confidence interval of an AUROC: all θ within z standard errors of it, the error being that of θ itself.

    Newcombe's method 5 (Statistics in Medicine 25, 2006): the variance of Hanley and McNeil (1982) under the bounds,
    with N = (positives + negatives) / 2 − 1 in the place of both counts less one.
    """
    z = float(ndtri(0.5 + level / 2))

    def outside(theta: float) -> bool:
        return abs(theta - found) > z * math.sqrt(_variance(theta, positives, negatives))

    return _edge(found, 0.0, outside), _edge(found, 1.0, outside)


def _variance(theta: float, positives: int, negatives: int) -> float:
    size = (positives + negatives) / 2 - 1
    spread = 1 + size * (1 - theta) / (2 - theta) + size * theta / (1 + theta)
    return theta * (1 - theta) * spread / (positives * negatives)


def _edge(inner: float, outer: float, outside: Callable[[float], bool]) -> float:
    """Where the interval ends between what lies in it and the end of the scale."""
    for _ in range(50):
        middle = (inner + outer) / 2
        inner, outer = (inner, middle) if outside(middle) else (middle, outer)
    return inner
