"""`huggingface:PATH[,split=NAME][,image=COLUMN][,label=COLUMN][,group=COLUMN][,COLUMN=VALUE…]`: a saved dataset.

PATH is what `Dataset.save_to_disk` or `DatasetDict.save_to_disk` of the library `datasets` wrote; with several splits,
`split=` says which. The one image column is taken unless `image=` names one; the label is the column `label`, else the
only one with class names. Class numbers become names. Keys are row numbers, with the name of the file where it is kept.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets as library
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.datasets.arrow_tables import (
    ImageCells,
    TypedTable,
    encoded,
    image_column,
    is_single,
    is_text,
    named_classes,
    numbered_keys,
    plain,
)
from indexer.datasets.dataset import GROUP, LABEL, Dataset
from indexer.datasets.images import missing_path
from indexer.datasets.tables import asked, roles_of
from indexer.errors import DatasetFault, InvalidInput, UnknownName

IMAGE, SPLIT = "image", "split"
USAGE = "Write huggingface:PATH, or huggingface:PATH,split=NAME,image=COLUMN,label=COLUMN,COLUMN=VALUE."


def load(argument: str) -> Dataset:
    """Open a saved dataset, its images left on disk; raises InvalidInput or DatasetFault when it holds none."""
    name, named, filters = asked(argument, (IMAGE, SPLIT, LABEL, GROUP))
    if not name:
        raise InvalidInput("The dataset 'huggingface' needs a path.", hint=USAGE)
    path = Path(name).expanduser()
    opened = _opened(path)
    if isinstance(opened, library.DatasetDict):
        saved = _split(opened, named.pop(SPLIT, None), path)
    else:
        saved = opened
        filters = [*([(SPLIT, named.pop(SPLIT))] if SPLIT in named else []), *filters]
    image = _image(saved, named.pop(IMAGE, None), path)
    table = _typed(saved, image, path.name)
    rows = table.rows_with(filters)
    roles = roles_of(table.columns, named, path.name)
    classes = [column for column, feature in saved.features.items() if isinstance(feature, library.ClassLabel)]
    if LABEL not in roles and len(classes) == 1:
        roles[LABEL] = classes[0]
    cells = saved.with_format("arrow")[:].column(image)
    keys = numbered_keys(rows, len(saved), _stored_paths(cells, rows))

    def source(number: int) -> bytes | Path:
        return encoded(cells[int(rows[number])].as_py(), path)

    about: dict[str, object] = {"adapter": "huggingface", "argument": argument, "listing": _digest(saved)}
    left_out: dict[str, object] = {"left_out": list(table.left_out)} if table.left_out else {}
    return ImageCells(keys, table.metadata(rows, roles), source, {**about, **left_out})


def _opened(path: Path) -> Any:  # noqa: ANN401 - a Dataset or a DatasetDict; the library has no types
    if not path.exists():
        unsaved = f"Get it once, then save it: datasets.load_dataset('{path}').save_to_disk(FOLDER)."
        fault = missing_path(path, "saved dataset")
        raise InvalidInput(fault.message, hint=f"{fault.hint} A name on the hub is no path. {unsaved}")
    if not any((path / name).is_file() for name in ("state.json", "dataset_dict.json")):
        raise InvalidInput(f"'{path}' is no dataset saved by save_to_disk.", hint=_instead(path))
    try:
        with _without_bars():
            return library.load_from_disk(str(path))
    except Exception as fault:  # a damaged folder makes the library raise nearly anything
        reason = (str(fault).splitlines() or [type(fault).__name__])[0].rstrip(".")
        hint = "Save it again with save_to_disk."
        raise DatasetFault(f"The saved dataset '{path}' cannot be opened: {reason}.", hint=hint) from fault


def _instead(path: Path) -> str:
    if path.suffix == ".parquet" or (path.is_dir() and any(path.rglob("*.parquet"))):
        return f"Write parquet:{path}."
    if path.suffix == ".arrow":
        return f"Name the folder that save_to_disk wrote: huggingface:{path.parent}."
    return f"For a folder of images write folder:{path}; else load it with the library and call save_to_disk(FOLDER)."


@contextmanager
def _without_bars() -> Iterator[None]:
    shown = not library.utils.are_progress_bars_disabled()
    library.utils.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            library.utils.enable_progress_bars()


def _split(splits: Any, wanted: str | None, path: Path) -> Any:  # noqa: ANN401
    if wanted is not None and wanted not in splits:
        raise UnknownName(f"split of '{path}'", wanted, splits)
    if wanted is None and len(splits) != 1:
        raise InvalidInput(
            f"'{path}' has {len(splits)} splits: {', '.join(splits)}.",
            hint=f"Choose one, e.g. huggingface:{path},split={next(iter(splits), 'NAME')}.",
        )
    return splits[wanted if wanted is not None else next(iter(splits))]


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


def _typed(saved: Any, image: str, name: str) -> TypedTable:  # noqa: ANN401
    kinds = {field.name: field.type for field in saved.features.arrow_schema}
    single = [column for column, kind in kinds.items() if column != image and is_single(kind)]
    table = plain(saved.with_format("arrow")[:].select(single))
    names = {column: saved.features[column].names for column in single if hasattr(saved.features[column], "names")}
    left_out = tuple(column for column in kinds if column != image and column not in single)
    return TypedTable(
        name, len(saved), named_classes(table, {key: each for key, each in names.items() if each}), left_out
    )


def _stored_paths(cells: pa.ChunkedArray, rows: Any) -> list[str | None] | None:  # noqa: ANN401
    kind = cells.type
    if not (pa.types.is_struct(kind) and kind.get_field_index("path") >= 0 and is_text(kind.field("path").type)):
        return None
    paths: list[str | None] = pc.struct_field(cells, "path").take(pa.array(np.asarray(rows))).to_pylist()
    return paths


def _digest(saved: Any) -> str:  # noqa: ANN401
    digest = hashlib.sha256(f"{len(saved)}\n".encode())
    for each in saved.cache_files:
        file = Path(each["filename"])
        digest.update(f"{file.name}\0{file.stat().st_size}\n".encode())
    return digest.hexdigest()
