"""What tables with a text in every row share."""

from collections.abc import Callable, Mapping

import pyarrow as pa

from indexer.corpora.corpus import DOCUMENT, LINE
from indexer.corpora.passages import PASSAGE, Passages, even, passage_size
from indexer.datasets.arrow_tables import TypedTable, is_text, numbered_keys
from indexer.datasets.tables import Asked
from indexer.errors import InvalidInput, UnknownName, nearest_hint

TEXT = "text"


def check_text_column(kinds: Mapping[str, pa.DataType], column: str, table: str) -> None:
    """Raise UnknownName for no column of the table, InvalidInput for one that holds no texts."""
    texts = [name for name, kind in kinds.items() if is_text(kind)]
    if column not in kinds:
        raise UnknownName(f"column of '{table}'", column, texts or kinds)
    if column not in texts:
        raise InvalidInput(
            f"Column {column!r} of '{table}' holds {kinds[column]}, not texts.", hint=nearest_hint(column, texts)
        )


def text_rows(table: TypedTable, wanted: Asked, cell: Callable[[int], object], about: dict[str, object]) -> Passages:
    """Passages of the rows that are asked for; `cell` gives a row's text, None where it has none.

    Of the other columns those are left out that have no single value a row, or a name that passages need.
    """
    size = passage_size(wanted.roles["passage"]) if "passage" in wanted.roles else PASSAGE
    rows = table.rows_with(wanted.filters)
    taken = [name for name in table.table.column_names if name in (DOCUMENT, LINE)]
    columns = table.metadata(rows, {}, taken)
    left_out = [*taken, *table.left_out]
    numbers = rows.tolist()

    def read(number: int) -> str:
        return even(str(cell(numbers[number]) or ""))

    about = {**about, **({"left_out": left_out} if left_out else {})}
    return Passages(numbered_keys(rows, table.rows), read, about, size=size, columns=columns)
