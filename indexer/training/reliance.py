"""How often a lesion net is right, and how often an artefact turns its decision."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from indexer.datasets.lesions import ARTEFACTS, World, clean, with_artefact
from indexer.subjects.lesion_nets.network import LesionNet
from indexer.training.pictures import HELD_OUT_SEED, Pictures, of_lesions, pictures, tensor
from indexer.training.truth import margin


def accuracy(net: LesionNet, shown: Pictures) -> float:
    """Share of pictures whose class the net tells."""
    truth = torch.tensor([lesion.malignant for lesion in shown.lesions])
    return float(((margins(net, shown) > 0) == truth).float().mean())


def flip_rates(
    nets: Mapping[str, LesionNet], count: int, *, artefact_free: bool, seed: int = HELD_OUT_SEED
) -> dict[str, dict[str, float]]:
    """Net -> artefact -> share of pictures whose decision changes when it is laid on.

    The pictures are those that lack it: all of them when they are rendered free of artefacts, else as they come.
    """
    world = World(seed=seed, photos=1)
    lesions = [world.sample(number) for number in range(count)]
    if artefact_free:
        lesions = [clean(lesion) for lesion in lesions]
    shown = of_lesions(lesions)
    before = {name: margins(net, shown) > 0 for name, net in nets.items()}
    rates: dict[str, dict[str, float]] = {name: {} for name in nets}
    for artefact in ARTEFACTS:
        lacking = [number for number, lesion in enumerate(lesions) if artefact not in lesion.artefacts]
        pasted = of_lesions([with_artefact(lesions[number], artefact) for number in lacking])
        for name, net in nets.items():
            changed = before[name][lacking] != (margins(net, pasted) > 0)
            rates[name][artefact] = float(changed.float().mean())
    return rates


def held_out(count: int) -> Pictures:
    """Pictures of the default world that no training saw."""
    return pictures(World(seed=HELD_OUT_SEED, photos=1), count)


def margins(net: LesionNet, shown: Pictures) -> torch.Tensor:
    """The class margin of each picture [n]."""
    with torch.inference_mode():
        return torch.cat([margin(net(tensor(part))) for part in _parts(shown)])


def _parts(shown: Pictures) -> list[NDArray[np.uint8]]:
    return [shown.images[start : start + 256] for start in range(0, len(shown.images), 256)]
