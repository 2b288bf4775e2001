"""Which neurons of a lesion net carry an artefact to its decision: the exact answer, from exact pairs."""

import numpy as np
import torch
from numpy.typing import NDArray

from indexer.datasets.lesions import World, with_artefact, without_artefact
from indexer.errors import UnknownName
from indexer.subjects.lesion_nets import LAYERS, load
from indexer.subjects.lesion_nets.network import LesionNet
from indexer.training.pictures import HELD_OUT_SEED, of_lesions, tensor


def neuron_truth(
    name: str, artefact: str, layer: str, pairs: int = 200, seed: int = HELD_OUT_SEED
) -> NDArray[np.float64]:
    """Mean |change of the class margin| by neuron [neurons], when its map alone goes from "without" to "with".

    The pairs are samples of the default world with the artefact removed and laid on, all else equal; the margin is
    the logit of malignant less that of benign.
    """
    if layer not in LAYERS:
        raise UnknownName("layer of a lesion net", layer, LAYERS)
    net, _, _ = load(name)
    before, after = artefact_pairs(artefact, pairs, seed)
    changes = []
    with torch.inference_mode():
        for start in range(0, pairs, 32):
            changes.append(_changes(net, layer, before[start : start + 32], after[start : start + 32]))
    return np.asarray(torch.cat(changes).abs().double().mean(0).numpy(), np.float64)


def carriers(name: str, artefact: str, layer: str, pairs: int = 200) -> NDArray[np.bool_]:
    """Which neurons carry an artefact to the decision: those with at least half the effect of the strongest."""
    truth = neuron_truth(name, artefact, layer, pairs)
    carrying: NDArray[np.bool_] = truth >= truth.max() / 2
    return carrying


def artefact_pairs(artefact: str, pairs: int, seed: int = HELD_OUT_SEED) -> tuple[torch.Tensor, torch.Tensor]:
    """The same pictures without and with an artefact, as the nets want them: two of [pairs, 3, 64, 64]."""
    world = World(seed=seed, photos=1)
    lesions = [world.sample(number) for number in range(pairs)]
    without = of_lesions([without_artefact(lesion, artefact) for lesion in lesions])
    having = of_lesions([with_artefact(lesion, artefact) for lesion in lesions])
    return tensor(without.images), tensor(having.images)


def margin(logits: torch.Tensor) -> torch.Tensor:
    """Logit of malignant less that of benign, [n]."""
    return logits[:, 1] - logits[:, 0]


def _changes(net: LesionNet, layer: str, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Change of the margin [pairs, neurons] when one neuron at a time is patched."""
    old, new = net.until(layer, before), net.until(layer, after)
    start = margin(net.after(layer, old))
    changes = []
    for neuron in range(old.shape[1]):
        patched = old.clone()
        patched[:, neuron] = new[:, neuron]
        changes.append(margin(net.after(layer, patched)) - start)
    return torch.stack(changes, dim=1)
