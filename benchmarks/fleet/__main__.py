"""Train a fleet and measure its truth: `python -m benchmarks.fleet NAME [--work DIR] [--processes N]`."""

import argparse
import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))

from benchmarks.fleet.making import DEFAULT_WORK, make
from benchmarks.fleet.recipes import FLEETS


def main() -> None:
    """Whatever lies in the folder already is not made again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("fleet", choices=FLEETS)
    parser.add_argument("--work", type=type(DEFAULT_WORK), default=DEFAULT_WORK, help="folder of the fleet")
    parser.add_argument("--processes", type=int, default=2, help="one thread each (default: 2)")
    asked = parser.parse_args()
    for member, truth in make(FLEETS[asked.fleet], asked.work, asked.processes):
        most = sorted(truth.flips.items(), key=lambda each: -each[1])[:3]
        said = ", ".join(f"{name} {share:.3f}" for name, share in most)
        print(f"{member.name:28} accuracy {truth.accuracy:.3f}; flips: {said}", flush=True)


if __name__ == "__main__":
    main()
