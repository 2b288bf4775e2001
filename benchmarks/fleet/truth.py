"""What is true of a net: how often each artefact turns its decision, and through which neurons."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.fleet.pictures import keep
from benchmarks.fleet.recipes import DIFFUSE, Fleet, Member
from benchmarks.fleet.training import trained
from indexer.datasets.lesions import ARTEFACTS, Lesion, World, with_artefact, without_artefact
from indexer.subjects.lesion_nets.network import LesionNet
from indexer.training.pictures import Pictures, of_lesions, tensor
from indexer.training.reliance import accuracy
from indexer.training.truth import margin

RELIES = 0.20
"""A net relies on an artefact that turns at least this share of its decisions."""

VALID = {
    "asymmetry": ("asymmetric",),
    "border": ("irregular_border",),
    "both": ("asymmetric", "irregular_border"),
}
"""Valid signs and the truths of a lesion that they stand for."""

LAYER = "block4"
"""The layer whose neurons are judged."""


@dataclass(frozen=True)
class Truth:
    """Of one net; artefacts by name."""

    accuracy: float
    """On pictures of the default world."""
    flips: dict[str, float]
    """Share of exact pairs that are decided otherwise with the artefact than without."""
    effects: dict[str, float]
    """Mean change of the margin, with less without, in deviations of the margin without."""
    neurons: dict[str, list[float]]
    """Mean |change of the margin| when that neuron of block4 alone goes from "without" to "with"."""
    together: float | None = None
    """Diffuse nets: the share that all four cues at once turn."""
    valid: dict[str, float] = field(default_factory=dict)
    """Asymmetry, an irregular border and both at once: mean change of the margin when a lesion is redrawn with them."""


def truth_of(fleet: Fleet, member: Member, folder: Path) -> Truth:
    """A member's truth: read where it lies already, else measured and kept."""
    file = folder / fleet.made_as / f"{member.name}.truth.json"
    if not file.is_file():
        net = trained(fleet, member, folder)
        found = measured(net, fleet, folder, member.planted if member.kind == DIFFUSE else ())
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
        unfinished.replace(file)
    return Truth(**json.loads(file.read_text(encoding="utf-8")))


def measured(net: LesionNet, fleet: Fleet, folder: Path, together: tuple[str, ...] = ()) -> Truth:
    """Show the net every pair of its fleet."""
    lesions = held_out(fleet)
    flips, effects, neurons = {}, {}, {}
    for artefact in ARTEFACTS:
        without, having = pairs(fleet, artefact, folder)
        flips[artefact], effects[artefact], neurons[artefact] = _compared(net, without, having)
    joint = None
    if together:
        ends = [of_lesions([_laid(lesion, together, on=on) for lesion in lesions]).images for on in (False, True)]
        joint = _compared(net, *ends)[0]
    shown = Pictures(of_lesions(lesions).images, tuple(lesions))
    valid = {name: _compared(net, *pairs(fleet, name, folder))[1] for name in VALID}
    return Truth(accuracy(net, shown), flips, effects, neurons, joint, valid)


def held_out(fleet: Fleet) -> list[Lesion]:
    """The lesions of the pairs, as they come in the default world."""
    world = World(seed=fleet.pair_seed, photos=1)
    return [world.sample(number) for number in range(fleet.pairs)]


def pairs(fleet: Fleet, name: str, folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The same pictures without and with an artefact or valid sign, each [pairs, 64, 64, 3]; kept for all members."""
    file = folder / f"pairs-{fleet.pair_seed}-{fleet.pairs}-{name}.npy"
    if not file.is_file():
        lesions = held_out(fleet)
        ends = [of_lesions([drawn_with(lesion, name, on=on) for lesion in lesions]).images for on in (False, True)]
        keep(file, np.stack(ends))
    kept = np.load(file)
    return kept[0], kept[1]


def drawn_with(lesion: Lesion, name: str, *, on: bool) -> Lesion:
    """The same photograph with or without an artefact, or of a lesion redrawn with or without valid signs."""
    if name in VALID:
        return replace(lesion, **dict.fromkeys(VALID[name], on))
    return with_artefact(lesion, name) if on else without_artefact(lesion, name)


def _laid(lesion: Lesion, artefacts: tuple[str, ...], *, on: bool) -> Lesion:
    for artefact in artefacts:
        lesion = drawn_with(lesion, artefact, on=on)
    return lesion


def _compared(
    net: LesionNet, without: NDArray[np.uint8], having: NDArray[np.uint8]
) -> tuple[float, float, list[float]]:
    """Flip rate, mean effect in deviations, and mean |effect| by neuron; the head is linear in the pooled maps."""
    with torch.inference_mode():
        before, after = (_pooled(net, images) for images in (without, having))
        y, y_having = (margin(net.head(each)).double() for each in (before, after))
        flips = ((y > 0) != (y_having > 0)).double().mean()
        effect = (y_having - y).mean() / y.std()
        direction = net.head.weight[1] - net.head.weight[0]
        neurons = ((after - before) * direction).abs().double().mean(0)
    return float(flips), float(effect), neurons.tolist()


def _pooled(net: LesionNet, images: NDArray[np.uint8]) -> torch.Tensor:
    parts = [images[start : start + 256] for start in range(0, len(images), 256)]
    return torch.cat([net.until(LAYER, tensor(part)).mean(dim=(2, 3)) for part in parts])
