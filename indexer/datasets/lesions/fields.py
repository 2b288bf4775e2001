"""Coordinates of a picture and smooth random fields over it, both independent of the resolution."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]
"""One number per pixel [height, width], or broadcastable to it."""


@dataclass(frozen=True)
class Frame:
    """A picture's coordinates: the origin in its middle, the shorter side from -1 to 1."""

    x: Field
    """[1, width], to the right."""
    y: Field
    """[height, 1], downwards."""
    half_width: float
    half_height: float
    pixel: float
    """Side of a pixel."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.y.shape[0], self.x.shape[1]


@lru_cache(maxsize=32)
def frame(height: int, width: int) -> Frame:
    """The coordinates of a picture of this many pixels."""
    shorter = min(height, width)
    x = (2 * np.arange(width, dtype=np.float32) + 1 - width) / shorter
    y = (2 * np.arange(height, dtype=np.float32) + 1 - height) / shorter
    return Frame(x[None, :], y[:, None], width / shorter, height / shorter, 2 / shorter)


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> Field:
    """A smooth random field of about unit variance with `cells` bumps along each side."""
    grid = rng.standard_normal((cells + 1, cells + 1), dtype=np.float32)
    field: Field = _interpolation(shape[0], cells) @ grid @ _interpolation(shape[1], cells).T
    return field


def ramp(values: Field, start: float, end: float) -> Field:
    """0 before `start`, 1 after `end`, smooth between; `end` may be the smaller."""
    t = np.clip((values - start) * (1 / (end - start)), 0, 1)
    smooth: Field = t * t * (3 - 2 * t)
    return smooth


@lru_cache(maxsize=64)
def _interpolation(pixels: int, cells: int) -> Field:
    place = (np.arange(pixels, dtype=np.float32) + 0.5) * cells / pixels
    distance = np.clip(np.abs(place[:, None] - np.arange(cells + 1, dtype=np.float32)), 0, 1)
    weights: Field = (1 - distance * distance * (3 - 2 * distance)).astype(np.float32)
    return weights
