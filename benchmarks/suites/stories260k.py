"""Real input: token graphs of every MLP neuron of a published model of children's stories, from the command line."""

import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.graph_scores import tell, told_how
from benchmarks.measuring import seconds
from benchmarks.real_data import real_data
from benchmarks.reporting import Report
from benchmarks.stories import TEMPERATURE, write_stories

SUBJECT, LAYERS, FOUNDATION = "python:text_subjects:stories260k", "blocks.*.act", "tiny-code"
STORIES, TOKENS, SEED = 1_000, 200, 0


def measure(report: Report) -> None:
    """F1 of every layer beside its baseline; skipped where LENS_DATA is absent."""
    data = real_data()
    if data is None or not (data / "stories260k").is_dir():
        report.note("Skipped: stories260k is not here. Set LENS_DATA to the folder that holds it.")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder, stories = report.index or Path(temporary) / "index", Path(temporary) / "stories"
        count = 100 if report.quick else STORIES
        if report.index is None:
            module, tokenizer = import_module("text_subjects").stories260k()
            write_stories(module, tokenizer, stories, count=count, tokens=TOKENS, seed=SEED)
            build = ["build", "--subject", SUBJECT, "--layers", LAYERS, "--dataset", f"text:{stories}", "--quiet"]
            taken = seconds(lambda: _lens(data, *build, "--foundation", FOUNDATION, "--out", str(folder)))
            report.row("`lens build`", f"{taken / 60:.1f} min", seconds=taken)
        taken = seconds(lambda: _lens(data, "graph", str(folder), "--all"))
        report.row("`lens graph --all`", f"{taken / 60:.1f} min", seconds=taken)
        tell(report, folder, bars=False)
    report.note(told_how())
    report.note(
        "Llama architecture, 260,032 parameters, 5 layers of 172 gated neurons, their positive ends; "
        f"{count:,} stories of at most {TOKENS} tokens that it tells itself (temperature {TEMPERATURE}, seed {SEED})."
    )


def _lens(data: Path, *arguments: str) -> None:
    """The command line, with the factories of LENS_DATA importable; raises CalledProcessError."""
    path = os.pathsep.join(filter(None, (str(data), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", "lens_server.cli", *arguments]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.DEVNULL)
