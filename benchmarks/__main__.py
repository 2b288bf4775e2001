"""`python -m benchmarks SUITE [--quick] [--out FILE]`."""

import argparse
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.suites import SUITES

RESULTS = Path(__file__).parent / "results"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main() -> int:
    """Run a suite or all; 0: every bar met, 1: one missed, 2: asked for something that is not there."""
    asked = _parser().parse_args()
    os.environ["LENS_CACHE"] = "none"  # what was embedded before would not be measured
    if asked.list or asked.suite is None:
        for name, suite in SUITES.items():
            print(f"{name:12} {suite.summary}")
        return 0
    if asked.suite == "all":
        return _all(asked.quick)
    threads = SUITES[asked.suite].threads
    if threads is not None:
        os.environ.update(dict.fromkeys(_THREADS, str(threads)))
    return _one(asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Lens against its bars.")
    parser.add_argument("suite", nargs="?", choices=[*SUITES, "all"], metavar="SUITE", help="a suite's name, or all")
    parser.add_argument("--list", action="store_true", help="name the suites")
    parser.add_argument("--quick", action="store_true", help="smaller and shorter; kept only where --out says")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the table goes, with a .json beside it")
    parser.add_argument("--index", type=Path, help="photographs: an index already built")
    parser.add_argument("--fleet", default="judged", help="audit: development or judged, the one that counts")
    parser.add_argument(
        "--work", type=Path, metavar="DIR", help="audit, peer: what is made on the way lies here and is kept"
    )
    return parser


def _one(asked: argparse.Namespace) -> int:
    from benchmarks.reporting import Report

    out = asked.out or (None if asked.quick else RESULTS / f"{asked.suite}.md")
    summary = SUITES[asked.suite].summary
    report = Report(asked.suite, summary, quick=asked.quick, index=asked.index)
    report.fleet, report.work = asked.fleet, asked.work
    import_module(f"benchmarks.suites.{asked.suite}").measure(report)
    report.finish(out)
    return 0 if report.met else 1


def _all(quick: bool) -> int:  # noqa: FBT001
    commands = [[sys.executable, "-m", "benchmarks", name, *(["--quick"] if quick else [])] for name in SUITES]
    return max(subprocess.run(command, check=False).returncode for command in commands)


if __name__ == "__main__":
    sys.exit(main())
