"""Memory of collecting a hundred thousand latents of an autoencoder, in a process of its own, over a plain pass."""

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
WIDTH, ACTIVE = 64, 64
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
        f"A top-k autoencoder of {NEURONS:,} latents, {ACTIVE} active a position, on a map of 4 × 4 in {WIDTH} "
        f"channels; batches of {BATCH}. Peak resident memory of the process less what is resident after a plain pass "
        "of the subject over one batch; it holds one slice of latents (64 MiB) and what ranking it takes."
    )


def subject() -> "tuple[torch.nn.Module, Any]":
    """Sixteen patches of an image in 64 dimensions, for `python:benchmarks.suites.wide:subject`."""
    import numpy as np
    import torch

    torch.manual_seed(0)
    module = torch.nn.Sequential()
    module.add_module("patches", torch.nn.Conv2d(3, WIDTH, 4, 4))
    module.add_module("flat", torch.nn.Flatten(2))
    module.add_module("tokens", torch.nn.Linear(16, 16))

    def prepare(image: "Image.Image") -> torch.Tensor:
        return torch.from_numpy(np.asarray(image.resize((16, 16))).copy()).permute(2, 0, 1).float() / 128 - 1

    return module.eval(), prepare


def _autoencoder(file: Path) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    encoder = torch.randn(WIDTH, NEURONS)
    weights = {"W_enc": encoder, "W_dec": encoder.T.contiguous()}
    biases = {"b_enc": torch.zeros(NEURONS), "b_dec": torch.zeros(WIDTH)}
    save_file(weights | biases, file, {"architecture": "topk", "k": str(ACTIVE), "apply_b_dec_to_input": "false"})


def _collected(count: int, exemplars: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.suites.wide", str(count), str(exemplars)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _child(count: int, exemplars: int) -> None:
    import torch

    from indexer.catalogue import DATASETS
    from indexer.collectors.activation import ActivationCollector, CollectSettings
    from indexer.progress import Silent
    from indexer.subjects.opening import open_subject

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sae.safetensors"
        _autoencoder(file)
        wide = open_subject("python:benchmarks.suites.wide:subject", {"patches": file})
    dataset = DATASETS.load(f"lesions:{count}")
    batch = torch.stack([wide.preprocess(dataset.load(number)) for number in range(BATCH)])
    with torch.inference_mode():
        wide.module(batch)
    before = memory("VmRSS")
    with tempfile.TemporaryDirectory() as staging:
        settings = CollectSettings(("patches.sae",), exemplars=exemplars, batch_size=BATCH, threads=1)
        collected = ActivationCollector(settings, Path(staging)).collect(wide, dataset, Silent())
    end = collected.layers[0].positive
    active = float(end.active.sum()) / count / NEURONS
    print(json.dumps({"before": before, "peak": memory("VmHWM"), "active": active}))


if __name__ == "__main__":
    _child(int(sys.argv[1]), int(sys.argv[2]))
