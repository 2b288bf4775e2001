"""The folder a build works in beside its goal: one build at a time, whole or absent, resumable.

However a build is killed, there is a whole index at `out` (if there was one before), but for the moment between two
renames, when it is at `out.replaced`; the next build, or `finish`, puts that right.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from indexer.errors import DatasetFault, DiskFull, InvalidInput, OutOfMemory, SampleLost, SubjectFault
from indexer.index.files import FINISHED, MANIFEST, discarded, retired, staging
from indexer.index.locking import LOCK, locked
from indexer.index.manifest import digest_of, read_manifest
from indexer.whole import files_on_disk, listing_on_disk, whole_file

BEGUN = "begun.json"
"""In a staging folder: what the build began with."""
_ASKED = "asked.sha256"
_PUBLISHING = "publishing.sha256"
_BOOKKEEPING = {LOCK, *(name + end for name in (_ASKED, BEGUN) for end in ("", ".part"))}
_HOPELESS = (InvalidInput, SubjectFault, DatasetFault)
"""Faults that going on later cannot cure: what was begun is removed."""
_PASSING = (OutOfMemory, SampleLost)
"""Those among them that it can."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@contextmanager
def claimed(out: Path, settings: object, *, resume: bool, replace: bool) -> Iterator[Path]:
    """The staging folder of `out`, claimed for this process; on an error that resuming can cure it stays.

    Raises InvalidInput when `out` is in the way or when what lies there was begun with other settings, IndexUnusable
    when another build holds the folder, DiskFull.
    """
    work, asked = staging(out), digest_of(settings)
    with _telling_of_full_disks(work), locked(work):
        try:
            recover(out)
            _check_goal(out, replace=replace)
            _check_leftover(work, asked, resume=resume)
            (work / _PUBLISHING).unlink(missing_ok=True)
            with whole_file(work / _ASKED) as file:
                file.write(asked.encode())
        except BaseException:
            _tidy(work, out)
            raise
        try:
            yield work
        except BaseException as fault:
            if isinstance(fault, _HOPELESS) and not isinstance(fault, _PASSING):
                _discard(work, out)
            elif not (work / _PUBLISHING).exists():
                shutil.rmtree(work / FINISHED, ignore_errors=True)
            _tidy(work, out)
            raise
        _discard(work, out)


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Keep builds from an index while something is added to it in place; raises IndexUnusable, DiskFull."""
    work = staging(out)
    with _telling_of_full_disks(work), locked(work):
        recover(out)
        try:
            yield
        finally:
            _tidy(work, out)


def publish(finished: Path, out: Path) -> None:
    """Rename a finished folder to `out`; an index that stood there is removed only once the new one stands."""
    files_on_disk(finished)
    with whole_file(finished.parent / _PUBLISHING) as file:
        file.write(read_manifest(finished).digest.encode())
    _exchange(finished, out)


def finish(out: Path, settings: object, *, replace: bool) -> bool:
    """Take the last steps of a build that was killed while it took them; True when its index stands."""
    work, asked = staging(out), digest_of(settings)
    if not _published(work, asked):
        return False
    with locked(work):
        recover(out)
        digest, finished = _published(work, asked), work / FINISHED
        if finished.is_dir():
            if out.exists() and not replace:
                return False
            _exchange(finished, out)
        if not digest or not (out / MANIFEST).is_file() or read_manifest(out).digest != digest:
            return False
        _discard(work, out)
    return True


def recover(out: Path) -> None:
    """After a kill between the two renames: the old index comes back; after one later, it goes."""
    if not out.exists() and retired(out).is_dir():
        retired(out).rename(out)
    _discard(retired(out), out)


def _published(work: Path, asked: str) -> str:
    """Digest of the index that a build as asked was about to publish; empty when there was none."""
    begun = (work / _PUBLISHING).is_file() and (work / _ASKED).is_file() and (work / _ASKED).read_text() == asked
    return (work / _PUBLISHING).read_text() if begun else ""


def _exchange(finished: Path, out: Path) -> None:
    if out.exists():
        _discard(retired(out), out)
        out.rename(retired(out))
    finished.rename(out)
    listing_on_disk(out.absolute().parent)
    _discard(retired(out), out)


def _discard(folder: Path, out: Path) -> None:
    """Remove a folder so that it is never seen half-removed."""
    gone = discarded(out)
    shutil.rmtree(gone, ignore_errors=True)
    if folder.is_dir():
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _tidy(work: Path, out: Path) -> None:
    """Nothing stays of a build that has done nothing yet."""
    if work.is_dir() and all(path.name in _BOOKKEEPING for path in work.iterdir()):
        _discard(work, out)


def _check_goal(out: Path, *, replace: bool) -> None:
    if not out.exists():
        return
    if not (out.is_dir() and (out / MANIFEST).exists()):
        if out.is_dir() and not any(out.iterdir()):
            out.rmdir()
            return
        raise InvalidInput(f"{out} exists and is not an index.", hint="Choose another --out; nothing there is touched.")
    if not replace:
        raise InvalidInput(f"{out} already holds an index.", hint="--overwrite replaces it, --add adds what it lacks.")


def _check_leftover(work: Path, asked: str, *, resume: bool) -> None:
    if all(path.name in _BOOKKEEPING for path in work.iterdir()):
        (work / BEGUN).unlink(missing_ok=True)
        return
    if not resume:
        raise InvalidInput(
            f"An unfinished build lies in {work}.", hint=f"Go on with --resume, or start anew: rm -r {work}"
        )
    if not (work / _ASKED).exists() or (work / _ASKED).read_text() != asked:
        raise InvalidInput(
            f"The unfinished build in {work} was begun with other settings.",
            hint=f"Repeat its settings, or start anew: rm -r {work}",
        )


@contextmanager
def _telling_of_full_disks(work: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        if fault.errno not in _NO_ROOM:
            raise
        with suppress(OSError):
            work.rmdir()  # empty: not even the lock found room
        room = shutil.disk_usage(work.parent).free / (1 << 20)
        left = f" ({room:,.1f} MiB are left)" if fault.errno == errno.ENOSPC else ""
        cure = f"Make room, then go on with --resume; or rm -r {work}, and choose another --out."
        raise DiskFull(
            f"Writing failed in {work}: {os.strerror(fault.errno).lower()}{left}. No index was half-written.",
            hint=cure if work.exists() else "Make room, or choose another --out.",
        ) from fault
