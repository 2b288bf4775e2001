"""Contrastive semantic projection: exemplars without what similar samples share that leave the neuron cold.

arXiv 2604.22477 (METHODS 1): ϑ = normalise(Σ_a w_a (x_a − γ s_a c_a)), with x_a the embedding of an exemplar, w_a its
share of the activation, c_a the most similar sample whose activation is below the neuron's mean, s_a = cos(x_a, c_a).
"""

import numpy as np
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors, normalise


def contrastive_vectors(
    exemplars: Vectors, weights: NDArray[np.floating], samples: Vectors, allowed: NDArray[np.bool_], gamma: float
) -> Vectors:
    """Contrastive concept vectors → [n, d], unit rows; zeros where no weight is.

    `exemplars` [n, k, d] unit rows with `weights` [n, k] summing to one, zero beyond the count; `samples` [m, d] unit
    rows; `allowed` [n, k, m] which of them may be an exemplar's contrast (broadcast). Without any, nothing is taken
    away from it.
    """
    n, k, d = exemplars.shape
    cosines = (exemplars.reshape(n * k, d) @ samples.T).reshape(n, k, len(samples))
    left = exemplars - gamma * shared(np.where(allowed, cosines, -np.inf), samples)
    return normalise(np.einsum("nk,nkd->nd", weights, left, dtype=np.float64))


def shared(cosines: NDArray[np.floating], samples: Vectors) -> Vectors:
    """s c of each exemplar [.., d]: from its cosines with samples [.., m], −∞ for those that are no contrasts of it."""
    nearest = cosines.argmax(axis=-1)
    alike = np.take_along_axis(cosines, nearest[..., None], axis=-1)
    found: Vectors = np.where(np.isfinite(alike), alike, 0).astype(np.float32) * samples[nearest]
    return found


def shares(strength: NDArray[np.floating], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights [n, k] of exemplars by their activations, whatever the sign; equal where all are zero."""
    there = np.arange(strength.shape[1]) < counts[:, None]
    sizes = np.where(there, np.abs(strength.astype(np.float64)), 0)
    sizes = np.where(sizes.sum(axis=1, keepdims=True) > 0, sizes, there)
    result = np.zeros(sizes.shape)
    np.divide(sizes, sizes.sum(axis=1, keepdims=True), out=result, where=counts[:, None] > 0)
    return result
