"""What a subject says when some of its neurons are held still, or changed one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.collectors.taps import Taps, evaluating, named_layers
from indexer.datasets.dataset import Dataset
from indexer.errors import InvalidInput
from indexer.interventions.edits import by_unit, edited
from indexer.interventions.overlays import check_overlays, paste, seed_of
from indexer.interventions.running import Samples, Shown, TrialSettings, logits, margins
from indexer.progress import Progress
from indexer.subjects.inputs import stacked
from indexer.subjects.layouts import Layout, layout_of
from indexer.subjects.subject import Subject

if TYPE_CHECKING:
    import torch

    from indexer.interventions.edits import Edit
    from indexer.subjects.inputs import Prepared


@dataclass(frozen=True)
class Ablation:
    """Units held at a value at every position of every sample."""

    layer_units: Mapping[str, NDArray[np.int64]]
    """Layer → its units [k]; both ends of a signed unit are held."""
    values: Mapping[str, NDArray[np.float32]]
    """Layer → the value of each of these units [k]."""

    def __post_init__(self) -> None:
        if self.layer_units.keys() != self.values.keys():
            raise InvalidInput("An ablation needs units and values of the same layers.")
        for layer, units in self.layer_units.items():
            values = self.values[layer]
            if units.ndim != 1 or units.shape != values.shape or not np.isfinite(values).all():
                raise InvalidInput(f"An ablation of layer {layer!r} needs one finite value for each of its units.")
            if (units < 0).any() or len(np.unique(units)) < len(units):
                raise InvalidInput(f"An ablation of layer {layer!r} names a unit twice, or one below 0.")


@dataclass(frozen=True)
class Patching:
    """What to patch from pictures with an overlay into the same pictures without it."""

    layer: str
    overlay: str
    target: int
    """Number of the class whose margin is measured."""


def mean_activations(  # noqa: PLR0913
    subject: Subject,
    dataset: Dataset,
    numbers: Sequence[int],
    layers: Sequence[str],
    settings: TrialSettings,
    progress: Progress,
) -> dict[str, NDArray[np.float32]]:
    """Mean activation of every unit over samples and positions (and calls, where a module is called several times)."""
    module = subject.module.to(settings.device)
    taps = Taps(module, layers, "mean")
    sums: dict[str, NDArray[np.float64]] = {}
    count = 0
    try:
        with evaluating(module):
            for shown in _inputs(subject, Samples(dataset, numbers, settings, progress), "Averaging activations"):
                logits(subject, stacked(shown.items, settings.device), "untouched")
                for layer, (_, total) in taps.take(len(shown.numbers)).items():
                    sums[layer] = sums.get(layer, 0.0) + total
                count += len(shown.numbers)
    finally:
        taps.close()
    return {layer: (total / count).astype(np.float32) for layer, total in sums.items()}


def ablated_logits(  # noqa: PLR0913
    subject: Subject,
    dataset: Dataset,
    numbers: Sequence[int],
    ablations: Sequence[Ablation],
    settings: TrialSettings,
    progress: Progress,
) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Class logits untouched [n, classes], and with each ablation [n, classes]; rows are the readable samples.

    Each image is read and preprocessed once. Raises UnknownName for a layer, InvalidInput for a unit that is not there.
    """
    for ablation in ablations:
        named_layers(subject.module, list(ablation.layer_units))
    module = subject.module.to(settings.device)
    untouched: list[NDArray[np.float32]] = []
    held: list[list[NDArray[np.float32]]] = [[] for _ in ablations]
    with evaluating(module):
        for shown in _inputs(subject, Samples(dataset, numbers, settings, progress), "Ablating neurons"):
            inputs = stacked(shown.items, settings.device)
            untouched.append(logits(subject, inputs, "untouched"))
            for rows, ablation in zip(held, ablations, strict=True):
                with edited(
                    module, {layer: _holding(ablation, layout_of(module, layer)) for layer in ablation.layer_units}
                ):
                    rows.append(logits(subject, inputs, "ablated"))
    return np.concatenate(untouched), [np.concatenate(rows) for rows in held]


def patched_effects(  # noqa: PLR0913
    subject: Subject,
    dataset: Dataset,
    numbers: Sequence[int],
    patching: Patching,
    settings: TrialSettings,
    progress: Progress,
) -> NDArray[np.float32]:
    """Mean |Δ class margin| of each unit [units] when it alone goes from "without" to "with" the overlay.

    The exact effect that a unit mediates by itself, at every position at once; a forward pass per unit and batch.
    """
    check_overlays([patching.overlay])
    layer = patching.layer
    module = subject.module.to(settings.device)
    layout = layout_of(module, layer)
    total: NDArray[np.float64] | float = 0.0
    count = 0

    def pair(number: int, image: Image.Image) -> "tuple[Prepared, Prepared]":
        pasted = paste(patching.overlay, image, seed_of(dataset.keys[number], settings.seed))
        return subject.preprocess(image), subject.preprocess(pasted)

    with evaluating(module):
        for shown, pairs in Samples(dataset, numbers, settings, progress).batches("Patching neurons one by one", pair):
            without, having = (stacked(side, settings.device) for side in zip(*pairs, strict=True))
            calls: list[torch.Tensor] = []
            with edited(module, {layer: _keeping(calls)}):
                logits(subject, having, patching.overlay)
            start = margins(logits(subject, without, "untouched"), patching.target)
            changes = []
            for unit in range(by_unit(calls[0], layout).shape[-1]):
                with edited(module, {layer: _exchanging(unit, calls, layout)}):
                    changes.append(margins(logits(subject, without, "patched"), patching.target) - start)
            total = total + np.abs(np.stack(changes)).sum(axis=1, dtype=np.float64)
            count += len(shown)
    return np.asarray(total / count, dtype=np.float32)


def _inputs(subject: Subject, samples: Samples, title: str) -> "Iterator[Shown[Prepared]]":
    yield from samples.batches(title, lambda _, image: subject.preprocess(image))


def _holding(ablation: Ablation, layout: Layout) -> "Edit":
    """Every chosen unit of the layer at its value."""
    layer = layout.layer
    units, values = ablation.layer_units[layer], ablation.values[layer]

    def hold(output: "torch.Tensor", _call: int) -> "torch.Tensor":
        import torch

        changed = output.clone()
        seen = by_unit(changed, layout)
        if len(units) and units.max() >= seen.shape[-1]:
            raise InvalidInput(f"Layer {layer!r} has {seen.shape[-1]} units; there is no unit {units.max()}.")
        seen[..., torch.as_tensor(units, device=seen.device)] = torch.as_tensor(values).to(seen)
        return changed

    return hold


def _keeping(calls: "list[torch.Tensor]") -> "Edit":
    def keep(output: "torch.Tensor", _call: int) -> "torch.Tensor":
        calls.append(output.clone())
        return output.clone()

    return keep


def _exchanging(unit: int, calls: "list[torch.Tensor]", layout: Layout) -> "Edit":
    def exchange(output: "torch.Tensor", call: int) -> "torch.Tensor":
        changed = output.clone()
        by_unit(changed, layout)[..., unit] = by_unit(calls[call], layout)[..., unit]
        return changed

    return exchange
