"""`huggingface:PATH,text=COLUMN[,split=NAME][,passage=CHARACTERS][,COLUMN=VALUE…]`: a text in every row.

PATH is what `Dataset.save_to_disk` or `DatasetDict.save_to_disk` of the library `datasets` wrote. Rows are read from
disk as they are wanted; they are documents as those of `parquet:` are.
"""

from pathlib import Path

from indexer.corpora.corpus import Corpus
from indexer.corpora.tables import TEXT, check_text_column, text_rows
from indexer.datasets.saved import SPLIT, saved_dataset, typed_table
from indexer.datasets.tables import asked
from indexer.errors import DatasetFault, InvalidInput

USAGE = "Write huggingface:PATH,text=COLUMN, or huggingface:PATH,text=COLUMN,split=NAME,passage=CHARACTERS."


def load(argument: str) -> Corpus:
    """Open a saved dataset, its texts left on disk; raises InvalidInput or DatasetFault when it holds none."""
    wanted = asked(argument, (TEXT, SPLIT, "passage"))
    if not wanted.name or TEXT not in wanted.roles:
        raise InvalidInput("The corpus 'huggingface' needs a path, and the column of texts.", hint=USAGE)
    path, column = Path(wanted.name).expanduser(), wanted.roles[TEXT]
    saved, filters = saved_dataset(path, wanted)
    check_text_column({field.name: field.type for field in saved.features.arrow_schema}, column, path.name)
    if not len(saved):
        raise DatasetFault(f"'{path}' has no rows.", hint="It needs one row for each text.")
    cells = saved.with_format("arrow")[:].column(column)
    about: dict[str, object] = {"adapter": "huggingface", "argument": argument}
    table = typed_table(saved, column, path.name)
    return text_rows(table, wanted._replace(filters=filters), lambda row: cells[row].as_py(), about)
