"""Datasets as `save_to_disk` of the library `datasets` leaves them, of images or of texts."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets as library

from indexer.datasets.arrow_tables import TypedTable, is_single, named_classes, plain
from indexer.datasets.images import missing_path
from indexer.datasets.tables import Asked
from indexer.errors import DatasetFault, InvalidInput, UnknownName

SPLIT = "split"


def saved_dataset(path: Path, asked: Asked) -> tuple[Any, list[tuple[str, str]]]:
    """The dataset, of several splits the one that is asked for, and the filters of its rows.

    `split=` filters by a column of that name where there are no splits. Raises InvalidInput or DatasetFault.
    """
    found = _opened(path)
    if isinstance(found, library.DatasetDict):
        return _split(found, asked.roles.get(SPLIT), path), asked.filters
    split = [(SPLIT, asked.roles[SPLIT])] if SPLIT in asked.roles else []
    return found, [*split, *asked.filters]


def typed_table(saved: Any, cells: str, name: str) -> TypedTable:  # noqa: ANN401
    """All columns with a single value a row but `cells`, that of the images or texts."""
    kinds = {field.name: field.type for field in saved.features.arrow_schema}
    single = [column for column, kind in kinds.items() if column != cells and is_single(kind)]
    table = plain(saved.with_format("arrow")[:].select(single))
    names = {column: saved.features[column].names for column in single if hasattr(saved.features[column], "names")}
    left_out = tuple(column for column in kinds if column != cells and column not in single)
    return TypedTable(
        name, len(saved), named_classes(table, {key: each for key, each in names.items() if each}), left_out
    )


def listing(saved: Any) -> str:  # noqa: ANN401
    """sha256 over the number of rows and every file's name and size."""
    digest = hashlib.sha256(f"{len(saved)}\n".encode())
    for each in saved.cache_files:
        file = Path(each["filename"])
        digest.update(f"{file.name}\0{file.stat().st_size}\n".encode())
    return digest.hexdigest()


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


def _split(splits: Any, wanted: str | None, path: Path) -> Any:  # noqa: ANN401
    if wanted is not None and wanted not in splits:
        raise UnknownName(f"split of '{path}'", wanted, splits)
    if wanted is None and len(splits) != 1:
        raise InvalidInput(
            f"'{path}' has {len(splits)} splits: {', '.join(splits)}.",
            hint=f"Choose one, e.g. huggingface:{path},split={next(iter(splits), 'NAME')}.",
        )
    return splits[wanted if wanted is not None else next(iter(splits))]


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
