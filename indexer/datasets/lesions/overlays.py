"""Artefacts as layers with exact edges: outside its mask an overlay leaves every pixel as it was.

Each works on any RGB picture of any size, rendered or photographed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.datasets.lesions.fields import Field, Frame, frame, noise, ramp
from indexer.errors import InvalidInput, UnknownName

Picture = NDArray[np.uint8]
"""RGB, [height, width, 3]."""


@dataclass(frozen=True)
class Layer:
    """What an overlay lays over a picture."""

    colour: Field
    """[height, width, 3] or [3], 0 to 255."""
    alpha: Field
    """[height, width], 0 (leaves the pixel alone) to 1 (hides it)."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """[height, width]: the pixels the overlay may change."""
        return self.alpha > 0

    def over(self, image: Picture) -> Picture:
        """The picture under this layer, as a new array."""
        under = image.astype(np.float32)
        return np.rint(under + (self.colour - under) * self.alpha[..., None]).astype(np.uint8)


def layer(name: str, shape: tuple[int, int], rng: np.random.Generator) -> Layer:
    """The layer of one artefact for a picture of (height, width) pixels; the generator decides its place."""
    if name not in _DRAW:
        raise UnknownName("artefact", name, _DRAW)
    drawn = _DRAW[name](frame(*shape), rng)
    alpha = np.where(drawn.alpha < 0.03, 0, np.clip(drawn.alpha, 0, 1)).astype(np.float32)
    return Layer(drawn.colour.astype(np.float32), np.broadcast_to(alpha, shape))


def apply(name: str, image: Picture, rng: np.random.Generator) -> Picture:
    """Lay one artefact over an RGB uint8 picture; a new array."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InvalidInput(f"An overlay needs an RGB uint8 picture, not {image.dtype} {image.shape}.")
    return layer(name, (image.shape[0], image.shape[1]), rng).over(image)


def _hair(at: Frame, rng: np.random.Generator) -> Layer:
    alpha = np.zeros(at.shape, np.float32)
    for _ in range(rng.integers(5, 10)):
        turn, bend, offset = rng.uniform(0, np.pi), rng.uniform(-0.45, 0.45), rng.uniform(-0.8, 0.8)
        half_length, middle = rng.uniform(0.5, 1.1), rng.uniform(-0.4, 0.4)
        along = at.x * np.cos(turn) + at.y * np.sin(turn) - middle
        across = at.y * np.cos(turn) - at.x * np.sin(turn) - offset - bend * along * along
        distance = np.abs(across) / np.sqrt(1 + 4 * bend * bend * along * along)
        line = _line(distance, rng.uniform(0.011, 0.019), at) * (np.abs(along) < half_length)
        alpha = np.maximum(alpha, line)
    tone = rng.uniform(0.6, 1.4)
    return Layer(np.array((38, 27, 22)) * tone, alpha * 0.92)


def _ruler(at: Frame, rng: np.random.Generator) -> Layer:
    turn = rng.integers(4) * np.pi / 2 + rng.uniform(-0.07, 0.07)
    reach = at.half_height if abs(np.sin(turn)) < 0.5 else at.half_width
    along = at.x * np.cos(turn) + at.y * np.sin(turn)
    depth = reach - rng.uniform(0.02, 0.16) - (at.y * np.cos(turn) - at.x * np.sin(turn))
    step = rng.uniform(0.125, 0.165)
    place = along / step + rng.random()
    number = np.rint(place)
    length = np.where(number % 5 == 0, 0.26, 0.15)
    ticks = _line(np.abs(place - number) * step, 0.018, at) * ramp(depth - length, at.pixel, 0) * (depth > 0)
    rail = _line(np.abs(depth), 0.014, at)
    return Layer(np.full(3, rng.uniform(12, 45)), np.maximum(ticks, rail) * 0.95)


_PATCHES = ((245, 205, 40), (60, 165, 70), (240, 130, 30), (35, 120, 215), (70, 190, 200))


def _patch(at: Frame, rng: np.random.Generator) -> Layer:
    angle, radius, round_ = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.42), rng.random() < 0.7
    reach = rng.uniform(0.78, 1.0)
    square = 1 / max(abs(np.cos(angle)), abs(np.sin(angle)))
    dx = at.x - np.cos(angle) * square * reach * at.half_width
    dy = at.y - np.sin(angle) * square * reach * at.half_height
    distance = np.sqrt(dx * dx + dy * dy) if round_ else (dx**4 + dy**4) ** 0.25 * 1.1
    colour = np.array(_PATCHES[rng.integers(len(_PATCHES))]) * rng.uniform(0.88, 1.04)
    shade = 1 - 0.12 * ramp(distance, radius * 0.6, radius)
    return Layer(np.clip(colour * shade[..., None], 0, 255), ramp(distance, radius + at.pixel, radius))


def _ink(at: Frame, rng: np.random.Generator) -> Layer:
    alpha = np.zeros(at.shape, np.float32)
    start = rng.uniform(0, 2 * np.pi)
    for turn in range(rng.integers(1, 3)):
        radius, middle = rng.uniform(0.76, 0.95), start + turn * np.pi + rng.uniform(-0.5, 0.5)
        distance = np.sqrt(at.x * at.x + at.y * at.y)
        angle = np.arctan2(at.y, at.x) - middle
        angle = np.abs(np.arctan2(np.sin(angle), np.cos(angle)))
        wobble = 0.04 * np.sin(5 * angle + start)
        stroke = _line(np.abs(distance - radius + wobble), rng.uniform(0.04, 0.06), at)
        alpha = np.maximum(alpha, stroke * ramp(angle, rng.uniform(0.55, 0.95), 0.5))
    blotch = 0.84 + 0.1 * noise(rng, at.shape, 9)
    colour = np.array((72, 42, 140)) * (0.8 + 0.35 * rng.random()) + rng.uniform(-8, 8, 3)
    return Layer(np.clip(colour, 0, 255), alpha * np.clip(blotch, 0.6, 0.97))


def _gel_bubbles(at: Frame, rng: np.random.Generator) -> Layer:
    alpha = np.zeros(at.shape, np.float32)
    for _ in range(rng.integers(4, 9)):
        x, y = rng.uniform(-0.9, 0.9) * at.half_width, rng.uniform(-0.9, 0.9) * at.half_height
        radius = rng.uniform(0.08, 0.19)
        dx, dy = at.x - x, at.y - y
        distance = np.sqrt(dx * dx + dy * dy)
        rim = _line(np.abs(distance - radius), 0.016, at) * 0.8
        inside = 0.2 * ramp(distance, radius, radius - at.pixel)
        glint = _line(np.sqrt((dx + radius * 0.4) ** 2 + (dy + radius * 0.4) ** 2), radius * 0.2, at)
        alpha = np.maximum(alpha, np.maximum(np.maximum(rim, inside), glint * 0.95))
    return Layer(np.array((250, 250, 252)), alpha)


def _vignette(at: Frame, rng: np.random.Generator) -> Layer:
    corner = np.hypot(at.half_width, at.half_height)
    x, y = at.x - rng.uniform(-0.05, 0.05), at.y - rng.uniform(-0.05, 0.05)
    distance = np.sqrt(x * x + y * y) / corner
    start = rng.uniform(0.66, 0.74)
    return Layer(np.full(3, rng.uniform(0, 14)), ramp(distance, start, start + rng.uniform(0.05, 0.16)))


def _red_skin(at: Frame, rng: np.random.Generator) -> Layer:
    corner = np.hypot(at.half_width, at.half_height)
    distance = np.sqrt(at.x * at.x + at.y * at.y) / corner
    blotch = 0.9 + 0.2 * noise(rng, at.shape, 5)
    alpha = ramp(distance, 0.33, 0.66) * np.clip(blotch, 0.4, 1.2) * rng.uniform(0.46, 0.64)
    return Layer(np.array((208, 52, 54)) + rng.uniform(-10, 10, 3), alpha)


def _line(distance: Field, half_width: float, at: Frame) -> Field:
    """Coverage of a line of this half width, softened over one pixel."""
    cover: Field = np.clip((half_width - distance) / at.pixel + 0.5, 0, 1)
    return cover * min(1.0, 2.4 * half_width / at.pixel + 0.15)


_DRAW: dict[str, Callable[[Frame, np.random.Generator], Layer]] = {
    "hair": _hair,
    "ruler": _ruler,
    "patch": _patch,
    "ink": _ink,
    "gel_bubbles": _gel_bubbles,
    "vignette": _vignette,
    "red_skin": _red_skin,
}
