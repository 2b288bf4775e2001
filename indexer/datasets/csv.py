"""`csv:FILE[,path=COLUMN][,label=COLUMN][,group=COLUMN][,COLUMN=VALUE…]`: images listed in a table.

The path column is `path`, `image`, `file` or `filename` unless named; paths are relative to the table. Columns called
`label` and `group` keep their meaning unless others are named. `COLUMN=VALUE` keeps the rows where both are equal as
text, e.g. `csv:samples.csv,label=malignant,split=validation`; to filter by a column called `label`, name it first:
`label=label,label=cat`. Empty cells are missing values. `.tsv` is split at tabs.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from indexer.datasets.dataset import GROUP, LABEL, Dataset
from indexer.datasets.images import missing_path
from indexer.datasets.tables import CALLED, PATH, ImageTable, asked, check_columns, check_paths, roles_of
from indexer.errors import DatasetFault, InvalidInput, UnknownName, nearest_hint

USAGE = "Write csv:FILE, or csv:FILE,label=COLUMN,group=COLUMN,path=COLUMN,COLUMN=VALUE."


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
    name, named, filters = asked(argument, CALLED)
    if not name:
        raise InvalidInput("The dataset 'csv' needs a file.", hint=USAGE)
    rows = _read(Path(name).expanduser())
    for column, value in filters:
        rows.keep(column, value)
    roles = roles_of(rows.columns, named, rows.file.name)
    if PATH not in roles:
        raise _without_paths(rows)
    paths = rows.column(roles[PATH])
    check_paths(paths, rows.file, lambda number: f"line {rows.lines[number]}")
    table = ImageTable(rows.file.parent, paths, _typed(rows, roles), {"adapter": "csv", "argument": argument})
    table.look_up(rows.file)
    return table


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
    check_columns(rows.columns, file)
    if not rows.cells:
        raise DatasetFault(f"'{file}' has no rows.", hint="It needs a header and one row for each image.")
    return rows


def _without_paths(rows: Rows) -> InvalidInput:
    shown = ", ".join(rows.columns)
    comma = " Columns are told apart by commas." if len(rows.columns) == 1 and re.search(r"[;\t|]", shown) else ""
    *most, last = CALLED[PATH]
    return InvalidInput(
        f"'{rows.file}' has no column {', '.join(most)} or {last}; it has {shown}.",
        hint=f"Name the one that holds paths: csv:{rows.file},path=COLUMN.{comma}",
    )


def _typed(rows: Rows, roles: dict[str, str]) -> pd.DataFrame:
    """Label and group stay text, other columns take the type their cells agree on."""
    table = {role: _text(rows.column(roles[role])) for role in (LABEL, GROUP) if role in roles}
    for column in rows.columns:
        if column != roles[PATH] and column.lower() not in table:
            table[column] = _infer(rows.column(column))
    return pd.DataFrame(table, index=range(len(rows.cells)))


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


def _faulty(file: Path, line: int, what: str) -> DatasetFault:
    return DatasetFault(f"'{file}', line {line} {what}.", hint="Correct that line.")
