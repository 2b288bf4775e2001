"""Ratios on a machine that others use too: both sides alternate in one run, and the median decides."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Paired:
    """Seconds of two things that took turns."""

    ours: list[float]
    theirs: list[float]
    cpu_ratios: list[float] = field(default_factory=list)
    """Ours / theirs in this process's CPU seconds, turn by turn: blind to who else had the cores."""

    @property
    def ratios(self) -> list[float]:
        """Ours / theirs, turn by turn: what slows both down at once cancels."""
        return [a / b for a, b in zip(self.ours, self.theirs, strict=True)]

    @property
    def median(self) -> float:
        """The ratio that is reported."""
        return statistics.median(self.ratios)

    def said(self) -> str:
        """Median, range, and the two median times."""
        low, high = min(self.ratios), max(self.ratios)
        times = f"{_time(statistics.median(self.ours))} / {_time(statistics.median(self.theirs))}"
        return f"**{self.median:.2f}** (min {low:.2f}, max {high:.2f}; {times}, {len(self.ours)} rounds)"

    def details(self) -> dict[str, Any]:
        """For the JSON."""
        return {
            "ratio_median": self.median,
            "ratio_min": min(self.ratios),
            "ratio_max": max(self.ratios),
            "ours_seconds_median": statistics.median(self.ours),
            "theirs_seconds_median": statistics.median(self.theirs),
            "ours_seconds_min": min(self.ours),
            "theirs_seconds_min": min(self.theirs),
            "cpu_ratio_median": statistics.median(self.cpu_ratios),
            "cpu_ratio_min": min(self.cpu_ratios),
            "cpu_ratio_max": max(self.cpu_ratios),
            "rounds": len(self.ours),
        }


def interleaved(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    rounds: int,
    warm: int = 1,
    before: Callable[[], object] = lambda: None,
) -> Paired:
    """Time both, turn by turn, each going first every other time; `warm` rounds are not counted, nor is `before`."""
    paired = Paired([], [])
    gc.collect()
    for number in range(-warm, rounds):
        before()
        sides = [(ours, paired.ours), (theirs, paired.theirs)]
        spent = {}
        for side, times in sides if number % 2 else reversed(sides):
            begun = time.process_time()
            taken = seconds(side)
            spent[side] = time.process_time() - begun
            if number >= 0:
                times.append(taken)
        if number >= 0:
            paired.cpu_ratios.append(spent[ours] / max(spent[theirs], 1e-9))
    return paired


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def memory(what: str) -> int:
    """`VmRSS` (now) or `VmHWM` (peak) of this process in bytes; getrusage's peak would include the parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) << 10
    raise OSError(f"this system does not tell {what}")


def _time(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.2f} ms"
