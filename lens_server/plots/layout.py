"""Vectors of many dimensions in a plane."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors
from indexer.errors import InvalidInput, MissingExtra

PERPLEXITY = 30.0
SEED = 20503


class Plane(NamedTuple):
    """Where each vector lies."""

    places: NDArray[np.float32]
    """[n, 2], the greatest coordinate 1 or −1."""
    perplexity: float


def in_a_plane(vectors: Vectors) -> Plane:
    """t-SNE (van der Maaten & Hinton 2008) of rows [n, d], n ≥ 5, by cosine, from their first two principal axes.

    The same rows give the same places: the seed is fixed and one thread works. Perplexity is 30, less for fewer than
    91 rows. Raises MissingExtra without scikit-learn, InvalidInput where all rows are equal.
    """
    try:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits
    except ImportError as missing:
        raise MissingExtra(f"A map needs {missing.name!r}.", hint="pip install 'lens[plots]'") from missing
    if np.ptp(vectors, axis=0).max() < 1e-6:
        raise InvalidInput("All neurons have the same concept vector: there is nothing to lay out.")
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    # Sums of several threads differ in the last bits, and t-SNE makes much of them.
    with threadpool_limits(limits=1):
        made = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=SEED, n_jobs=1)
        places = made.fit_transform(np.ascontiguousarray(vectors))
    places = places - (places.min(axis=0) + places.max(axis=0)) / 2
    return Plane((places / np.abs(places).max()).astype(np.float32), perplexity)
