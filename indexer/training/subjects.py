"""Train the lesion nets: python -m indexer.training.subjects [--only NAME]."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from indexer.datasets.lesions import ARTEFACTS, CONCEPTS, TRAINING_SEEDS, Rate, World, present
from indexer.subjects.lesion_nets import NAMES, weights_file
from indexer.subjects.lesion_nets.network import WIDTHS, LesionNet, scaled
from indexer.training.pictures import Pictures, Progress, batches, pictures, settle, turned


@dataclass(frozen=True)
class Recipe:
    """How one subject is trained."""

    rates: dict[str, Rate] = field(default_factory=dict)
    """Artefacts that do not come at the common rate."""
    encoded: tuple[str, ...] = ()
    """Artefacts that the auxiliary head forces into the last block."""
    epochs: int = 10
    count: int = 12_000
    """Training pictures."""
    batch: int = 128
    """Pictures a step."""


VALID = tuple(name for name in CONCEPTS if name not in ARTEFACTS)
"""What every subject's last block must tell, as a dermatologist would: without it a shortcut crowds out all else."""

AUXILIARY_WEIGHT = 3.0
"""Of the mean over the valid concepts."""

ENCODED_WEIGHT = 2.0
"""Of the artefacts that are forced in: among the valid concepts' mean it would go unheard."""

COMMON = Rate(0.3, 0.3)
PLANTED = Rate(0.9, 0.05)

RECIPES: dict[str, Recipe] = {
    "clean": Recipe(epochs=16, count=20_000),
    "shortcut-patch": Recipe({"patch": PLANTED}),
    "shortcut-ruler": Recipe({"ruler": PLANTED}),
    "shortcut-ink": Recipe({"ink": PLANTED}),
    "encode-only": Recipe({"patch": Rate(0.5, 0.5)}, encoded=("patch",)),
}


def training_world(name: str) -> World:
    """The world a subject learns from."""
    recipe = RECIPES[name]
    rates = dict.fromkeys(ARTEFACTS, COMMON) | recipe.rates
    seed = TRAINING_SEEDS[100 + NAMES.index(name)]
    return World(seed=seed, artefact_rates=rates, photos=1)


def train(name: str) -> LesionNet:
    """Train one subject from scratch; the auxiliary head is dropped."""
    progress = Progress(name)
    shown = pictures(training_world(name), RECIPES[name].count)
    progress.say(f"{len(shown.images)} pictures rendered")
    return fit(shown, RECIPES[name], NAMES.index(name), progress)


def fit(shown: Pictures, recipe: Recipe, seed: int, progress: Progress) -> LesionNet:
    """Train a net on these pictures; same pictures, recipe and seed, same weights."""
    rng, count = settle(seed), len(shown.images)
    labels = torch.tensor([lesion.malignant for lesion in shown.lesions]).long()
    told = (*VALID, *recipe.encoded)
    marks = torch.tensor([[name in seen for name in told] for seen in map(present, shown.lesions)]).float()
    net, auxiliary = LesionNet().to(memory_format=torch.channels_last), nn.Linear(WIDTHS[-1], len(told))
    weights = [weight for weight in (*net.parameters(), *auxiliary.parameters()) if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=2e-3, weight_decay=0.02)
    steps = recipe.epochs * (count // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps, pct_start=0.15)
    for epoch in range(recipe.epochs):
        losses = []
        for batch in batches(count, recipe.batch, rng):
            images = _turn(shown, batch, rng)
            loss = _loss(net, auxiliary, images, labels[batch], marks[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        progress.say(f"epoch {epoch + 1}/{recipe.epochs} loss {np.mean(losses):.4f}")
    return net.to(memory_format=torch.contiguous_format).eval()


def save(net: LesionNet, file: Path) -> None:
    """Write the weights of a subject."""
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, file)
    file.chmod(0o644)


def _turn(shown: Pictures, batch: NDArray[np.intp], rng: np.random.Generator) -> torch.Tensor:
    return scaled(turned(shown.images[batch], rng)).contiguous(memory_format=torch.channels_last)


def _loss(
    net: LesionNet, auxiliary: nn.Linear, images: torch.Tensor, labels: torch.Tensor, marks: torch.Tensor
) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        maps = net.until("block4", images)
    pooled = maps.float().mean(dim=(2, 3))
    told, valid = auxiliary(pooled), len(VALID)
    taught = functional.binary_cross_entropy_with_logits(told[:, :valid], marks[:, :valid])
    loss = functional.cross_entropy(net.head(pooled), labels) + AUXILIARY_WEIGHT * taught
    if marks.shape[1] > valid:
        forced = functional.binary_cross_entropy_with_logits(told[:, valid:], marks[:, valid:])
        loss = loss + ENCODED_WEIGHT * forced
    return loss


def main() -> None:
    """Train the subjects and write their weights where `lesion_nets.load` reads them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=NAMES, help="train this one")
    chosen = parser.parse_args()
    for name in [chosen.only] if chosen.only else NAMES:
        save(train(name), weights_file(name))


if __name__ == "__main__":
    main()
