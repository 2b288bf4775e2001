"""Pictures to learn from: lesions rendered once for the whole fleet, artefacts laid over them net by net."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fleet.recipes import AGREEMENT, REDUNDANT, Fleet, Member
from indexer.datasets.lesions import ARTEFACTS, Lesion, Rate, World, clean, columns, overlays
from indexer.training.pictures import Pictures, of_lesions


def lesions_of(fleet: Fleet) -> list[Lesion]:
    """The lesions of the pool, free of artefacts."""
    world = World(seed=fleet.pool_seed, photos=1)
    return [clean(world.sample(number)) for number in range(fleet.pool)]


def pool(fleet: Fleet, folder: Path) -> NDArray[np.uint8]:
    """The rendered pool [lesions, 64, 64, 3], kept in the folder."""
    file = folder / f"pool-{fleet.pool_seed}-{fleet.pool}.npy"
    if not file.is_file():
        keep(file, of_lesions(lesions_of(fleet)).images)
    kept: NDArray[np.uint8] = np.load(file, mmap_mode="r")
    return kept


def keep(file: Path, array: NDArray[np.uint8]) -> None:
    """Write an array whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished.npy")
    np.save(unfinished, array)
    unfinished.replace(file)


def learned_from(fleet: Fleet, member: Member, folder: Path) -> Pictures:
    """What a member is trained on: a part of the pool under artefacts of its own."""
    rng = np.random.default_rng(member.seed)
    lesions, rendered = lesions_of(fleet), pool(fleet, folder)
    chosen = _chosen(lesions, member, rng)
    images = np.empty((len(chosen), *rendered.shape[1:]), np.uint8)
    seen = []
    for place, number in enumerate(chosen):
        laid = drawn(lesions[number], member.rates, rng)
        image = np.asarray(rendered[number])
        for name in laid.artefacts:
            image = overlays.apply(name, image, rng)
        images[place] = image
        seen.append(laid)
    return Pictures(images, tuple(seen))


def drawn(lesion: Lesion, rates: dict[str, Rate], rng: np.random.Generator) -> Lesion:
    """The lesion with artefacts drawn at these rates."""
    row = columns(lesion)
    draws = dict(zip(ARTEFACTS, rng.random(len(ARTEFACTS)), strict=True))
    chance = {name: rate.present if row[rate.condition] else rate.absent for name, rate in rates.items()}
    return replace(lesion, artefacts=tuple(name for name in ARTEFACTS if draws[name] < chance[name]))


def _chosen(lesions: list[Lesion], member: Member, rng: np.random.Generator) -> NDArray[np.intp]:
    count, order = member.recipe.count, rng.permutation(len(lesions))
    if member.kind != REDUNDANT:
        return order[:count]
    agree = np.array([each.asymmetric == each.irregular_border for each in lesions])[order]
    together = order[agree][: round(count * AGREEMENT)]
    apart = order[~agree][: count - round(count * AGREEMENT)]
    return rng.permutation(np.concatenate([together, apart]))
