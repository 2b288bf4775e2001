"""Builds that are killed (SIGKILL) and gone on with, against the same build left alone: every byte must be the same."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.killing import EPOCH, digests
from benchmarks.reporting import Report

KILLS = 20
_SUBJECT = ("--subject", "lesion:clean", "--dataset", "lesions:{}", "--foundation", "tiny-clip")
_BUILD = ("build", *_SUBJECT, "--batch-size", "8", "--quiet")
_ONE, _TWO = ("--layers", "block4"), ("--layers", "block3,block4")
VARIANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...] | None]] = {
    "two layers": (_TWO, None),
    "with relevance (--classes)": ((*_ONE, "--classes"), None),
    "what excites a neuron (--crop activation)": ((*_ONE, "--crop", "activation"), None),
    "ranked by relevance (--collector relevance)": ((*_ONE, "--collector", "relevance"), None),
    "inverted lists (--engine faiss:IVF4,Flat)": ((*_TWO, "--engine", "faiss:IVF4,Flat"), None),
    "over an index that is there (--overwrite)": ((*_ONE, "--overwrite"), ("--layers", "block3")),
    "a layer more (--add)": ((*_ONE, "--add"), ("--layers", "block3")),
    "more of all (--add --exemplars 40 --classes)": ((*_TWO, "--add", "--exemplars", "40", "--classes"), _ONE),
}
"""What is built, and what stands there before."""
_START = (
    "from benchmarks.killing import hasten; hasten(); import indexer.collectors.activation as a;"
    "a._CHECKPOINT_SECONDS = 0.1; from lens_server.cli.main import main; main()"
)


def measure(report: Report) -> None:
    """Kills at random moments, then before random steps on disk, in every variant."""
    kills, samples = (3, 60) if report.quick else (KILLS, 250)
    with tempfile.TemporaryDirectory() as temporary:
        _timed(report, Path(temporary), kills, samples)
        for number, (name, (asked, before)) in enumerate(VARIANTS.items()):
            question = _question(Path(temporary) / str(number), asked, before, 2 if report.quick else KILLS)
            _stepped(report, f"kills before steps of a build: {name}", {**question, "again": True})
        question = _question(Path(temporary) / "cache", _ONE, None, 2 if report.quick else KILLS)
        _stepped(report, "kills before steps of a build: its embeddings shared", {**question, "cache": True})
        question = _question(Path(temporary) / "full", _ONE, None, 2 if report.quick else KILLS)
        _stepped(
            report, "times the disk was full at a step of a build, then had room again", {**question, "full": True}
        )
    report.note(
        "Subject `lesion:clean`, `tiny-clip`; SOURCE_DATE_EPOCH is set, so that `manifest.json` is compared too. Kills "
        "at random moments are of `lens build` in a process of its own, drawn over the time from its first write to "
        "its end; kills before steps come before a file is opened for writing, renamed, removed or cut, and what goes "
        "on is killed as well, every other time. After every kill an index that stood there before must be there and "
        "whole, and in the end no other folder may be left."
    )


def _timed(report: Report, folder: Path, kills: int, samples: int) -> None:
    rng = random.Random(0)
    arguments = [each.format(samples) for each in _BUILD] + ["--layers", "block2,block3,block4"]
    begun = time.monotonic()
    process = _begin(arguments, folder / "whole")
    while not (folder / "whole.building").exists() and process.poll() is None:
        time.sleep(0.01)
    first = time.monotonic() - begun
    if process.wait():
        raise RuntimeError("the build that is left alone fails")
    last = time.monotonic() - begun
    wanted, same, attempts, moments = digests(folder / "whole"), 0, [], []
    for number in range(kills):
        out = folder / f"cut-{number}"
        moments.append(first + (last - first) * (number + rng.random()) / kills)
        attempts.append(_killed(arguments, out, moments[-1]))
        same += digests(out) == wanted and not out.with_name(f"{out.name}.building").exists()
    report.row(
        f"{kills} kills at random moments of a build of three layers ({samples} samples, {last:.0f} s)",
        f"{same} of {kills} the same in all {len(wanted)} files, manifest included",
        f"= {kills}",
        same == kills,
        moments=moments,
        attempts=attempts,
        files=wanted,
    )


def _killed(arguments: Sequence[str], out: Path, after: float) -> int:
    """Kill a build after so many seconds, then go on until it is done; how often it was begun."""
    process = _begin(arguments, out)
    try:
        process.wait(after)
        return 1
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    if _begin([*arguments, "--resume"], out).wait() and not out.exists():
        raise RuntimeError("a killed build cannot be gone on with")
    return 2


def _begin(arguments: Sequence[str], out: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    command = [sys.executable, "-c", _START, *arguments, "--out", str(out)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _question(folder: Path, asked: Sequence[str], before: Sequence[str] | None, kills: int) -> dict[str, Any]:
    build = [each.format(60) for each in _BUILD]
    question = {"folder": str(folder), "arguments": [*build, *asked], "kills": kills, "last": list(range(-8, 0))}
    return question if before is None else {**question, "before": [*build, *before]}


def _stepped(report: Report, what: str, question: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "benchmarks.killing", json.dumps(question)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    found = json.loads(ran.stdout.splitlines()[-1])
    good = [each for each in found["kills"] if each["same"] and each["whole"] and not each["left"]]
    killed = len(found["kills"])
    report.row(
        f"{killed} {what}",
        f"{len(good)} of {killed} the same in all {found['files']} files ({found['steps']} steps)",
        f"= {killed}",
        len(good) == killed,
        **found,
    )
