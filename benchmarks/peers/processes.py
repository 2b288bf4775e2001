"""What a whole process costs in CPU seconds, with all that it started: others on the machine add nothing to them."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Spent:
    """A process that ended well."""

    cpu: float
    """User and system seconds of the process and of every child it waited for."""
    wall: float
    """Seconds from start to end."""
    said: dict[str, Any]
    """Its last line of output as JSON; empty where that is none."""

    def details(self) -> dict[str, Any]:
        """For the JSON."""
        return asdict(self)


def run(command: Sequence[str], environment: Mapping[str, str]) -> Spent:
    """Run to the end; raises RuntimeError with the last lines of what it said when it fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as faults:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=faults, stdin=subprocess.DEVNULL, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        faults.seek(0)
        if process.returncode:
            told = "\n".join(faults.read().splitlines()[-15:])
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{told}")
        return Spent(usage.ru_utime + usage.ru_stime, wall, _last_json(out.read()))


def _last_json(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
