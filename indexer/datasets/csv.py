"""`csv:FILE[,path=COLUMN][,label=COLUMN][,group=COLUMN][,COLUMN=VALUE…]`: images listed in a table.

The path column is `path`, `image`, `file` or `filename` unless named; paths are relative to the table. Columns called
`label` and `group` keep their meaning unless others are named. `COLUMN=VALUE` keeps the rows where both are equal as
text, e.g. `csv:samples.csv,label=malignant,split=validation`; to filter by a column called `label`, name it first:
`label=label,label=cat`. Empty cells are missing values. `.tsv` is split at tabs.
"""

import csv
import hashlib
import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from PIL import Image

from indexer.datasets.dataset import GROUP, LABEL, Dataset
from indexer.datasets.images import listing_digest, missing_path, read_image
from indexer.errors import DatasetFault, InvalidInput, UnknownName, nearest_hint

PATH = "path"
PATH_COLUMNS = (PATH, "image", "file", "filename")
LOOKED_UP = 100
"""How many of the first files are looked up before the table is believed."""

USAGE = "Write csv:FILE, or csv:FILE,label=COLUMN,group=COLUMN,path=COLUMN,COLUMN=VALUE."


class ImageTable:
    """The images a table lists, in the order of their paths as written."""

    def __init__(self, root: Path, metadata: pd.DataFrame, argument: str) -> None:
        self.keys: Sequence[str] = metadata.index.tolist()
        self.metadata = metadata.reset_index(drop=True)
        self._root = root
        self._argument = argument

    def load(self, number: int) -> Image.Image:
        """One sample, upright and RGB."""
        return read_image(self._root / self.keys[number], self.keys[number])

    def describe(self) -> dict[str, object]:
        """Adapter, argument, and digests over every key and file size and over the metadata."""
        listing = listing_digest(self._root, self.keys)
        metadata = hashlib.sha256(self.metadata.to_csv(index=False).encode()).hexdigest()
        named = {"adapter": "csv", "argument": self._argument, "samples": len(self.keys)}
        return {**named, "listing": listing, "metadata": metadata}


@dataclass
class Rows:
    """The table as text: every row has a cell for every column, and knows its line."""

    file: Path
    columns: list[str]
    cells: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def column(self, name: str) -> list[str]:
        """The cells of one column; raises UnknownName."""
        if name not in self.columns:
            raise UnknownName(f"column of '{self.file.name}'", name, self.columns)
        place = self.columns.index(name)
        return [row[place] for row in self.cells]

    def keep(self, column: str, value: str) -> None:
        """Drop the rows whose cell is not `value`."""
        cells = self.column(column)
        if value not in cells:
            hint = nearest_hint(value, {cell for cell in cells if cell})
            raise DatasetFault(f"No row of '{self.file.name}' has {column}={value}.", hint=hint)
        kept = [number for number, cell in enumerate(cells) if cell == value]
        self.cells = [self.cells[number] for number in kept]
        self.lines = [self.lines[number] for number in kept]


def load(argument: str) -> Dataset:
    """Read the table; raises InvalidInput or DatasetFault when it names no images."""
    name, *options = re.split(r",(?=[^,=/]+=)", argument)
    if not name:
        raise InvalidInput("The dataset 'csv' needs a file.", hint=USAGE)
    rows = _read(Path(name).expanduser())
    roles: dict[str, str] = {}
    for option in options:
        column, _, value = option.partition("=")
        if column in (PATH, LABEL, GROUP) and column not in roles:
            roles[column] = value
        else:
            rows.keep(column, value)
    table = _typed(rows, _roles(rows, roles))
    _look_up(table.index.tolist(), rows.file)
    return ImageTable(rows.file.parent, table, argument)


def _read(file: Path) -> Rows:
    if not file.exists():
        raise missing_path(file, "table")
    if file.is_dir():
        raise InvalidInput(f"'{file}' is a folder, not a table.", hint=f"Write folder:{file}.")
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            return _parse(file, text)
    except UnicodeDecodeError as fault:
        raise DatasetFault(f"'{file}' is not UTF-8 text.", hint="Save the table as CSV in UTF-8.") from fault
    except OSError as fault:
        raise DatasetFault(f"'{file}' cannot be read: {fault.strerror}.", hint="Make it readable.") from fault


def _parse(file: Path, text: Iterable[str]) -> Rows:
    reader = csv.reader(text, delimiter="\t" if file.suffix.lower() == ".tsv" else ",", strict=True)
    try:
        rows = Rows(file, [name.strip() for name in next(reader, [])])
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(rows.columns):
                raise _faulty(file, reader.line_num, f"has {len(row)} cells where the header has {len(rows.columns)}")
            rows.cells.append([cell.strip() for cell in row])
            rows.lines.append(reader.line_num)
    except csv.Error as fault:
        raise _faulty(file, reader.line_num, f"is no CSV ({fault})") from fault
    twice = sorted({name for name in rows.columns if rows.columns.count(name) > 1})
    if twice:
        hint = "Give every column a name of its own."
        raise DatasetFault(f"'{file}' has several columns named {twice[0]!r}.", hint=hint)
    if not rows.cells:
        raise DatasetFault(f"'{file}' has no rows.", hint="It needs a header and one row for each image.")
    return rows


def _roles(rows: Rows, named: dict[str, str]) -> dict[str, str]:
    """Role (path, label, group) → column."""
    for column in named.values():
        rows.column(column)
    lower = {column.lower(): column for column in reversed(rows.columns)}
    found = {role: lower[role] for role in (LABEL, GROUP) if role in lower}
    for name in reversed(PATH_COLUMNS):
        if name in lower:
            found[PATH] = lower[name]
    roles = {**found, **named}
    if PATH not in roles:
        shown = ", ".join(rows.columns)
        comma = " Columns are told apart by commas." if len(rows.columns) == 1 and re.search(r"[;\t|]", shown) else ""
        raise InvalidInput(
            f"'{rows.file}' has no column {', '.join(PATH_COLUMNS[:-1])} or {PATH_COLUMNS[-1]}; it has {shown}.",
            hint=f"Name the one that holds paths: csv:{rows.file},path=COLUMN.{comma}",
        )
    return roles


def _typed(rows: Rows, roles: dict[str, str]) -> pd.DataFrame:
    """Metadata by path, sorted; label and group stay text, other columns take the type their cells agree on."""
    paths = rows.column(roles[PATH])
    _check_paths(rows, paths)
    table = {role: _text(rows.column(roles[role])) for role in (LABEL, GROUP) if role in roles}
    for column in rows.columns:
        if column != roles[PATH] and column.lower() not in table:
            table[column] = _infer(rows.column(column))
    metadata = pd.DataFrame(table, index=range(len(paths)))
    return metadata.set_axis(pd.Index(paths, dtype=object)).sort_index()


def _check_paths(rows: Rows, paths: list[str]) -> None:
    seen: dict[str, int] = {}
    for path, line in zip(paths, rows.lines, strict=True):
        if not path:
            raise _faulty(rows.file, line, "has no path")
        first = seen.setdefault(posixpath.normpath(path), line)
        if first != line:
            raise _faulty(rows.file, line, f"names {path!r} again, first named in line {first}")


def _infer(cells: list[str]) -> pd.Series:
    filled = [cell for cell in cells if cell]
    if filled and all(cell.lower() in ("true", "false") for cell in filled):
        return pd.Series([cell.lower() == "true" if cell else None for cell in cells], dtype="boolean")
    text = _text(cells)
    numbers = pd.to_numeric(text.astype(object).where(text.notna(), None), errors="coerce")
    padded = any(re.match(r"[+-]?0\d", cell) for cell in filled)
    return text if padded or not filled or not numbers.notna().equals(text.notna()) else numbers


def _text(cells: list[str]) -> pd.Series:
    return pd.Series([cell or None for cell in cells], dtype="string")


def _look_up(paths: list[str], file: Path) -> None:
    first = paths[:LOOKED_UP]
    if any((file.parent / path).exists() for path in first):
        return
    slashes = " Paths need forward slashes." if "\\" in first[0] else ""
    raise DatasetFault(
        f"None of the first {len(first)} files that '{file}' lists exists, e.g. {first[0]!r}.",
        hint=f"They were looked up relative to '{file.absolute().parent}': "
        f"move the table or correct the paths.{slashes}",
    )


def _faulty(file: Path, line: int, what: str) -> DatasetFault:
    return DatasetFault(f"'{file}', line {line} {what}.", hint="Correct that line.")
