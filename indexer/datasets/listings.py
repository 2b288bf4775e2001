"""What file trees share, on disk or in an archive: which names are images, and the labels that folders give."""

import posixpath
from collections.abc import Iterable

import pandas as pd

from indexer.datasets.dataset import LABEL
from indexer.datasets.images import image_extensions
from indexer.errors import DatasetFault


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
