"""A suite's table: printed as it grows, then written with the command, the machine and the load it ran under."""

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("numpy", "torch", "torchvision", "timm", "open_clip_torch", "pyarrow", "pandas", "grpcio", "protobuf")


@dataclass(frozen=True)
class Row:
    """One thing measured; without a bar it is information."""

    what: str
    measured: str
    bar: str = "–"
    met: bool | None = None
    details: dict[str, Any] = field(default_factory=dict)


class Report:
    """What a suite is asked, and what it found."""

    def __init__(self, suite: str, summary: str, *, quick: bool = False, index: Path | None = None) -> None:
        self.suite = suite
        self.quick = quick
        self.index = index
        self.fleet = "judged"
        self.work: Path | None = None
        self.rows: list[Row] = []
        self.notes: list[str] = []
        self._summary = summary
        self._load = os.getloadavg()[0]
        print(f"# {suite}: {summary}\n\nwhat | measured | bar | met")

    def row(self, what: str, measured: str, bar: str = "–", met: bool | None = None, **details: Any) -> None:  # noqa: ANN401, FBT001
        """Add a line."""
        row = Row(what, measured, bar, met, details)
        self.rows.append(row)
        print(f"{row.what} | {row.measured} | {row.bar} | {_said(row.met)}", flush=True)

    def note(self, text: str) -> None:
        """Add a sentence under the table."""
        self.notes.append(text)
        print(text, flush=True)

    @property
    def met(self) -> bool:
        """No bar was missed."""
        return all(row.met is not False for row in self.rows)

    def finish(self, out: Path | None) -> None:
        """Write the table to `out` and the figures beside it as JSON."""
        if out is None:
            return
        about = {
            "command": f"python -m benchmarks {self.suite}{' --quick' if self.quick else ''}"
            f"{' --index INDEX' if self.index else ''}{f' --fleet {self.fleet}' if self.fleet != 'judged' else ''}",
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
            "load": f"{self._load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end (one-minute averages)",
            "versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
        }
        lines = [f"# {self.suite}: {self._summary}", "", "| what | measured | bar | met |", "|---|---|---|---|"]
        lines += [f"| {row.what} | {row.measured} | {row.bar} | {_said(row.met)} |" for row in self.rows]
        lines += ["", *(f"{note}\n" for note in self.notes)] if self.notes else [""]
        lines += [
            f"- {name.capitalize()}: {f'`{value}`' if name == 'command' else value}" for name, value in about.items()
        ]
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")
        figures = {**about, "rows": [asdict(row) for row in self.rows], "notes": self.notes}
        out.with_suffix(".json").write_text(json.dumps(figures, indent=1, default=float) + "\n", encoding="utf-8")


def versions() -> dict[str, str]:
    """Python and the libraries that decide about speed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _said(met: bool | None) -> str:  # noqa: FBT001
    return "–" if met is None else "yes" if met else "**no**"
