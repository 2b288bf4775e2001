"""`parquet:FILE_OR_FOLDER[,path=COLUMN][,image=COLUMN][,label=COLUMN][,group=COLUMN][,COLUMN=VALUE…]`.

Images are either in the table (a column of bytes, or the structure {bytes, path} that Hugging Face writes) or beside it
(a column of paths, relative to the table or the folder). The one column of bytes is taken where there is one, else the
column `path`, `image`, `file` or `filename`; `image=` and `path=` name others. Keys are the paths; images in the table
have the number of their row, and those of `path=` where that is named too. Columns keep their types; class numbers
that Hugging Face stored with names become these names. `COLUMN=VALUE` reads the value as the column's type.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.datasets.arrow_tables import (
    ImageCells,
    TypedTable,
    encoded,
    holds_images,
    image_column,
    is_text,
    numbered_keys,
)
from indexer.datasets.dataset import Dataset
from indexer.datasets.parquet_files import CachedCells, ParquetFiles, listed, typed_table, value_type
from indexer.datasets.tables import CALLED, PATH, Asked, ImageTable, asked, check_paths, roles_of
from indexer.errors import DatasetFault, InvalidInput, UnknownName

IMAGE = "image"
USAGE = "Write parquet:FILE, or parquet:FOLDER,label=COLUMN,group=COLUMN,image=COLUMN,path=COLUMN,COLUMN=VALUE."


def load(argument: str) -> Dataset:
    """Read all columns but the images; raises InvalidInput or DatasetFault when the table names no images."""
    wanted = asked(argument, (*CALLED, IMAGE))
    if not wanted.name:
        raise InvalidInput("The dataset 'parquet' needs a file or a folder.", hint=USAGE)
    path = Path(wanted.name).expanduser()
    files = ParquetFiles(path.name or str(path), listed(path, f"For a folder of images write folder:{path}."))
    if not files.rows:
        raise DatasetFault(f"'{path}' has no rows.", hint="It needs one row for each image.")
    image = _held(files, wanted)
    about: dict[str, object] = {"adapter": "parquet", "argument": argument}
    if image is not None:
        files.check_groups(image)
        return _in_cells(path, files, image, wanted, {**about, "listing": files.digest()})
    return _beside(path, files, wanted, about)


def _held(files: ParquetFiles, wanted: Asked) -> str | None:
    """The column that holds images; None where they lie beside the table."""
    kinds = {field.name: field.type for field in files.schema}
    named = wanted.roles.get(IMAGE)
    if named is None:
        return None if PATH in wanted.roles else image_column(kinds, files.name)
    if named not in kinds:
        raise UnknownName(f"column of '{files.name}'", named, kinds)
    if holds_images(kinds[named]):
        return named
    if is_text(value_type(kinds[named])) and PATH not in wanted.roles:
        return None
    raise InvalidInput(
        f"Column {named!r} of '{files.name}' holds {kinds[named]}, not images.",
        hint="image= names bytes or {bytes, path}; path= names the files' paths.",
    )


def _in_cells(path: Path, files: ParquetFiles, image: str, wanted: Asked, about: dict[str, object]) -> Dataset:
    table = typed_table(files, image)
    rows = table.rows_with(wanted.filters)
    named = {role: column for role, column in wanted.roles.items() if role != IMAGE}
    roles = roles_of(table.columns, named, files.name)
    keys = numbered_keys(rows, files.rows, _stored_paths(files, image, rows))
    without = []
    if PATH in named:
        keys, without = _paths(table, roles[PATH], rows), [roles[PATH]]
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__))
        keys, rows = [keys[number] for number in order], rows[order]
    cells, root = CachedCells(files, image), path if path.is_dir() else path.parent

    def source(number: int) -> bytes | Path:
        return _source(cells, int(rows[number]), root, keys[number])

    return ImageCells(keys, table.metadata(rows, roles, without), source, {**about, **_left_out(table)})


def _source(cells: CachedCells, row: int, root: Path, key: str) -> bytes | Path:
    try:
        return encoded(cells.cell(row), root)
    except DatasetFault as fault:
        raise DatasetFault(f"Sample {key!r} cannot be read: {fault.message}.", hint=fault.hint) from fault


def _beside(path: Path, files: ParquetFiles, wanted: Asked, about: dict[str, object]) -> Dataset:
    named = {PATH if role == IMAGE else role: column for role, column in wanted.roles.items()}
    roles = roles_of(files.schema.names, named, files.name)
    if PATH not in roles or not is_text(value_type(files.schema.field(roles[PATH]).type)):
        shown = ", ".join(f"{field.name} ({field.type})" for field in files.schema)
        raise InvalidInput(
            f"'{path}' holds no images and no column of paths; it has {shown}.",
            hint=f"Name the column: parquet:{path},image=COLUMN (bytes) or parquet:{path},path=COLUMN.",
        )
    table = typed_table(files, None)
    rows = table.rows_with(wanted.filters)
    paths = _paths(table, roles[PATH], rows)
    metadata = table.metadata(rows, roles, [roles[PATH]])
    found = ImageTable(path if path.is_dir() else path.parent, paths, metadata, {**about, **_left_out(table)})
    found.look_up(path)
    return found


def _left_out(table: TypedTable) -> dict[str, object]:
    return {"left_out": list(table.left_out)} if table.left_out else {}


def _paths(table: TypedTable, column: str, rows: NDArray[np.int64]) -> list[str]:
    paths = table.texts(column, rows)
    check_paths(paths, Path(table.name), lambda number: f"row {rows[number]}")
    return [path for path in paths if path]


def _stored_paths(files: ParquetFiles, image: str, rows: NDArray[np.int64]) -> list[str | None] | None:
    kind = files.schema.field(image).type
    if not (pa.types.is_struct(kind) and kind.get_field_index("path") >= 0 and is_text(kind.field("path").type)):
        return None
    stored = files.columns([f"{image}.path"]).column(image).combine_chunks()
    paths: list[str | None] = pc.struct_field(stored, "path").take(pa.array(rows)).to_pylist()
    return paths
