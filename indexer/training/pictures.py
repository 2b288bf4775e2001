"""Rendered worlds as arrays: pictures in one block of bytes, lesions beside them."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from indexer.datasets.lesions import Lesion, World, render
from indexer.subjects.lesion_nets.network import scaled

HELD_OUT_SEED = 20_000
"""Worlds from this seed on measure; none of them was trained on."""


@dataclass(frozen=True)
class Pictures:
    """Samples of one world."""

    images: NDArray[np.uint8]
    """[n, height, width, 3]."""
    lesions: tuple[Lesion, ...]


def pictures(world: World, count: int) -> Pictures:
    """Render the first `count` samples of a world."""
    return of_lesions([world.sample(number) for number in range(count)], world.size)


def of_lesions(lesions: list[Lesion], size: int = 64) -> Pictures:
    """Render these samples."""
    images = np.empty((len(lesions), size, size, 3), np.uint8)
    for number, lesion in enumerate(lesions):
        images[number] = render(lesion, size)
    return Pictures(images, tuple(lesions))


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """One epoch of full batches in random order."""
    order = rng.permutation(count)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


def turned(images: NDArray[np.uint8], rng: np.random.Generator) -> torch.Tensor:
    """A batch, turned and mirrored at random as a whole per eighth; bytes [n, 3, height, width]."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2)
    parts = []
    for part in pixels.chunk(8):
        part = torch.rot90(part, int(rng.integers(4)), (2, 3))
        parts.append(part.flip(3) if rng.random() < 0.5 else part)
    return torch.cat(parts)


def tensor(images: NDArray[np.uint8]) -> torch.Tensor:
    """Pictures as the lesion nets want them, float [n, 3, height, width]."""
    return scaled(torch.from_numpy(images).permute(0, 3, 1, 2))


def settle(seed: int, threads: int = 1) -> np.random.Generator:
    """Fix threads and seeds so that the same command gives the same weights."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    return np.random.default_rng(seed)


class Progress:
    """Lines on stderr that tell how far a training is."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._start = time.monotonic()

    def say(self, text: str) -> None:
        """One line, with the seconds since the start."""
        sys.stderr.write(f"{self._what} {time.monotonic() - self._start:6.0f} s  {text}\n")
        sys.stderr.flush()
