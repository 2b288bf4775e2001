"""Typed tables (Parquet, saved datasets, shards): rows kept by a value, class names looked up, images in cells."""

import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from indexer.datasets.dataset import GROUP, LABEL
from indexer.datasets.images import read_image
from indexer.datasets.tables import metadata_digest
from indexer.errors import DatasetFault, InvalidInput, UnknownName, nearest_hint

_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
"""What keeps its type where cells are missing; pandas would make floats or objects of it."""

Source = Callable[[int], bytes | Path]
"""Finds the content or the file of a sample by its number."""


class ImageCells:
    """Images held in a table's cells or named by them."""

    def __init__(self, keys: Sequence[str], metadata: pd.DataFrame, source: Source, about: dict[str, object]) -> None:
        self.keys = keys
        self.metadata = metadata
        self._source = source
        self._about = about

    def load(self, number: int) -> Image.Image:
        """One sample, upright and RGB."""
        return read_image(self._source(number), self.keys[number])

    def describe(self) -> dict[str, object]:
        """What the adapter says, and a digest over the metadata."""
        return {**self._about, "samples": len(self.keys), "metadata": metadata_digest(self.metadata)}


@dataclass(frozen=True)
class TypedTable:
    """The columns with a single value a row; lists, structures and bytes are known by name only."""

    name: str
    rows: int
    table: pa.Table
    left_out: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """Names of all columns."""
        return [*self.table.column_names, *self.left_out]

    def rows_with(self, filters: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
        """Numbers of the rows where each column equals its value, read as the column's type.

        Raises UnknownName for a column that is not there, DatasetFault when no row is left.
        """
        rows = np.arange(self.rows)
        for column, value in filters:
            cells = self._column(column).take(pa.array(rows))
            kept = _equal(cells, value)
            if not kept.any():
                known = {text for text in _text(pc.unique(cells)).to_pylist() if text}
                raise DatasetFault(f"No row of '{self.name}' has {column}={value}.", hint=nearest_hint(value, known))
            rows = rows[kept]
        return rows

    def texts(self, column: str, rows: NDArray[np.int64]) -> list[str | None]:
        """Cells of one column as text."""
        texts: list[str | None] = _text(self._column(column).take(pa.array(rows))).to_pylist()
        return texts

    def metadata(
        self, rows: NDArray[np.int64], roles: Mapping[str, str], without: Collection[str] = ()
    ) -> pd.DataFrame:
        """Label and group as text, then every other column in its own type, but those `without`."""
        chosen = pa.array(rows)
        columns = {
            role: _series(_text(self._column(roles[role]).take(chosen))) for role in (LABEL, GROUP) if role in roles
        }
        for name in self.table.column_names:
            if name not in without and name.lower() not in columns:
                columns[name] = _series(self.table.column(name).take(chosen))
        return pd.DataFrame(columns, index=range(len(rows)))

    def _column(self, name: str) -> pa.ChunkedArray:
        if name in self.left_out:
            raise InvalidInput(
                f"Column {name!r} of '{self.name}' holds lists, structures or bytes.",
                hint="Name a column with a single value a row.",
            )
        if name not in self.table.column_names:
            raise UnknownName(f"column of '{self.name}'", name, self.columns)
        return self.table.column(name)


def is_text(kind: pa.DataType) -> bool:
    """Whether cells of this type are text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def holds_images(kind: pa.DataType) -> bool:
    """Whether cells of this type may hold encoded images: bytes, or the structure {bytes, path}."""
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _is_bytes(field.type) for field in kind)
    return _is_bytes(kind)


def is_single(kind: pa.DataType) -> bool:
    """Whether a cell of this type is one value, no list, structure or bytes."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return not (pa.types.is_nested(kind) or _is_bytes(kind))


def encoded(cell: Any, root: Path) -> bytes | Path:  # noqa: ANN401 - bytes, or a structure as a dict
    """What a cell holds: the image, or in {bytes, path} without bytes its file; empty where nothing is there."""
    held, stored = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (cell, None)
    if held is None and stored:
        return root / str(stored)
    return bytes(held or b"")


def image_column(columns: Mapping[str, pa.DataType], table: str) -> str | None:
    """The one column that holds images, None where no column does; raises InvalidInput for several."""
    found = [name for name, kind in columns.items() if holds_images(kind)]
    if len(found) > 1:
        raise InvalidInput(
            f"'{table}' has {len(found)} columns that may hold images: {', '.join(found)}.",
            hint=f"Name the one to show, e.g. image={found[0]}.",
        )
    return found[0] if found else None


def plain(table: pa.Table) -> pa.Table:
    """The same cells without what only an encoding or another library needs: dictionaries, pandas' notes."""
    return pa.table({name: _decoded(table.column(name)) for name in table.column_names})


def named_classes(table: pa.Table, names: Mapping[str, Sequence[str]]) -> pa.Table:
    """Class numbers replaced by their names; −1, which means none, becomes missing. Raises DatasetFault for others."""
    for column, classes in names.items():
        numbers = table.column(column)
        if not pa.types.is_integer(numbers.type):
            continue
        known = pc.if_else(pc.equal(numbers, -1), pa.scalar(None, numbers.type), numbers)
        bounds = pc.min_max(known).as_py()
        if bounds["max"] is not None and not 0 <= bounds["min"] <= bounds["max"] < len(classes):
            strange = next(each for each in (bounds["min"], bounds["max"]) if not 0 <= each < len(classes))
            raise DatasetFault(
                f"Column {column!r} holds class {strange}, but names {len(classes)} classes.",
                hint="Write the table again with all class names.",
            )
        place = table.column_names.index(column)
        table = table.set_column(place, column, pa.chunked_array([pa.array(classes, pa.string()).take(_one(known))]))
    return table


def numbered_keys(rows: NDArray[np.int64], total: int, paths: Sequence[str | None] | None = None) -> list[str]:
    """Row numbers of the whole table, padded with zeros, each with the name of its file where there is one."""
    width = max(6, len(str(total - 1)))
    if paths is None:
        return [f"{row:0{width}d}" for row in rows]
    names = [posixpath.basename((path or "").replace("\\", "/")) for path in paths]
    return [f"{row:0{width}d}{'/' if name else ''}{name}" for row, name in zip(rows, names, strict=True)]


def _equal(cells: pa.ChunkedArray, value: str) -> NDArray[np.bool_]:
    try:
        wanted = pa.scalar(value).cast(cells.type)
        return np.asarray(pc.fill_null(pc.equal(cells, wanted), fill_value=False))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return np.zeros(len(cells), dtype=bool)


def _text(cells: Any) -> Any:  # noqa: ANN401 - an array or a chunked array, as given
    if pa.types.is_floating(cells.type):
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
    return pc.cast(cells, pa.string())


def _series(cells: pa.ChunkedArray) -> pd.Series:
    missing = cells.null_count > 0

    def kept(kind: pa.DataType) -> Any:  # noqa: ANN401 - pandas has no type for its types
        return pd.StringDtype() if is_text(kind) else _NULLABLE.get(kind) if missing else None

    series: pd.Series = cells.to_pandas(types_mapper=kept)
    return series


def _decoded(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    return cells.cast(cells.type.value_type) if pa.types.is_dictionary(cells.type) else cells


def _one(cells: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(cells.chunks) if cells.num_chunks != 1 else cells.chunk(0)


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )
