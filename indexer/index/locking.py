"""One process at a time works on an index; the system drops the lock with the process, however that dies."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from indexer.errors import IndexUnusable, InvalidInput

LOCK = "lock"
_BUSY = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder, made where it is not there; raises IndexUnusable with who holds it."""
    with _held(folder) as file:
        file.truncate(0)
        json.dump(
            {
                "process": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            },
            file,
        )
        file.flush()
        yield


@contextmanager
def _held(folder: Path) -> Iterator[TextIO]:
    while True:
        with _opened(folder) as file:
            _lock(file, folder)
            if not _still_there(file, folder):
                continue  # it was being removed by the one who held it before
            yield file
            return


def _opened(folder: Path) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InvalidInput(f"{folder} cannot be made: {fault.strerror}.", hint="Choose another --out.") from fault
    return (folder / LOCK).open("a+", encoding="utf-8")


def _lock(file: TextIO, folder: Path) -> None:
    import fcntl  # where there is none (Windows), an index can still be read

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        if fault.errno in _BUSY:
            raise IndexUnusable(
                f"Another build is working in {folder}: {_holder(file)}.",
                hint="Wait until it has ended, or choose another --out.",
            ) from fault
        raise IndexUnusable(
            f"{folder} lies on a file system without locks ({fault.strerror}): two builds could not be kept apart.",
            hint="Choose an --out on a local disk, and move the index when it is whole.",
        ) from fault


def _holder(file: TextIO) -> str:
    file.seek(0)
    try:
        held = json.loads(file.read())
        where = "" if held["host"] == socket.gethostname() else f" on {held['host']}"
        return f"process {held['process']}{where}, since {held['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has only just begun"


def _still_there(file: TextIO, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), (folder / LOCK).stat())
    except FileNotFoundError:
        return False
