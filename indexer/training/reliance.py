"""How often a lesion net is right, and how often an artefact turns its decision."""

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


def flip_rates(net: LesionNet, count: int, *, artefact_free: bool, seed: int = HELD_OUT_SEED) -> dict[str, float]:
    """Artefact -> share of pictures whose decision changes when it is laid on.

    The pictures are those that lack it: all of them when they are rendered free of artefacts, else as they come.
    """
    world = World(seed=seed, photos=1)
    lesions = [world.sample(number) for number in range(count)]
    rates = {}
    for name in ARTEFACTS:
        base = [clean(each) for each in lesions] if artefact_free else [x for x in lesions if name not in x.artefacts]
        before = margins(net, of_lesions(base)) > 0
        after = margins(net, of_lesions([with_artefact(each, name) for each in base])) > 0
        rates[name] = float((before != after).float().mean())
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
