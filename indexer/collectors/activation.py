"""The exemplars of every neuron by activation: one streaming pass, exact, resumable."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.checkpoint import Checkpoint
from indexer.collectors.collector import Collected
from indexer.collectors.statistics import LayerStatistics
from indexer.collectors.survey import surveyed
from indexer.collectors.taps import Activations, Taps, evaluating, logits_of
from indexer.config import BuildConfig
from indexer.datasets.batches import Batch, Reading, distinct_batches
from indexer.datasets.dataset import Dataset
from indexer.datasets.decoded import DecodedStore
from indexer.errors import DatasetFault
from indexer.memory import Fitting
from indexer.progress import Progress
from indexer.subjects.devices import device_of, forward_precision
from indexer.subjects.inputs import run, stacked
from indexer.subjects.subject import Subject

if TYPE_CHECKING:
    import torch

    from indexer.subjects.inputs import Prepared

_CHECKPOINT_SECONDS = 30.0


@dataclass(frozen=True)
class CollectSettings:
    """How to collect."""

    layers: Sequence[str]
    exemplars: int = 30
    aggregation: str = "mean"
    polarity: str = "auto"
    batch_size: int = 32
    threads: int = 2
    device: str = "cpu"
    precision: str = "float32"
    strict: bool = False
    percentiles: tuple[float, ...] = ()
    contrast: bool = False
    """Keep the survey, for contrastive concept vectors."""
    survey: int = 0
    """Samples of which all activations are kept; 0 where neither percentiles nor contrasts ask for it."""

    @classmethod
    def of(cls, config: BuildConfig) -> "CollectSettings":
        """As a build is configured."""
        named = ("layers", "exemplars", "aggregation", "polarity", "batch_size", "threads", "percentiles")
        collect, contrast = config.collect.model_dump(include=set(named)), config.concept.vector == "contrastive"
        return cls(
            **collect,
            device=device_of(config.subject.device),
            precision=config.subject.precision,
            strict=config.dataset.strict,
            contrast=contrast,
            survey=config.collect.survey if contrast or config.collect.percentiles else 0,
        )


class ActivationCollector:
    """Shows every distinct sample to the subject once and keeps each neuron's strongest."""

    def __init__(self, settings: CollectSettings, staging: Path) -> None:
        self._settings = settings
        self._checkpoint = Checkpoint(staging)
        self._decoded = DecodedStore(staging)
        self._statistics: dict[str, LayerStatistics] = {}

    def collect(self, subject: Subject, dataset: Dataset, progress: Progress) -> Collected:
        """Run the pass, or what is left of it."""
        settings = self._settings
        self._statistics, reading = self._checkpoint.load(settings.exemplars, settings.survey)
        done, total = len(reading.contents), len(dataset.keys)
        module = subject.module.to(settings.device)
        taps = Taps(module, settings.layers, settings.aggregation)
        fitting = Fitting("subject", progress.note)
        batches = distinct_batches(
            dataset, subject.preprocess, reading, size=settings.batch_size, threads=settings.threads, images=True
        )
        try:
            with evaluating(module), progress.stage("Showing samples to the subject", total, done) as stage:
                saved = time.monotonic()
                for batch in batches:
                    for piece, shown in fitting.run(len(batch.numbers), partial(self._show, module, taps, batch)):
                        self._take(batch.part(piece), shown, total)
                    self._refuse_unreadable(dataset, reading)
                    stage.advance(len(reading.contents) - done)
                    done = len(reading.contents)
                    # A checkpoint is taken between batches only, so a resumed pass forms the same ones.
                    if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                        self._save(reading, batch)
                        saved = time.monotonic()
                stage.advance(len(reading.contents) - done)
        finally:
            taps.close()
        self._refuse_unreadable(dataset, reading)
        return self._result(reading, dataset)

    def _show(
        self, module: "torch.nn.Module", taps: Taps, batch: "Batch[Prepared]", piece: slice
    ) -> tuple[Activations, NDArray[np.float32] | None]:
        import torch

        taps.clear()
        shown = batch.part(piece)
        inputs = stacked(shown.items, self._settings.device)
        with torch.inference_mode(), forward_precision(self._settings.precision, self._settings.device):
            logits = logits_of(run(module, inputs))
        return taps.take(len(shown.numbers)), None if logits is None else logits.float().cpu().numpy()

    def _take(
        self, batch: "Batch[Prepared]", shown: tuple[Activations, NDArray[np.float32] | None], total: int
    ) -> None:
        activations, logits = shown
        samples = np.asarray(batch.numbers)
        entering = np.zeros(len(samples), dtype=bool)
        for layer, (values, centre) in activations.items():
            statistics = self._statistics.get(layer)
            if statistics is None:
                k, survey = self._settings.exemplars, self._settings.survey
                statistics = self._statistics[layer] = LayerStatistics(layer, values.shape[1], k, survey)
            entering |= statistics.add(values, centre, samples)
        for number, image, enters in zip(batch.numbers, batch.images, entering, strict=True):
            if enters:
                self._decoded.keep(number, image)
        if logits is not None and len(logits) == len(samples):
            self._checkpoint.logits.append(samples, logits, total)

    def _save(self, reading: Reading, batch: "Batch[Prepared]") -> None:
        self._checkpoint.save(self._statistics, reading, upto=batch.numbers[-1] + 1)

    def _result(self, reading: Reading, dataset: Dataset) -> Collected:
        if not self._statistics:
            shown = "; ".join(f"{dataset.keys[number]}: {why}" for number, why in list(reading.faults.items())[:3])
            raise DatasetFault(
                f"None of the {len(dataset.keys)} samples could be read ({shown}).",
                hint="Check the files with an image viewer.",
            )
        logits, predictions = self._checkpoint.logits.finish()
        self._checkpoint.save(self._statistics, reading, upto=len(reading.contents))
        settings = self._settings
        found = (self._statistics[layer].result(settings.polarity) for layer in settings.layers)
        return Collected(
            layers=tuple(surveyed(each, settings.percentiles, contrast=settings.contrast) for each in found),
            reading=reading,
            predictions=predictions,
            logits=logits,
            decoded=self._decoded,
        )

    def _refuse_unreadable(self, dataset: Dataset, reading: Reading) -> None:
        if self._settings.strict and reading.faults:
            number, why = next(iter(reading.faults.items()))
            raise DatasetFault(
                f"{dataset.keys[number]} cannot be read: {why}",
                hint="Remove the file, or leave out --strict to skip and count such samples.",
            )
