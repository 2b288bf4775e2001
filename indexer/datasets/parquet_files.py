"""Parquet files read in parts: all rows of some columns, or one cell by way of its row group."""

import hashlib
import json
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.datasets.arrow_tables import TypedTable, is_single, named_classes, plain
from indexer.datasets.images import missing_path
from indexer.datasets.tables import check_columns
from indexer.errors import DatasetFault, InvalidInput

GROUP_LIMIT = 1 << 30
"""Bytes of images that a row group may hold: it is read as a whole."""
CACHE_LIMIT = 64 << 20
"""Bytes of row groups kept; the two read last always are, so that threads can cross from one to the next."""


class _File(NamedTuple):
    path: Path
    about: pq.FileMetaData
    schema: pa.Schema


class ParquetFiles:
    """Files of the same columns, as one table."""

    def __init__(self, name: str, paths: list[Path]) -> None:
        self.name = name
        self._files = [_opened(path) for path in paths]
        self.schema = self._same_schema()
        self._groups = [(each, group) for each in self._files for group in range(each.about.num_row_groups)]
        sizes = [each.about.row_group(group).num_rows for each, group in self._groups]
        self._starts: NDArray[np.int64] = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self.rows = int(self._starts[-1])

    def columns(self, names: list[str]) -> pa.Table:
        """All rows of these columns (`column.field` for one field of a structure); raises DatasetFault."""
        try:
            tables = []
            for path, about, _ in self._files:
                with pq.ParquetFile(path, metadata=about) as file:
                    tables.append(plain(file.read(columns=names)))
            return pa.concat_tables(tables, promote_options="permissive")
        except (pa.ArrowException, OSError) as fault:
            raise DatasetFault(f"'{self.name}' cannot be read: {_first_line(fault)}.", hint=_REPLACE) from fault

    def check_groups(self, column: str, what: str = "images") -> None:
        """Raise DatasetFault for a row group whose cells are too many to be read at once."""
        for file, group in self._groups:
            size = _bytes_of(file, group, column)
            if size > GROUP_LIMIT:
                raise DatasetFault(
                    f"A row group of '{file.path.name}' holds {size / 2**30:.1f} GiB of {what}; it is read as a whole, "
                    f"and {GROUP_LIMIT >> 30} GiB is the most.",
                    hint="Write it in smaller ones: pyarrow.parquet.write_table(table, FILE, row_group_size=100).",
                )

    def digest(self) -> str:
        """sha256 over every file's name, size and rows."""
        digest = hashlib.sha256()
        for path, about, _ in self._files:
            digest.update(f"{path.name}\0{path.stat().st_size}\0{about.num_rows}\n".encode())
        return digest.hexdigest()

    def place(self, row: int) -> tuple[int, int]:
        """Number of the row group that holds a row, and the row's number in it."""
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        return group, row - int(self._starts[group])

    def group(self, number: int, column: str) -> pa.ChunkedArray:
        """One column of a row group; raises DatasetFault naming it."""
        file, group = self._groups[number]
        try:
            with pq.ParquetFile(file.path, metadata=file.about) as opened:
                return opened.read_row_group(group, columns=[column], use_threads=False).column(column)
        except (pa.ArrowException, OSError) as fault:
            raise DatasetFault(
                f"row group {group} of '{file.path.name}' is damaged ({_first_line(fault)})", hint=_REPLACE
            ) from fault

    def _same_schema(self) -> pa.Schema:
        first = self._files[0]
        check_columns(first.schema.names, first.path)
        for each in self._files[1:]:
            different = sorted(set(each.schema.names) ^ set(first.schema.names))
            if different:
                raise DatasetFault(
                    f"'{first.path.name}' and '{each.path.name}' have different columns: {', '.join(different)}.",
                    hint="Name one file, or a folder whose files belong together.",
                )
        return first.schema


class CachedCells:
    """Cells of one column, by way of row groups that are read once and kept for a while; safe with threads."""

    def __init__(self, files: ParquetFiles, column: str) -> None:
        self._files, self._column = files, column
        self._lock = Lock()
        self._kept: OrderedDict[int, Future[pa.ChunkedArray]] = OrderedDict()

    def cell(self, row: int) -> Any:  # noqa: ANN401 - bytes, or a structure as a dict
        """One cell; raises DatasetFault where its row group is damaged."""
        group, place = self._files.place(row)
        with self._lock:
            found = self._kept.get(group)
            waiting: Future[pa.ChunkedArray] = found or Future()
            self._kept[group] = waiting
            self._kept.move_to_end(group)
        if found is None:
            self._read(group, waiting)
        return waiting.result()[place].as_py()

    def _read(self, group: int, waiting: "Future[pa.ChunkedArray]") -> None:
        try:
            waiting.set_result(self._files.group(group, self._column))
        except BaseException as fault:
            with self._lock:
                del self._kept[group]
            waiting.set_exception(fault)
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        sizes = {number: each.result().nbytes for number, each in self._kept.items() if each.done()}
        for number in list(sizes)[:-2]:
            if sum(sizes.values()) > CACHE_LIMIT:
                del sizes[number], self._kept[number]


def listed(path: Path, instead: str) -> list[Path]:
    """The file, or those below a folder; raises InvalidInput or DatasetFault, with `instead` as the cure for none."""
    if not path.exists():
        raise missing_path(path, "table")
    if path.is_file():
        if path.suffix.lower() in (".csv", ".tsv"):
            raise InvalidInput(f"'{path}' is text, not Parquet.", hint=f"Write csv:{path}.")
        return [path]
    found = [
        each
        for each in sorted(path.rglob("*.parquet"))
        if not any(part.startswith((".", "_")) for part in each.relative_to(path).parts)
    ]
    if not found:
        raise DatasetFault(f"No .parquet files below '{path}'.", hint=instead)
    return found


def typed_table(files: ParquetFiles, image: str | None) -> TypedTable:
    """All columns with a single value a row but `image`, which may be one of texts too."""
    others = [field for field in files.schema if field.name != image]
    single = [field.name for field in others if is_single(value_type(field.type))]
    table = named_classes(files.columns(single), _class_names(files.schema, single))
    return TypedTable(files.name, files.rows, table, tuple(field.name for field in others if field.name not in single))


def value_type(kind: pa.DataType) -> pa.DataType:
    """Of the cells, where each is stored once and named by its number too."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _class_names(schema: pa.Schema, columns: list[str]) -> dict[str, list[str]]:
    """Names of class numbers as Hugging Face stores them beside a schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        named = {name: each["names"] for name, each in features.items() if name in columns and each.get("names")}
        return {name: [str(each) for each in names] for name, names in named.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def _opened(path: Path) -> _File:
    try:
        with pq.ParquetFile(path) as file:
            return _File(path, file.metadata, file.schema_arrow)
    except (pa.ArrowException, OSError) as fault:
        raise DatasetFault(f"'{path}' cannot be read as Parquet: {_first_line(fault)}.", hint=_REPLACE) from fault


def _bytes_of(file: _File, group: int, column: str) -> int:
    about = file.about.row_group(group)
    leaves = [about.column(number) for number in range(about.num_columns)]
    return sum(each.total_uncompressed_size for each in leaves if (each.path_in_schema + ".").startswith(column + "."))


def _first_line(fault: BaseException) -> str:
    return (str(fault).splitlines() or [type(fault).__name__])[0].rstrip(".")


_REPLACE = "Replace the file or take it away."
