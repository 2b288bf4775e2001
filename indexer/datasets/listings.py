"""What file trees share, on disk or in an archive: which names are images, and the labels that folders give."""

import os
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from indexer.datasets.dataset import LABEL
from indexer.datasets.images import image_extensions
from indexer.errors import DatasetFault


def files_below(root: Path) -> Iterator[str]:
    """Keys of all files that are not hidden; a folder is entered once, so links cannot run in circles.

    Raises DatasetFault for a folder that cannot be opened.
    """
    entered: set[str] = set()
    for folder, subfolders, names in os.walk(root, onerror=_refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                yield (Path(folder) / name).relative_to(root).as_posix()


def _refuse(fault: OSError) -> None:
    reason = (fault.strerror or str(fault)).lower()
    hint = "Make it readable or move it away."
    raise DatasetFault(f"The folder '{fault.filename}' cannot be opened: {reason}.", hint=hint)


def image_names(names: Iterable[str]) -> list[str]:
    """The names that end like images, sorted; raises DatasetFault for one that is no text."""
    extensions = image_extensions()
    found = sorted(name for name in names if posixpath.splitext(name)[1].lower() in extensions)
    check_names(found)
    return found


def check_names(names: Iterable[str]) -> None:
    """Raise DatasetFault for a file name that is no text."""
    for name in names:
        if not _is_text(name):
            raise DatasetFault(f"The file name {name!r} is not UTF-8.", hint="Rename the file.")


def folder_labels(keys: list[str]) -> pd.DataFrame:
    """The first folder of each key as its label; missing where a key has none, no column where none has."""
    labels = [key.split("/", 1)[0] if "/" in key else None for key in keys]
    if not any(labels):
        return pd.DataFrame(index=range(len(keys)))
    return pd.DataFrame({LABEL: pd.Series(labels, dtype="string")})


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
