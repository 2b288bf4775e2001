"""Memory of collecting a hundred thousand neurons, in a process of its own, over what a plain pass takes."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import memory
from benchmarks.reporting import Report

if TYPE_CHECKING:
    import torch
    from PIL import Image

BAR = 0.05
NEURONS, BATCH = 100_000, 32
_MIB = 1 << 20


def measure(report: Report) -> None:
    """The bar: what is seen is not kept; then what an exemplar of a neuron costs."""
    few, many = (300, 900) if report.quick else (500, 5_000)
    row = 4 * NEURONS
    for exemplars in (10, 30):
        over = {}
        kept = 8 * NEURONS * exemplars
        for count in (few, many):
            found = _collected(count, exemplars)
            over[count] = found["peak"] - found["before"]
            report.row(
                f"{NEURONS:,} neurons, {exemplars} exemplars, {count:,} samples",
                f"**{over[count] / _MIB:,.0f} MiB** over a plain pass: {over[count] / NEURONS / exemplars:.0f} bytes a "
                f"neuron and exemplar ({kept / _MIB:,.0f} MiB, 8 bytes each, are kept; all activations would be "
                f"{count * row / _MIB:,.0f} MiB)",
                **found,
            )
        growth = (over[many] - over[few]) / (many - few)
        report.row(
            f"growth from {few:,} to {many:,} samples, {exemplars} exemplars",
            f"**{growth / 1024:.1f} KiB a sample**, {growth / row:.1%} of its activations ({over[many] / over[few]:.2f}"
            " × in all)",
            f"≤ {BAR:.0%} of its activations",
            growth <= BAR * row,
        )
    report.note(
        f"A linear map of pixels to {NEURONS:,} rectified outputs, some 1 % of them active; batches of {BATCH}. Peak "
        "resident memory of the process less what is resident after a plain pass over one batch."
    )


def subject() -> "tuple[torch.nn.Module, Any]":
    """A wide layer `act`, for `python:benchmarks.suites.wide:subject`."""
    import numpy as np
    import torch

    torch.manual_seed(0)
    layer = torch.nn.Linear(3 * 8 * 8, NEURONS)
    layer.bias.data -= 0.6
    module = torch.nn.Sequential()
    module.add_module("flat", torch.nn.Flatten())
    module.add_module("linear", layer)
    module.add_module("act", torch.nn.ReLU())
    module.add_module("head", torch.nn.Linear(NEURONS, 2))

    def prepare(image: "Image.Image") -> torch.Tensor:
        return torch.from_numpy(np.asarray(image.resize((8, 8))).copy()).permute(2, 0, 1).float() / 128 - 1

    return module.eval(), prepare


def _collected(count: int, exemplars: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.suites.wide", str(count), str(exemplars)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _child(count: int, exemplars: int) -> None:
    import torch

    from indexer.catalogue import DATASETS, SUBJECTS
    from indexer.collectors.activation import ActivationCollector, CollectSettings
    from indexer.progress import Silent

    wide, dataset = SUBJECTS.load("python:benchmarks.suites.wide:subject"), DATASETS.load(f"lesions:{count}")
    batch = torch.stack([wide.preprocess(dataset.load(number)) for number in range(BATCH)])
    with torch.inference_mode():
        wide.module(batch)
    before = memory("VmRSS")
    with tempfile.TemporaryDirectory() as staging:
        settings = CollectSettings(("act",), exemplars=exemplars, batch_size=BATCH, threads=1)
        collected = ActivationCollector(settings, Path(staging)).collect(wide, dataset, Silent())
    end = collected.layers[0].positive
    active = float(end.active.sum()) / count / NEURONS
    print(json.dumps({"before": before, "peak": memory("VmHWM"), "active": active}))


if __name__ == "__main__":
    _child(int(sys.argv[1]), int(sys.argv[2]))
