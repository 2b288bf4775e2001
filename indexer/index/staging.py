"""The folder a build works in beside its goal: one build at a time, whole or absent, resumable."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from indexer.errors import DatasetFault, IndexUnusable, InvalidInput, SubjectFault
from indexer.index.files import MANIFEST, retired, staging
from indexer.index.manifest import digest_of

_ASKED = "asked.sha256"
_LOCK = "lock"
_HOPELESS = (InvalidInput, SubjectFault, DatasetFault)
"""Faults that going on later cannot cure: what was begun is removed."""


@contextmanager
def claimed(out: Path, settings: object, *, resume: bool, replace: bool) -> Iterator[Path]:
    """The staging folder of `out`, claimed for this process; on an error that resuming can cure it stays.

    Raises InvalidInput when `out` is in the way, when another build holds the folder, or when what lies there was
    begun with other settings.
    """
    _check_goal(out, replace=replace)
    work = staging(out)
    asked = digest_of(settings)
    _check_leftover(work, asked, resume=resume)
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise InvalidInput(f"{work} cannot be made: {fault.strerror}.", hint="Choose another --out.") from fault
    with _locked(work):
        (work / _ASKED).write_text(asked)
        try:
            yield work
        except _HOPELESS:
            shutil.rmtree(work, ignore_errors=True)
            raise
        except BaseException:
            if not any(path.name not in {_ASKED, _LOCK} for path in work.iterdir()):
                shutil.rmtree(work, ignore_errors=True)
            raise
        shutil.rmtree(work)


def publish(finished: Path, out: Path) -> None:
    """Rename a finished folder to `out`; an index that stood there is removed only once the new one stands."""
    for path in sorted(finished.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    if out.exists():
        shutil.rmtree(retired(out), ignore_errors=True)
        out.rename(retired(out))
    finished.rename(out)
    shutil.rmtree(retired(out), ignore_errors=True)


def _check_goal(out: Path, *, replace: bool) -> None:
    if not out.exists():
        if retired(out).exists():
            retired(out).rename(out)
            _check_goal(out, replace=replace)
        return
    if not (out.is_dir() and (out / MANIFEST).exists()):
        if out.is_dir() and not any(out.iterdir()):
            out.rmdir()
            return
        raise InvalidInput(f"{out} exists and is not an index.", hint="Choose another --out; nothing there is touched.")
    if not replace:
        raise InvalidInput(
            f"{out} already holds an index.", hint="--overwrite replaces it, --add adds the layers it lacks."
        )


def _check_leftover(work: Path, asked: str, *, resume: bool) -> None:
    if not work.exists():
        return
    stored = work / _ASKED
    if not resume:
        if not stored.exists() or not any(path.name not in {_ASKED, _LOCK} for path in work.iterdir()):
            return
        raise InvalidInput(
            f"An unfinished build lies in {work}.", hint=f"Go on with --resume, or start anew: rm -r {work}"
        )
    if not stored.exists() or stored.read_text() != asked:
        raise InvalidInput(
            f"The unfinished build in {work} was begun with other settings.",
            hint=f"Repeat its settings, or start anew: rm -r {work}",
        )


@contextmanager
def _locked(work: Path) -> Iterator[None]:
    # The system drops the lock with the process, however it dies: nothing stale is left.
    with (work / _LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            raise IndexUnusable(
                f"Another build is working in {work}.", hint="Wait for it, or choose another --out."
            ) from fault
        yield
