"""The embeddings of several indexes as one collection, each view once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors
from indexer.domain.views import boxes_of, rows_of, samples_of, views
from indexer.embedding import known_views
from indexer.index.reader import Index

_BLOCK = 256


@dataclass(frozen=True)
class Pool:
    """The embeddings of several indexes, each view once."""

    indexes: Sequence[Index]
    held: Sequence[NDArray[np.int64]]
    """View of every embedding of each index, in the numbers of the union."""
    views: NDArray[np.int64]
    """Ascending, in the numbers of the union."""
    part: NDArray[np.int64]
    """Which index each is in."""
    row: NDArray[np.int64]
    """Its row there."""

    @classmethod
    def of(cls, indexes: Sequence[Index], numbers: Sequence[NDArray[np.int64]] | None = None) -> "Pool":
        """All that the indexes hold; `numbers` are their samples' in the union, where those differ."""
        held = [known_views(index) for index in indexes]
        if numbers is not None:
            held = [
                np.where(own < 0, -1, views(new[samples_of(own)], boxes_of(own)))
                for own, new in zip(held, numbers, strict=True)
            ]
        seen, first = np.unique(np.concatenate(held), return_index=True)
        starts = np.cumsum([0, *map(len, held)])
        part = np.searchsorted(starts, first, side="right") - 1
        real = seen >= 0
        return cls(indexes, held, seen[real], part[real], (first - starts[part])[real])

    def only(self, wanted: NDArray[np.int64]) -> "Pool":
        """Those of the wanted views, ascending."""
        rows = rows_of(wanted, self.views)
        assert (rows >= 0).all()
        return Pool(self.indexes, self.held, wanted, self.part[rows], self.row[rows])

    def vectors(self) -> Vectors:
        """[views, d]"""
        found = np.empty((len(self.views), self.indexes[0].exemplar_vectors.shape[1]), dtype=np.float32)
        for number, index in enumerate(self.indexes):
            own = self.part == number
            found[own] = index.exemplar_vectors[self.row[own]]
        return found

    def thumbnails(self) -> Iterator[list[bytes]]:
        """Pictures in the order of the views, in blocks."""
        for start in range(0, len(self.views), _BLOCK):
            block = slice(start, start + _BLOCK)
            pairs = zip(self.part[block], self.row[block], strict=True)
            yield [self.indexes[part].thumbnail(int(row)) for part, row in pairs]

    def moved(self, table: pa.Table, number: int, first: int = 0) -> pa.Table:
        """A table of an index with its embeddings, and its neurons, numbered as in the union."""
        if "embedding" in table.column_names:
            own = self.held[number][np.asarray(table["embedding"])]
            table = with_column(table, "embedding", rows_of(own, self.views))
        if "neuron" in table.column_names:
            table = with_column(table, "neuron", np.asarray(table["neuron"]) + first)
        return table


def with_column(table: pa.Table, name: str, values: NDArray[np.int64]) -> pa.Table:
    """The table with other values in a column, of the type it has."""
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(name), pa.array(values).cast(table.schema.field(name).type))
