"""What collecting adds to a forward pass: the same subject, the same samples, the same loader."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch

from benchmarks.light import Decoded
from benchmarks.measuring import interleaved
from benchmarks.real_data import real_data
from benchmarks.reporting import Report
from indexer.catalogue import DATASETS, SUBJECTS
from indexer.collectors.activation import ActivationCollector, CollectSettings, stacked
from indexer.datasets.batches import Reading, distinct_batches
from indexer.datasets.dataset import Dataset
from indexer.progress import Silent
from indexer.subjects.subject import Subject

BAR, BATCH = 1.15, 32


class Case(NamedTuple):
    """A subject and layers to read."""

    subject: str
    layers: tuple[str, ...]
    pixels: int
    bar: bool


def measure(report: Report) -> None:
    """Realistic subjects at 224 px against the bar; the small lesion net for information."""
    count = BATCH
    for case in _cases(report):
        subject = SUBJECTS.load(case.subject)
        images = count if case.pixels >= 224 else 4 * count
        paired = interleaved(*_sides(subject, _dataset(case.pixels, images), case.layers), 3 if report.quick else 9)
        cpu = median(paired.cpu_ratios)
        report.row(
            f"{case.subject}, {len(case.layers)} layer{'s' * (len(case.layers) > 1)} "
            f"({', '.join(case.layers)}), {images} images at {case.pixels} px",
            f"{paired.said()}; CPU seconds **{cpu:.2f}** (min {min(paired.cpu_ratios):.2f}, "
            f"max {max(paired.cpu_ratios):.2f})",
            f"both ≤ {BAR}" if case.bar else "–",
            max(paired.median, cpu) <= BAR if case.bar else None,
            **paired.details(),
        )
    report.note(
        f"{torch.get_num_threads()} thread of torch, {BATCH} samples a batch. Images are decoded beforehand, so that "
        "the loader (pixels' digest, preprocessing) hides little; decoding files would lower the ratio. "
        "Ours holds everything collecting does: aggregation, exact top-k of 30, counts and sums, logits on disk."
    )


def _cases(report: Report) -> Iterator[Case]:
    if real_data() is not None:
        mobilenet = "python:subjects:mobilenet_imagenet"
        yield Case(mobilenet, ("global_pool",), 224, bar=True)
        yield Case(mobilenet, ("blocks.2", "blocks.4", "blocks.6", "global_pool"), 224, bar=True)
    if not report.quick:
        yield Case("torchvision:resnet18/random", ("layer1", "layer2", "layer3", "layer4"), 224, bar=True)
    yield Case("lesion:clean", ("block4",), 64, bar=False)
    yield Case("lesion:clean", ("block1", "block2", "block3", "block4"), 64, bar=False)


def _dataset(pixels: int, count: int) -> Dataset:
    photographs = real_data()
    if pixels < 224 or photographs is None:
        return Decoded(DATASETS.load(f"lesions:{count}"), count, (pixels, pixels))
    return Decoded(DATASETS.load(f"folder:{photographs / 'caltech101_half'}"), count)


def _sides(
    subject: Subject, dataset: Dataset, layers: tuple[str, ...]
) -> tuple[Callable[[], None], Callable[[], None]]:
    module, threads = subject.module.eval(), min(2, len(os.sched_getaffinity(0)))

    def ours() -> None:
        with tempfile.TemporaryDirectory() as staging:
            settings = CollectSettings(layers, batch_size=BATCH, threads=threads)
            ActivationCollector(settings, Path(staging)).collect(subject, dataset, Silent())

    def theirs() -> None:
        for batch in distinct_batches(dataset, subject.preprocess, Reading(), size=BATCH, threads=threads):
            inputs = stacked(batch, "cpu")
            with torch.inference_mode():
                module(inputs)

    return ours, theirs
