"""Kills builds before every step they take on disk, or fills the disk there, and goes on until they are done.

A program: one process loads everything, then forks a child for each build, so that a kill costs no imports.
`python -m benchmarks.killing '{"folder": …, "arguments": […], …}'` prints what became of each kill as JSON.
"""

import errno
import hashlib
import json
import os
import random
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

EPOCH = "1700000000"
_STEPS = {
    "sqlite3.connect",
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "shutil.copyfile",
    "os.link",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_MOST_ATTEMPTS = 30
_BAD_INPUT = 2


@dataclass(frozen=True)
class Kill:
    """What became of one build that was killed."""

    step: int
    attempts: int
    """Times it was begun or gone on with, until it was done."""
    same: bool
    """The index is the uninterrupted one's, byte for byte."""
    whole: bool
    """After every kill the index that was there, or the new one, was there and whole."""
    left: list[str]
    """Folders that lay around in the end."""
    said: str = ""
    """What it said when the disk was full, or the last error where it did not end well."""


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def forked(arguments: Sequence[str], root: Path, before: int = 0, *, full: bool = False) -> tuple[int, int, str]:
    """Run `lens …` in a child that is killed before its n-th step (0: not), or finds the disk full there.

    Returns status, steps taken and words.
    """
    said, steps = root / "said.txt", root / "steps.txt"
    if os.environ.get("LENS_CACHE") != "none":
        os.environ["LENS_CACHE"] = str(root / "cold" / Path(arguments[arguments.index("--out") + 1]).name)
    child = os.fork()
    if child == 0:
        _child(arguments, (said, steps), before, full=full)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    taken = int(steps.read_text()) if status == 0 and steps.exists() else 0
    return status, taken, said.read_text()


def _child(arguments: Sequence[str], told: tuple[Path, Path], before: int, *, full: bool) -> None:
    from lens_server.cli.main import main

    said, steps = told
    count, here = 0, str(said.parent)

    def step(event: str, values: tuple[Any, ...]) -> None:
        nonlocal count
        writes = event in _STEPS or (event == "open" and isinstance(values[2], int) and values[2] & _WRITING)
        if writes and str(values[0]).startswith(here) and str(values[0]) != str(steps):
            count += 1
            if count == before and full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if count == before:
                os.kill(os.getpid(), signal.SIGKILL)

    _redirected(said)
    sys.argv = ["lens", *arguments]
    sys.addaudithook(step)
    status = 0
    try:
        main()
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        steps.write_text(str(count))
        sys.stdout.flush()
        os._exit(status)


def _redirected(said: Path) -> None:
    with said.open("w") as words:
        os.dup2(words.fileno(), 1)
        os.dup2(words.fileno(), 2)


class Killer:
    """One kind of build, killed again and again."""

    def __init__(self, folder: Path, arguments: Sequence[str], before: Sequence[str] = ()) -> None:
        self.folder = folder
        self._arguments = list(arguments)
        self._base: Path | None = None
        if before:
            self._base = folder / "base"
            self._run([*before, "--out", str(self._base)])
        whole = self._begin("whole")
        self.steps = self._run([*self._arguments, "--out", str(whole)])
        self.wanted = digests(whole)
        self._old = digests(self._base) if self._base else None

    def fill(self, step: int) -> Kill:
        """Let the disk be full at this step, then go on."""
        out = self._begin(f"full-{step}")
        status, _, said = forked([*self._arguments, "--out", str(out)], self.folder, step, full=True)
        told = status == 0 or (status == _BAD_INPUT and "no space left" in said.lower() and "Traceback" not in said)
        whole = self._whole(out)
        if status:
            forked([*self._arguments, "--out", str(out), "--resume"], self.folder)
        return self._ended(out, step, 2, (whole and told, said))

    def kill(self, step: int, rng: random.Random | None = None) -> Kill:
        """Kill before this step, go on; with `rng` the builds that go on are killed too, now and then."""
        out, resume = self._begin(f"cut-{step}"), list[str]()
        whole, said = True, ""
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            at = step if attempt == 1 else rng.randrange(1, self.steps) if rng and rng.random() < 0.5 else 0
            status, _, said = forked([*self._arguments, "--out", str(out), *resume], self.folder, at)
            whole = whole and self._whole(out)
            if status != -signal.SIGKILL:  # done, or told that the index is there: the last kill came after all
                break
            resume = ["--resume"]
        return self._ended(out, step, attempt, (whole, said))

    def _ended(self, out: Path, step: int, attempts: int, found: tuple[bool, str]) -> Kill:
        whole, said = found
        same = out.is_dir() and digests(out) == self.wanted
        left = sorted(each.name for each in self.folder.glob(f"{out.name}.*") if not each.name.endswith(".discarded"))
        for each in (out, *self.folder.glob(f"{out.name}.*")):
            shutil.rmtree(each)
        return Kill(step, attempts, same, whole, left, said[-500:])

    def _begin(self, name: str) -> Path:
        out = self.folder / name
        if self._base is not None:
            shutil.copytree(self._base, out)
        return out

    def _run(self, arguments: Sequence[str]) -> int:
        status, steps, said = forked(arguments, self.folder)
        if status:
            raise RuntimeError(said)
        return steps

    def _whole(self, out: Path) -> bool:
        found = digests(out) if out.is_dir() else None
        if self._old is None:
            return found is None or found == self.wanted
        if found is None:
            beside = out.with_name(out.name + ".replaced")
            return beside.is_dir() and digests(beside) == self._old
        return found in (self._old, self.wanted)


def hasten() -> None:
    """Import what a build needs, and make it store what it has done so often that kills find it doing so."""
    import open_clip  # noqa: F401
    import torch

    import indexer.collectors.activation as activation
    import indexer.collectors.places as places
    import indexer.collectors.relmax as relmax
    import indexer.embedding as embedding
    import lens_server.cli.main  # noqa: F401

    torch.set_num_threads(1)
    activation._CHECKPOINT_SECONDS = 0.0  # type: ignore[misc]
    embedding._CHUNK = 32  # type: ignore[misc]
    places._PAIRS = dict.fromkeys(places._PAIRS, 64)
    relmax._CHECKPOINT_SECONDS = 0.0  # type: ignore[misc]


def main() -> None:
    """Read what is asked of the first argument; print the kills."""
    asked = json.loads(sys.argv[1])
    os.environ["SOURCE_DATE_EPOCH"] = EPOCH
    os.environ["LENS_CACHE"] = "" if asked.get("cache") else "none"
    hasten()
    folder = Path(asked["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    killer = Killer(folder, asked["arguments"], asked.get("before", ()))
    rng = random.Random(asked.get("seed", 0))
    most = killer.steps + 1
    steps = list(range(1, most)) if asked.get("kills") is None else sorted(rng.sample(range(1, most), asked["kills"]))
    steps += [most + step for step in asked.get("last", ()) if most + step not in steps]
    if asked.get("full"):
        kills = [asdict(killer.fill(step)) for step in steps]
    else:
        kills = [asdict(killer.kill(step, rng if asked.get("again") else None)) for step in steps]
    print(json.dumps({"steps": killer.steps, "files": len(killer.wanted), "kills": kills}))


if __name__ == "__main__":
    main()
