"""Opening a large index in a process of its own: how long, and how much memory before the first query."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import memory
from benchmarks.reporting import Report

SECONDS, MEBIBYTES = 1.0, 300
_MIB = 1 << 20


def measure(report: Report) -> None:
    """The bar at 10^6 neurons."""
    from benchmarks.light import LightModel
    from benchmarks.synthetic import synthesise

    count, rounds = (20_000, 2) if report.quick else (1_000_000, 9)
    with tempfile.TemporaryDirectory() as temporary:
        index = synthesise(Path(temporary) / "index", count, LightModel().space, exemplars=3, hollow=True)
        found = [_opened(index) for _ in range(rounds)]
    opening, resident = ([each[what] for each in found] for what in ("opening", "resident"))
    report.row(
        f"Lens.open, {count:,} neurons × 512",
        f"**{statistics.median(opening):.2f} s** (min {min(opening):.2f}, max {max(opening):.2f}; {rounds} processes)",
        f"< {SECONDS:.0f} s",
        statistics.median(opening) < SECONDS,
        seconds=opening,
    )
    report.row(
        "resident memory of the whole process, before the first query",
        f"**{max(resident) / _MIB:.0f} MB** (before opening {found[0]['imported'] / _MIB:.0f}, "
        f"peak while opening {max(each['peak'] for each in found) / _MIB:.0f})",
        f"< {MEBIBYTES} MB",
        max(resident) < MEBIBYTES * _MIB,
        resident=resident,
        peak=[each["peak"] for each in found],
    )
    report.row(
        "from the start of the process, imports included",
        f"{statistics.median([each['started'] for each in found]):.2f} s",
        seconds=[each["started"] for each in found],
    )
    report.row(
        "listing the first page of neurons, which makes the filter",
        f"{statistics.median([each['page'] for each in found]) * 1e3:.0f} ms",
        seconds=[each["page"] for each in found],
    )
    report.note(
        "MB are MiB. The index's files lie in the page cache; its vectors are a sparse file, mapped and not read."
    )


def _opened(index: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.suites.open", str(index), str(time.monotonic())]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _child(index: Path, begun: float) -> None:
    from lens_server.lens import Lens

    imported, started = memory("VmRSS"), time.perf_counter()
    lens = Lens.open(index)
    opening = time.perf_counter() - started
    found = {
        "imported": imported,
        "opening": opening,
        "started": time.monotonic() - begun,
        "resident": memory("VmRSS"),
        "peak": memory("VmHWM"),
    }
    started = time.perf_counter()
    lens.neurons(page_size=1)
    print(json.dumps({**found, "page": time.perf_counter() - started}))


if __name__ == "__main__":
    _child(Path(sys.argv[1]), float(sys.argv[2]))
