"""What datasets listed in a table share: how columns are asked for, what they mean, and images found by their path."""

import hashlib
import posixpath
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from PIL import Image

from indexer.datasets.dataset import GROUP, LABEL
from indexer.datasets.images import listing_digest, read_image
from indexer.errors import DatasetFault, UnknownName

PATH = "path"
CALLED: Mapping[str, Sequence[str]] = {
    PATH: (PATH, "image", "file", "filename"),
    LABEL: (LABEL,),
    GROUP: (GROUP,),
}
"""Role → columns that have it unless another is named, in any case."""
LOOKED_UP = 100
"""How many of the first files are looked up before the table is believed."""


class Asked(NamedTuple):
    """`NAME[,ROLE=COLUMN…][,COLUMN=VALUE…]`, taken apart."""

    name: str
    roles: dict[str, str]
    """Role → the column named for it."""
    filters: list[tuple[str, str]]
    """(column, value): only rows where both are equal are wanted."""


def asked(argument: str, roles: Collection[str]) -> Asked:
    """Take an argument apart; the first `ROLE=` names a column, a second one filters by a column of that name."""
    name, *options = re.split(r",(?=[^,=/]+=)", argument)
    result = Asked(name, {}, [])
    for option in options:
        column, _, value = option.partition("=")
        if column in roles and column not in result.roles:
            result.roles[column] = value
        else:
            result.filters.append((column, value))
    return result


def roles_of(columns: Sequence[str], named: Mapping[str, str], table: str) -> dict[str, str]:
    """Role → column: the named one, else the first that is called so; raises UnknownName."""
    for column in named.values():
        if column not in columns:
            raise UnknownName(f"column of '{table}'", column, columns)
    lower = {column.lower(): column for column in reversed(columns)}
    found = {role: lower[name] for role, names in CALLED.items() for name in reversed(names) if name in lower}
    return {**found, **named}


def check_paths(paths: Sequence[str | None], table: Path, place: Callable[[int], str]) -> None:
    """Raise DatasetFault for a row without a path and for a file that is named twice; `place` says where a row is."""
    seen: dict[str, int] = {}
    for number, path in enumerate(paths):
        if not path:
            raise DatasetFault(f"'{table}', {place(number)} has no path.", hint="Correct that row.")
        first = seen.setdefault(posixpath.normpath(path), number)
        if first != number:
            again = f"'{table}', {place(number)} names {path!r} again, first named in {place(first)}."
            raise DatasetFault(again, hint="Keep one of the two.")


def check_columns(columns: Sequence[str], table: Path | str) -> None:
    """Raise DatasetFault for a name that two columns share."""
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        hint = "Give every column a name of its own."
        raise DatasetFault(f"'{table}' has several columns named {twice[0]!r}.", hint=hint)


def metadata_digest(metadata: pd.DataFrame) -> str:
    """sha256 over every cell."""
    return hashlib.sha256(metadata.to_csv(index=False).encode()).hexdigest()


class ImageTable:
    """The images that a table names by their paths, in the order of these as written."""

    def __init__(self, root: Path, paths: Sequence[str], metadata: pd.DataFrame, about: dict[str, object]) -> None:
        order = sorted(range(len(paths)), key=paths.__getitem__)
        self.keys: Sequence[str] = [paths[number] for number in order]
        self.metadata = metadata.iloc[order].reset_index(drop=True)
        self._root = root
        self._about = about

    def look_up(self, table: Path) -> None:
        """Raise DatasetFault when none of the first files is there."""
        first = self.keys[:LOOKED_UP]
        if any((self._root / path).exists() for path in first):
            return
        slashes = " Paths need forward slashes." if "\\" in first[0] else ""
        raise DatasetFault(
            f"None of the first {len(first)} files that '{table}' lists exists, e.g. {first[0]!r}.",
            hint=f"They were looked up relative to '{self._root.absolute()}': "
            f"move the table or correct the paths.{slashes}",
        )

    def load(self, number: int) -> Image.Image:
        """One sample, upright and RGB."""
        return read_image(self._root / self.keys[number], self.keys[number])

    def describe(self) -> dict[str, object]:
        """Adapter, argument, and digests over every key and file size and over the metadata."""
        listing = listing_digest(self._root, self.keys)
        return {
            **self._about,
            "samples": len(self.keys),
            "listing": listing,
            "metadata": metadata_digest(self.metadata),
        }
