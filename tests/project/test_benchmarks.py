"""The benchmarks can be asked for, and one of them runs."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.suites import SUITES

ROOT = Path(__file__).parents[2]


def bench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )


def test_the_suites_are_listed():
    listed = bench("--list")
    assert listed.returncode == 0, listed.stderr
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(SUITES)


def test_every_suite_has_a_file():
    found = {path.stem for path in (ROOT / "benchmarks" / "suites").glob("*.py")} - {"__init__"}
    assert found == set(SUITES), "list each file of benchmarks/suites in its __init__.py"


def test_a_tiny_suite_writes_its_table(tmp_path):
    ran = bench("open", "--quick", "--out", tmp_path / "open.md")
    assert ran.returncode in (0, 1), ran.stderr
    assert "| what | measured | bar | met |" in (tmp_path / "open.md").read_text()
    figures = json.loads((tmp_path / "open.json").read_text())
    assert figures["command"] == "python -m benchmarks open --quick" and len(figures["rows"]) == 4


def test_an_unknown_suite_is_refused():
    assert bench("nothing").returncode == 2
