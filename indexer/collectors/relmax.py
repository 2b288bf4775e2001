"""The exemplars of every neuron by relevance: where it contributes most to what the subject predicts; resumable."""

import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.activation import ActivationCollector, CollectSettings
from indexer.collectors.checkpoint import write_arrays
from indexer.collectors.collector import Collected, End, LayerExemplars
from indexer.collectors.contributions import Captured, captured, contributions
from indexer.collectors.taps import evaluating, logits_of
from indexer.datasets.batches import Batch, chosen_batches, first_batch
from indexer.datasets.dataset import Dataset
from indexer.domain.top_k import EMPTY, pack, unpack
from indexer.errors import SubjectFault
from indexer.memory import Fitting
from indexer.progress import Progress
from indexer.subjects.inputs import run, stacked
from indexer.subjects.subject import Subject

if TYPE_CHECKING:
    from indexer.subjects.inputs import Prepared

_CHECKPOINT_SECONDS = 30.0
_STATE = "relevance.npz"


class Ranking:
    """The k samples of highest relevance above zero of each neuron, each with its activation; ties to the lower."""

    def __init__(self, units: int, k: int) -> None:
        self._best = np.full((units, k), EMPTY, dtype=np.int64)
        self._activations = np.zeros((units, k), dtype=np.float32)
        self._active = np.zeros(units, dtype=np.int64)

    def add(
        self, relevances: NDArray[np.float32], activations: NDArray[np.float32], samples: NDArray[np.int64]
    ) -> None:
        """Take relevances and activations [batch, units] of the samples with these numbers [batch]."""
        k = self._best.shape[1]
        self._active += (relevances > 0).sum(axis=0)
        best = np.concatenate([self._best, pack(relevances, samples).T], axis=1)
        order = np.argpartition(best, best.shape[1] - k, axis=1)[:, -k:]
        self._best = np.take_along_axis(best, order, axis=1)
        joined = np.concatenate([self._activations, activations.T], axis=1)
        self._activations = np.take_along_axis(joined, order, axis=1)

    def end(self, seen: End, sign: int, constant: NDArray[np.bool_]) -> End:
        """The end of this sign; `seen` is that of the activations. Constant neurons contribute nothing."""
        order = np.argsort(self._best, axis=1)[:, ::-1]
        best = np.take_along_axis(self._best, order, axis=1)
        taken = (best != EMPTY) & ~constant[:, None]
        values, samples = unpack(best)
        activations = np.take_along_axis(self._activations, order, axis=1)
        return replace(
            seen,
            activations=np.where(taken, activations, np.float32(0)),
            samples=np.where(taken, samples, -1),
            counts=taken.sum(axis=1),
            active=np.where(constant, 0, self._active),
            relevances=np.where(taken, np.float32(sign) * values, np.float32(0)),
            strongest=seen.activations[:, 0],
        )

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that must be kept to go on later."""
        return {"best": self._best, "activations": self._activations, "active": self._active}

    @classmethod
    def restored(cls, state: Mapping[str, NDArray[np.generic]]) -> "Ranking":
        """Go on from a stored state."""
        ranking = cls(0, 0)
        ranking._best, ranking._activations = state["best"].astype(np.int64), state["activations"].astype(np.float32)
        ranking._active = state["active"].astype(np.int64)
        return ranking


Rankings = dict[tuple[str, int], Ranking]
"""By layer and polarity."""
Shown = dict[str, tuple[NDArray[np.float64], NDArray[np.float32]]]
"""By layer: relevances and activations [batch, units]."""


class RelevanceCollector:
    """Two passes: activations and logits of every distinct sample, then gradients of the predicted class's logit.

    Relevance of a neuron on a sample is Σ over positions of gradient × (activation − mean over samples and positions).
    The positive end holds the samples where it is highest, the negative end those where it is lowest: what speaks
    against the prediction. A sample counts as active for an end where the relevance has its sign.
    """

    def __init__(self, settings: CollectSettings, staging: Path) -> None:
        self._settings = settings
        self._staging = staging

    def collect(self, subject: Subject, dataset: Dataset, progress: Progress) -> Collected:
        """Run both passes, or what is left of them. Raises SubjectFault without logits or gradients, before both."""
        self._check(subject, dataset)
        collected = ActivationCollector(self._settings, self._staging).collect(subject, dataset, progress)
        rankings = self._rank(subject, dataset, collected, progress)
        return replace(collected, layers=tuple(_ranked(each, rankings) for each in collected.layers))

    def _check(self, subject: Subject, dataset: Dataset) -> None:
        import torch

        module = subject.module.to(self._settings.device)
        batch = first_batch(dataset, subject.preprocess)
        if batch is None:
            return  # the pass itself says so, with the reasons
        inputs = stacked(batch.items, self._settings.device)
        with evaluating(module), captured(module, self._settings.layers) as kept:
            with torch.inference_mode():
                if logits_of(run(module, inputs)) is None:
                    raise SubjectFault(
                        f"{subject.name} gives no class logits, so nothing is relevant to a class.",
                        hint="Use --collector activation, or give a subject that returns logits [batch, classes].",
                    )
            centres = {layer: np.zeros(1) for layer in self._settings.layers}
            contributions(kept, stacked(batch.items, self._settings.device), np.zeros(1, dtype=np.int64), centres)

    def _rank(self, subject: Subject, dataset: Dataset, collected: Collected, progress: Progress) -> Rankings:
        settings = self._settings
        assert collected.predictions is not None
        originals = np.array(collected.reading.originals)
        chosen = np.flatnonzero(originals == np.arange(len(originals)))
        rankings, done = self._load(collected)
        module = subject.module.to(settings.device)
        batches = chosen_batches(
            dataset, subject.preprocess, chosen[done:].tolist(), size=settings.batch_size, threads=settings.threads
        )
        saved, fitting = time.monotonic(), Fitting("subject", progress.note)
        with (
            evaluating(module),
            captured(module, settings.layers) as kept,
            progress.stage("Ranking samples by relevance", len(chosen), done) as stage,
        ):
            for batch in batches:
                for piece, shown in fitting.run(len(batch.numbers), partial(self._show, kept, collected, batch)):
                    _add(rankings, shown, np.asarray(batch.numbers[piece]))
                done += len(batch.numbers)
                stage.advance(len(batch.numbers))
                if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                    self._save(rankings, done)
                    saved = time.monotonic()
        self._save(rankings, done)
        return rankings

    def _show(self, kept: Captured, collected: Collected, batch: "Batch[Prepared]", piece: slice) -> Shown:
        part = batch.part(piece)
        assert collected.predictions is not None
        centres = {each.layer: each.centre for each in collected.layers}
        inputs = stacked(part.items, self._settings.device)
        found = contributions(kept, inputs, collected.predictions[part.numbers], centres)
        kind = self._settings.aggregation
        return {name: (values, kept.aggregated(name, kind).detach().cpu().numpy()) for name, values in found.items()}

    def _load(self, collected: Collected) -> tuple[Rankings, int]:
        path = self._staging / _STATE
        signs = {each.layer: (1, -1) if each.negative is not None else (1,) for each in collected.layers}
        if not path.exists():
            k = self._settings.exemplars
            return {
                (each.layer, sign): Ranking(each.units, k) for each in collected.layers for sign in signs[each.layer]
            }, 0
        with np.load(path) as stored:
            rankings = {
                (layer, sign): Ranking.restored(
                    {name: stored[f"{layer}\n{sign}\n{name}"] for name in ("best", "activations", "active")}
                )
                for layer, ends in signs.items()
                for sign in ends
            }
            return rankings, int(stored["done"])

    def _save(self, rankings: Rankings, done: int) -> None:
        arrays = {
            f"{layer}\n{sign}\n{name}": array
            for (layer, sign), ranking in rankings.items()
            for name, array in ranking.state().items()
        }
        write_arrays(self._staging / _STATE, {"done": np.array(done), **arrays})


def _add(rankings: Rankings, shown: Shown, samples: NDArray[np.int64]) -> None:
    for (layer, sign), ranking in rankings.items():
        values, activations = shown[layer]
        ranking.add((sign * values).astype(np.float32), activations, samples)


def _ranked(layer: LayerExemplars, rankings: Rankings) -> LayerExemplars:
    positive = rankings[layer.layer, 1].end(layer.positive, 1, layer.constant)
    if layer.negative is None:
        return replace(layer, positive=positive)
    negative = rankings[layer.layer, -1].end(layer.negative, -1, layer.constant)
    return replace(layer, positive=positive, negative=negative)
