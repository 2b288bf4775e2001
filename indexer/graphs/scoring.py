"""How well predicted activations tell when a neuron fires: on texts that nothing was learnt from."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.domain.token_graphs import FIRES

Activations = NDArray[np.float32]


class Firing(NamedTuple):
    """Of firing, token by token over all texts together."""

    precision: float
    recall: float
    f1: float


class Scores(NamedTuple):
    """Of a graph on held-out examples, and of the baseline on the same."""

    firing: Firing
    pearson: float
    baseline_f1: float
    baseline_pearson: float
    examples: int


NO_FIRING = Firing(0.0, 0.0, 0.0)


def firing(predicted: Activations, true: Activations, fires: float = FIRES) -> Firing:
    """Precision, recall and their harmonic mean, of tokens at or above `fires`; 0 where undefined."""
    said, did = predicted >= fires, true >= fires
    both = int((said & did).sum())
    if not both:
        return NO_FIRING
    return Firing(both / int(said.sum()), both / int(did.sum()), 2 * both / (int(said.sum()) + int(did.sum())))


def pearson(a: Activations, b: Activations) -> float:
    """Correlation; 0 where one of them is constant."""
    if not len(a) or a.min() == a.max() or b.min() == b.max():
        return 0.0
    return float(np.clip(np.corrcoef(a.astype(np.float64), b.astype(np.float64))[0, 1], -1.0, 1.0))


def token_maxima(texts: Iterable[tuple[Sequence[int], Activations]]) -> dict[int, float]:
    """The baseline: for each token, its highest activation in the examples a graph is built from."""
    found: dict[int, float] = {}
    for tokens, activations in texts:
        for token, activation in zip(tokens, activations.tolist(), strict=True):
            found[token] = max(found.get(token, 0.0), activation)
    return found


def looked_up(maxima: Mapping[int, float], tokens: Sequence[int]) -> Activations:
    """What the baseline expects at each token: 0 for tokens that it has not seen."""
    return np.array([maxima.get(token, 0.0) for token in tokens], dtype=np.float32)
