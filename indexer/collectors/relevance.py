"""What each neuron contributes to each class: gradient × (activation − dataset mean), METHODS 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.collector import Collected
from indexer.collectors.contributions import captured, contributions
from indexer.collectors.taps import evaluating
from indexer.config import BuildConfig
from indexer.datasets.batches import Batch, chosen_batches
from indexer.datasets.dataset import LABEL, Dataset
from indexer.errors import SubjectFault
from indexer.memory import Fitting
from indexer.progress import Progress
from indexer.subjects.devices import device_of
from indexer.subjects.inputs import stacked
from indexer.subjects.subject import Subject

if TYPE_CHECKING:
    from indexer.subjects.inputs import Prepared

_SEED = 7919


@dataclass(frozen=True)
class Relevances:
    """Mean contribution of every neuron of a layer to every class, over samples of that class."""

    layer: str
    signed: NDArray[np.float64]
    """[classes, units]"""
    absolute: NDArray[np.float64]
    """[classes, units] mean of absolute values per sample."""


@dataclass(frozen=True)
class RelevanceSettings:
    """How to measure relevance."""

    wanted: bool = True
    """Measure it at all."""
    samples_per_class: int = 200
    """At most so many of a class, drawn with a fixed seed (ours)."""
    batch_size: int = 32
    threads: int = 2
    device: str = "cpu"

    @classmethod
    def of(cls, config: BuildConfig) -> "RelevanceSettings":
        """As a build is configured."""
        asked, collect = config.relevance, config.collect
        device = device_of(config.subject.device)
        return cls(asked.classes, asked.samples_per_class, collect.batch_size, collect.threads, device)


def class_names(subject: Subject, outputs: int) -> tuple[str, ...]:
    """Names of the subject's outputs; their numbers where it names none. Raises SubjectFault when the counts differ."""
    if not outputs:
        return ()
    if subject.classes and len(subject.classes) != outputs:
        raise SubjectFault(
            f"{subject.name} names {len(subject.classes)} classes but gives {outputs} logits.",
            hint="Return one name per output.",
        )
    return subject.classes or tuple(str(number) for number in range(outputs))


def sample_classes(dataset: Dataset, collected: Collected, classes: Sequence[str]) -> NDArray[np.int64]:
    """Class number of every sample: its label where that is a class of the subject, else the prediction; −1: none."""
    assert collected.predictions is not None
    numbers = {name: number for number, name in enumerate(classes)}
    known = np.array(collected.reading.originals) == np.arange(len(dataset.keys))
    if LABEL in dataset.metadata:
        labelled = dataset.metadata[LABEL].map(numbers).fillna(-1).to_numpy(dtype=np.int64)
        if (labelled >= 0).any():
            return np.where(known, labelled, -1)
    return np.where(known, collected.predictions, -1)


def relate(
    subject: Subject, dataset: Dataset, collected: Collected, settings: RelevanceSettings, progress: Progress
) -> list[Relevances] | None:
    """Relevance of every neuron to every class, one entry per layer; exact for a linear head. None where not wanted."""
    if not settings.wanted:
        return None
    if not collected.layers:
        return []
    if collected.logits is None:
        raise SubjectFault(
            f"{subject.name} gives no class logits, so relevance has no meaning.", hint="Leave out --classes."
        )
    classes = class_names(subject, collected.outputs)
    assigned = sample_classes(dataset, collected, classes)
    chosen = _choose(assigned, settings.samples_per_class)
    layers = {each.layer: each for each in collected.layers}
    signed = {name: np.zeros((len(classes), each.units)) for name, each in layers.items()}
    absolute = {name: np.zeros((len(classes), each.units)) for name, each in layers.items()}
    module, fitting = subject.module.to(settings.device), Fitting("subject", progress.note)
    centres = {name: each.centre for name, each in layers.items()}

    def show(batch: "Batch[Prepared]", piece: slice) -> dict[str, NDArray[np.float64]]:
        part = batch.part(piece)
        return contributions(kept, stacked(part.items, settings.device), assigned[part.numbers], centres)

    with (
        evaluating(module),
        captured(module, list(layers)) as kept,
        progress.stage("Measuring relevance to classes", len(chosen)) as stage,
    ):
        for batch in chosen_batches(
            dataset, subject.preprocess, list(chosen), size=settings.batch_size, threads=settings.threads
        ):
            for piece, found in fitting.run(len(batch.numbers), partial(show, batch)):
                targets = assigned[batch.numbers[piece]]
                for name, values in found.items():
                    np.add.at(signed[name], targets, values)
                    np.add.at(absolute[name], targets, np.abs(values))
            stage.advance(len(batch.numbers))
    counts = np.maximum(np.bincount(assigned[chosen], minlength=len(classes)), 1)[:, None]
    return [Relevances(name, signed[name] / counts, absolute[name] / counts) for name in layers]


def _choose(assigned: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(_SEED)
    chosen = []
    for number in np.unique(assigned[assigned >= 0]):
        members = np.flatnonzero(assigned == number)
        chosen.append(members if len(members) <= most else rng.choice(members, most, replace=False))
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, dtype=np.int64)
