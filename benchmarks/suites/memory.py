"""Peak memory of a whole build in a process of its own, as the dataset grows tenfold."""

import json
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import memory
from benchmarks.reporting import Report
from indexer.catalogue import DATASETS
from indexer.datasets.batches import Reading
from indexer.index.manifest import digest_of

BAR = 1.10
_MIB = 1 << 20


def measure(report: Report) -> None:
    """The bar, and what a sample costs."""
    small, large = (500, 5_000) if report.quick else (2_000, 20_000)
    rounds = 1 if report.quick else 3
    peaks: dict[int, list[dict[str, Any]]] = {small: [], large: []}
    for _ in range(rounds):
        for count, found in peaks.items():
            found.append(_build(count))
    low, high = (median(each["peak"] for each in found) for found in peaks.values())
    imported = peaks[small][0]["imported"]
    _row(report, "peak resident memory of a build", peaks, 0, bar=True)
    _row(report, "without Python and the libraries as imported", peaks, imported, bar=False)
    growth = (high - low) / (large - small)
    report.row("growth a sample", f"{growth / 1024:.2f} KiB", bytes_a_sample=growth)
    _parts(report, large)
    report.note(
        f"Python and the libraries take {imported / _MIB:.0f} MiB before the build and flatter the ratio. Subject: one "
        "convolution of 64 channels; foundation model: a random projection; 30 exemplars, relevance measured. The "
        "parts are Python's own allocations, traced one by one; the process also keeps freed memory."
    )


def _parts(report: Report, count: int) -> None:
    """What a sample costs in each table that has a row a sample."""
    dataset = _traced(report, "the dataset's keys and columns", count, lambda: DATASETS.load(f"lesions:{count}"))
    reading = Reading()

    def read() -> None:
        for number in range(count):
            reading.take(f"{number:032x}")

    _traced(report, "reading: digest and original", count, read)
    pairs = (dataset.keys, reading.contents)
    _traced(report, "the digest over keys and contents", count, lambda: digest_of(list(zip(*pairs, strict=True))))


def _traced(report: Report, what: str, count: int, make: Callable[[], Any]) -> Any:  # noqa: ANN401
    tracemalloc.start()
    made = make()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    measured = f"{kept / count:.0f} bytes a sample kept, {peak / count:.0f} at the peak"
    report.row(f"of it: {what}", measured, kept=kept / count, peak=peak / count)
    return made


def _row(report: Report, what: str, peaks: dict[int, list[dict[str, Any]]], base: int, *, bar: bool) -> None:
    (small, low), (large, high) = ((count, [each["peak"] - base for each in found]) for count, found in peaks.items())
    ratio = median(high) / median(low)
    pairs = [b / a for a, b in zip(low, high, strict=True)]
    report.row(
        f"{what}: {large:,} / {small:,} images",
        f"**{ratio:.3f}** (min {min(pairs):.3f}, max {max(pairs):.3f}; {median(high) / _MIB:.0f} / "
        f"{median(low) / _MIB:.0f} MiB, {len(low)} rounds)",
        f"≤ {BAR:.2f}" if bar else "–",
        ratio <= BAR if bar else None,
        bytes={str(small): low, str(large): high},
    )


def _build(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "benchmarks.suites.memory", str(count), f"{temporary}/index"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _child(count: int, out: Path) -> None:
    """Build once; the libraries a build loads anyway are imported before the first measurement."""
    import torch  # noqa: F401

    from benchmarks.light import NAME, register
    from indexer.config import read_config
    from indexer.pipeline import build_index

    register()
    imported = memory("VmRSS")
    config = read_config(
        None,
        {
            "subject": {"name": "python:benchmarks.light:subject"},
            "dataset": {"name": f"lesions:{count}"},
            "collect": {"layers": ("act",)},
            "foundation": {"name": NAME},
            "relevance": {"classes": True},
            "out": out,
        },
    )
    build_index(config)
    print(json.dumps({"imported": imported, "peak": memory("VmHWM")}))


if __name__ == "__main__":
    _child(int(sys.argv[1]), Path(sys.argv[2]))
