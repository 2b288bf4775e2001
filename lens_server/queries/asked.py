"""What is asked, checked."""

from collections.abc import Sequence

import numpy as np

from indexer.domain.embeddings import Vectors, normalise
from indexer.errors import InvalidInput
from lens_server.answers import Query

_FIELDS = ("text", "image", "neuron", "vector", "tokens")


def checked_query(query: str | Query) -> Query:
    """The query; raises InvalidInput unless exactly one of its fields is set."""
    if isinstance(query, str):
        return Query(text=query)
    given = [name for name in _FIELDS if getattr(query, name) is not None]
    if len(given) != 1:
        raise InvalidInput(
            f"A query must hold one of {', '.join(_FIELDS)}; this one holds {' and '.join(given) or 'none'}."
        )
    return query


def checked_vector(values: Sequence[float], dimension: int) -> Vectors:
    """The vector [dimension], normalised; raises InvalidInput."""
    vector = np.asarray(values, dtype=np.float32)
    if vector.shape != (dimension,):
        raise InvalidInput(f"The query vector has {vector.size} numbers; this index has dimension {dimension}.")
    if not np.isfinite(vector).all() or not vector.any():
        raise InvalidInput("The query vector must be finite and not zero.")
    return normalise(vector)
