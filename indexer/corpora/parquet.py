"""`parquet:FILE_OR_FOLDER,text=COLUMN[,passage=CHARACTERS][,COLUMN=VALUE…]`: a text in every row.

A row is a document, named by its number; its other columns go with each of its passages. `COLUMN=VALUE` keeps the rows
of a value, read as the column's type. Rows without a text are passed over.
"""

from pathlib import Path

from indexer.corpora.corpus import Corpus
from indexer.corpora.tables import TEXT, check_text_column, text_rows
from indexer.datasets.parquet_files import CachedCells, ParquetFiles, listed, typed_table, value_type
from indexer.datasets.tables import asked
from indexer.errors import DatasetFault, InvalidInput

USAGE = "Write parquet:FILE,text=COLUMN, or parquet:FOLDER,text=COLUMN,passage=CHARACTERS,COLUMN=VALUE."


def load(argument: str) -> Corpus:
    """Read all columns but the texts, which are read by row groups; raises InvalidInput or DatasetFault."""
    wanted = asked(argument, (TEXT, "passage"))
    if not wanted.name or TEXT not in wanted.roles:
        raise InvalidInput("The corpus 'parquet' needs a file or a folder, and the column of texts.", hint=USAGE)
    path, column = Path(wanted.name).expanduser(), wanted.roles[TEXT]
    files = ParquetFiles(path.name or str(path), listed(path, f"For a folder of texts write text:{path}."))
    check_text_column({field.name: value_type(field.type) for field in files.schema}, column, files.name)
    if not files.rows:
        raise DatasetFault(f"'{path}' has no rows.", hint="It needs one row for each text.")
    files.check_groups(column, "texts")
    cells, damaged = CachedCells(files, column), dict[int, DatasetFault]()

    def cell(row: int) -> object:
        group, _ = files.place(row)
        if group in damaged:  # its rows need not each try in vain
            raise damaged[group]
        try:
            return cells.cell(row)
        except DatasetFault as fault:
            damaged[group] = fault
            raise

    return text_rows(typed_table(files, column), wanted, cell, {"adapter": "parquet", "argument": argument})
