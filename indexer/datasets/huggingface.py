"""`huggingface:PATH[,split=NAME][,image=COLUMN][,label=COLUMN][,group=COLUMN][,COLUMN=VALUE…]`: a saved dataset.

PATH is what `Dataset.save_to_disk` or `DatasetDict.save_to_disk` of the library `datasets` wrote; with several splits,
`split=` says which. The one image column is taken unless `image=` names one; the label is the column `label`, else the
only one with class names. Class numbers become names. Keys are row numbers, with the name of the file where it is kept.
"""

from pathlib import Path
from typing import Any

import datasets as library
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.datasets.arrow_tables import (
    ImageCells,
    encoded,
    image_column,
    is_text,
    numbered_keys,
)
from indexer.datasets.dataset import GROUP, LABEL, Dataset
from indexer.datasets.saved import SPLIT, listing, saved_dataset, typed_table
from indexer.datasets.tables import asked, roles_of
from indexer.errors import InvalidInput, UnknownName

IMAGE = "image"
USAGE = "Write huggingface:PATH, or huggingface:PATH,split=NAME,image=COLUMN,label=COLUMN,COLUMN=VALUE."


def load(argument: str) -> Dataset:
    """Open a saved dataset, its images left on disk; raises InvalidInput or DatasetFault when it holds none."""
    wanted = asked(argument, (IMAGE, SPLIT, LABEL, GROUP))
    if not wanted.name:
        raise InvalidInput("The dataset 'huggingface' needs a path.", hint=USAGE)
    path = Path(wanted.name).expanduser()
    saved, filters = saved_dataset(path, wanted)
    image = _image(saved, wanted.roles.get(IMAGE), path)
    table = typed_table(saved, image, path.name)
    rows = table.rows_with(filters)
    named = {role: column for role, column in wanted.roles.items() if role not in (IMAGE, SPLIT)}
    roles = roles_of(table.columns, named, path.name)
    classes = [column for column, feature in saved.features.items() if isinstance(feature, library.ClassLabel)]
    if LABEL not in roles and len(classes) == 1:
        roles[LABEL] = classes[0]
    cells = saved.with_format("arrow")[:].column(image)
    keys = numbered_keys(rows, len(saved), _stored_paths(cells, rows))

    def source(number: int) -> bytes | Path:
        return encoded(cells[int(rows[number])].as_py(), path)

    about: dict[str, object] = {"adapter": "huggingface", "argument": argument, "listing": listing(saved)}
    left_out: dict[str, object] = {"left_out": list(table.left_out)} if table.left_out else {}
    return ImageCells(keys, table.metadata(rows, roles), source, {**about, **left_out})


def _image(saved: Any, wanted: str | None, path: Path) -> str:  # noqa: ANN401
    kinds = {field.name: field.type for field in saved.features.arrow_schema}
    if wanted is not None and wanted not in kinds:
        raise UnknownName(f"column of '{path}'", wanted, kinds)
    declared = [name for name, feature in saved.features.items() if isinstance(feature, library.Image)]
    candidates = [wanted] if wanted is not None else declared or list(kinds)
    found = image_column({name: kinds[name] for name in candidates}, path.name)
    if found is None:
        shown = ", ".join(f"{name} ({kind})" for name, kind in kinds.items() if wanted in (None, name))
        raise InvalidInput(
            f"'{path}' has no column of images: {shown}.",
            hint="Cast the column with cast_column(COLUMN, datasets.Image()), save again, and name it: image=COLUMN.",
        )
    return found


def _stored_paths(cells: pa.ChunkedArray, rows: Any) -> list[str | None] | None:  # noqa: ANN401
    kind = cells.type
    if not (pa.types.is_struct(kind) and kind.get_field_index("path") >= 0 and is_text(kind.field("path").type)):
        return None
    paths: list[str | None] = pc.struct_field(cells, "path").take(pa.array(np.asarray(rows))).to_pylist()
    return paths
