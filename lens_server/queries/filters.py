"""Which rows of an index a question is asked of."""

import numpy as np
from numpy.typing import NDArray

from indexer.domain.states import State
from indexer.engines.engine import Rows
from indexer.errors import InvalidInput, UnknownName
from indexer.index.reader import STATES, Index
from lens_server.answers import Where

_LIVING = tuple(state for state in State if state is not State.DEAD)
KINDS = ("image", "text")
"""Of indexes."""


def rows_where(index: Index, where: Where) -> NDArray[np.int64]:
    """Ascending rows that pass the filter; raises UnknownName for a layer or class the index does not know.

    An index of another kind than those asked for has none."""
    table = index.neurons
    check_kinds(where)
    if where.kinds and index.manifest.kind not in where.kinds:
        return np.zeros(0, dtype=np.int64)
    wanted = where.states or _LIVING
    keep = np.isin(table.state, [STATES.index(State(state)) for state in wanted])
    if where.layers:
        keep &= np.isin(table.layer, [_layer(index, name) for name in where.layers])
    if where.min_clarity is not None:
        if not -1 <= where.min_clarity <= 1:
            raise InvalidInput(f"min_clarity is {where.min_clarity}; clarity lies between -1 and 1.")
        keep &= table.clarity >= where.min_clarity
    if where.relevant_to is not None:
        keep &= _relevant(index, where.relevant_to, where.min_relevance)
    elif where.min_relevance is not None:
        raise InvalidInput("min_relevance needs relevant_to.", hint="Name the class whose relevance is meant.")
    return np.flatnonzero(keep)


def check_kinds(where: Where) -> None:
    """Raise UnknownName for a kind of index that there is not."""
    for kind in where.kinds:
        if kind not in KINDS:
            raise UnknownName("kind of index", kind, KINDS)


def compact(rows: NDArray[np.int64], total: int) -> Rows:
    """The same rows as None (all), a slice (contiguous) or themselves: engines answer the first two faster."""
    if len(rows) == total:
        return None
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def with_vectors(index: Index, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those that have a concept vector."""
    return rows[index.neurons.exemplar_count[rows] > 0]


def _layer(index: Index, name: str) -> int:
    if name not in index.neurons.layers:
        raise UnknownName("layer", name, index.neurons.layers)
    return index.neurons.layers.index(name)


def _relevant(index: Index, name: str, least: float | None) -> NDArray[np.bool_]:
    if index.relevance is None:
        raise InvalidInput("This index holds no relevance.", hint="Build it with --classes.")
    classes = index.manifest.subject.classes
    if name not in classes:
        raise UnknownName("class", name, classes)
    of_class = index.relevance[index.relevance["class"] == name]
    absolute = np.zeros(len(index.neurons))
    absolute[of_class["neuron"].to_numpy()] = of_class["absolute"].to_numpy()
    if least is None:
        return absolute > 0
    totals = np.add.reduceat(absolute, index.neurons.starts[:-1])
    share = np.divide(
        absolute, totals[index.neurons.layer], out=np.zeros_like(absolute), where=totals[index.neurons.layer] > 0
    )
    return share >= least
