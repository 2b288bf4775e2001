"""`stdlib`: the source of Python's standard library, as it lies on the machine."""

import os
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from indexer.corpora.corpus import Corpus
from indexer.corpora.passages import Passages, decoded
from indexer.errors import DatasetFault, InvalidInput

LEFT_OUT = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idle_test", "lib2to3", "encodings", "pydoc_data", "turtledemo"}
)
"""Folders: what was installed besides, tests, and tables."""


def load(argument: str) -> Corpus:
    """The library's own modules; raises InvalidInput, or DatasetFault where Python came without their source."""
    if argument:
        raise InvalidInput(f"The corpus 'stdlib' takes no argument, but {argument!r} was given.", hint="Write stdlib.")
    root = stdlib_root()
    names = list(stdlib_files())
    if not names:
        raise DatasetFault(f"There is no source of the standard library in {root}.", hint="Write text:FOLDER instead.")
    about: dict[str, object] = {"adapter": "stdlib", "argument": argument, "python": platform.python_version()}
    return Passages(names, lambda number: stdlib_source(names[number]), about)


def stdlib_root() -> Path:
    """Where the library lies."""
    return Path(sysconfig.get_paths()["stdlib"])


def stdlib_files() -> Iterator[str]:
    """Names of its modules' files, sorted."""
    root, found = stdlib_root(), []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in LEFT_OUT and not name.startswith(("config-", "."))]
        found += [(Path(folder) / name).relative_to(root).as_posix() for name in names if name.endswith(".py")]
    yield from sorted(found)


def stdlib_source(name: str) -> str:
    """The source of a file; raises DatasetFault."""
    try:
        return decoded((stdlib_root() / name).read_bytes(), name)
    except OSError as fault:
        raise DatasetFault(f"{name} cannot be read: {fault.strerror}.", hint="Is Python whole?") from fault
