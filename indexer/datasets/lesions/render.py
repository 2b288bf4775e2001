"""Draw a lesion: skin, shape, colours and structures first, then the artefacts over the finished picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.datasets.lesions.fields import Field, Frame, frame, noise, ramp
from indexer.datasets.lesions.overlays import Layer, Picture, layer
from indexer.datasets.lesions.world import ARTEFACTS, Lesion, Stream, clean, generator

PAINT: dict[str, tuple[int, int, int]] = {
    "light_brown": (176, 120, 72),
    "dark_brown": (96, 56, 34),
    "black": (30, 24, 26),
    "red": (182, 62, 62),
    "white": (236, 228, 224),
    "blue_grey": (98, 116, 146),
}
"""RGB of each lesion colour."""


def render(lesion: Lesion, size: int = 64) -> Picture:
    """The picture of a sample, uint8 [size, size, 3]; the same lesion always gives the same bytes."""
    image = _clean_picture(lesion, size)
    for name in lesion.artefacts:
        image = overlay(lesion, name, size).over(image)
    return image


def overlay(lesion: Lesion, name: str, size: int = 64) -> Layer:
    """The layer that this artefact has, or would have, on this sample."""
    part = ARTEFACTS.index(name) if name in ARTEFACTS else 0
    return layer(name, (size, size), generator(lesion.seed, Stream.OVERLAY, lesion.number, part))


def render_clean(lesion: Lesion, size: int = 64) -> Picture:
    """The picture without any artefact."""
    return render(clean(lesion), size)


@dataclass(frozen=True)
class _Place:
    """The lesion's own coordinates in one photograph."""

    x: Field
    y: Field
    radius: Field
    """Distance from the lesion's middle."""
    angle: Field
    edge: Field
    """Distance of the border in each pixel's direction."""
    extent: float
    """Mean distance of the border."""


def _clean_picture(lesion: Lesion, size: int) -> Picture:
    at = frame(size, size)
    photo = generator(lesion.seed, Stream.PHOTO, lesion.number)
    shape = generator(lesion.seed, Stream.SHAPE, lesion.group)
    place = _place(lesion, at, photo, shape)
    paint = _colours(lesion, place, shape) * (1 + 0.09 * noise(photo, at.shape, 14))[..., None]
    paint = _structures(lesion, place, paint, at, shape)
    softness = 0.05 if lesion.irregular_border else 0.13
    cover = ramp(place.radius - place.edge, softness * 0.5, -softness * 0.5)
    skin = _skin(at, photo)
    image: Field = skin + (paint - skin) * cover[..., None]
    if "streaks" in lesion.structures:
        image = _streaks(place, image, shape)
    grain = 2.2 * noise(photo, at.shape, 48)
    return np.clip(np.rint(image * photo.uniform(0.92, 1.06) + grain[..., None]), 0, 255).astype(np.uint8)


def _place(lesion: Lesion, at: Frame, photo: np.random.Generator, shape: np.random.Generator) -> _Place:
    extent = shape.uniform(0.46, 0.6) * photo.uniform(0.94, 1.06)
    turn = photo.uniform(0, 2 * np.pi)
    dx, dy = at.x - photo.uniform(-0.1, 0.1), at.y - photo.uniform(-0.1, 0.1)
    x, y = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    angle = np.arctan2(y, x)
    wave: Field = shape.uniform(0.02, 0.12) * np.cos(2 * angle)
    if lesion.asymmetric:
        wave += shape.uniform(0.14, 0.2) * np.cos(3 * angle + shape.uniform(0, 6.3))
        wave += shape.uniform(0.14, 0.22) * np.cos(angle + shape.uniform(0, 6.3))
    if lesion.irregular_border:
        wave += _notches(lesion, angle, shape)
    return _Place(x, y, np.sqrt(x * x + y * y), angle, extent * (1 + wave), extent)


def _notches(lesion: Lesion, angle: Field, shape: np.random.Generator) -> Field:
    waves = shape.permutation((5, 7, 9, 11) if lesion.asymmetric else (6, 8, 10, 12))[:3]
    shifts = shape.uniform(0, 6.3, 3) if lesion.asymmetric else np.pi * shape.integers(0, 2, 3)
    heights = shape.uniform(0.05, 0.085, 3)
    notches: Field = sum(h * np.cos(k * angle + shift) for h, k, shift in zip(heights, waves, shifts, strict=True))
    return notches


def _colours(lesion: Lesion, place: _Place, shape: np.random.Generator) -> Field:
    """[height, width, 3]: each pixel takes the colour of the nearest seed, softly."""
    names = [lesion.colours[each] for each in shape.permutation(len(lesion.colours))]
    paint = np.array([PAINT[name] for name in names], np.float32) * shape.uniform(0.92, 1.08, (len(names), 1))
    if len(names) == 1:
        core = ramp(place.radius, 0, place.extent)[..., None]
        single: Field = (paint[0] * (0.92 + 0.1 * core)).astype(np.float32)
        return single
    x, y = (place.x, place.y) if lesion.asymmetric else (np.abs(place.x), np.abs(place.y))
    points = _seeds(lesion.asymmetric, len(names), shape) * place.extent
    waves, shifts = shape.uniform(4, 8, 4) / place.extent, shape.uniform(0, 6.3, 4)
    bend = 0.09 * place.extent
    u = x + bend * (np.sin(waves[0] * y + shifts[0]) + np.sin(waves[1] * (x + y) + shifts[1]))
    v = y + bend * (np.sin(waves[2] * x + shifts[2]) + np.sin(waves[3] * (x - y) + shifts[3]))
    squares = np.stack([(u - px) ** 2 + (v - py) ** 2 for px, py in points])
    weight = np.exp(-(squares - squares.min(0)) * (18 * len(names) / place.extent))
    weight /= weight.sum(0)
    mixed: Field = np.einsum("khw,kc->hwc", weight, paint, optimize=True).astype(np.float32)
    return mixed


def _seeds(asymmetric: bool, count: int, shape: np.random.Generator) -> NDArray[np.float64]:
    """[count, 2]: middles of the colours, in units of the lesion's extent; in one quadrant when mirrored."""
    if asymmetric:
        angle = shape.uniform(0, 6.3) + 2 * np.pi * np.arange(count) / count + shape.uniform(-0.2, 0.2, count)
        radius = shape.uniform(0.45, 0.6, count)
    else:
        angle = shape.uniform(0.15, 1.4, count)
        radius = np.sqrt((np.arange(count) + 0.3) / count) * 0.85
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _structures(lesion: Lesion, place: _Place, paint: Field, at: Frame, shape: np.random.Generator) -> Field:
    inside = ramp(place.radius - place.edge, 0, -0.08)
    if "network" in lesion.structures:
        step = np.pi / (shape.uniform(0.3, 0.36) * place.extent)
        bend = 0.05 * np.sin(4 * (place.x - place.y) / place.extent)
        u, v = np.abs(np.sin(step * (place.x + bend))), np.abs(np.sin(step * (place.y - bend)))
        line = ramp(np.minimum(u, v), 0.55, 0.12) * inside
        paint = paint + (paint * 0.35 + 8 - paint) * (0.8 * line)[..., None]
    if "dots" in lesion.structures:
        dots = _dots(lesion, place, at, shape) * inside
        paint = paint + (np.array((44, 28, 24), np.float32) - paint) * (0.92 * dots)[..., None]
    return paint


def _dots(lesion: Lesion, place: _Place, at: Frame, shape: np.random.Generator) -> Field:
    count = int(shape.integers(15, 24)) if lesion.asymmetric else int(shape.integers(4, 7))
    radius = 0.85 * np.sqrt(shape.random(count)) * place.extent
    angle = shape.uniform(0, 2 * np.pi if lesion.asymmetric else np.pi / 2, count)
    size = shape.uniform(0.038, 0.058, count).astype(np.float32)[:, None, None]
    x, y = (place.x, place.y) if lesion.asymmetric else (np.abs(place.x), np.abs(place.y))
    px = (radius * np.cos(angle)).astype(np.float32)[:, None, None]
    py = (radius * np.sin(angle)).astype(np.float32)[:, None, None]
    nearest = (np.sqrt((x[None] - px) ** 2 + (y[None] - py) ** 2) - size).min(0)
    cover: Field = np.clip(0.5 - nearest / at.pixel, 0, 1)
    return cover


def _streaks(place: _Place, image: Field, shape: np.random.Generator) -> Field:
    rays = 2 * shape.integers(8, 11)
    comb = ramp(np.cos(rays * place.angle), 0.1, 0.8)
    reach = place.radius / place.edge
    length = 0.1 * np.cos(shape.integers(1, 4) * 2 * place.angle)
    line = comb * ramp(reach, 0.66, 0.84) * ramp(reach - length, 1.3, 1.1)
    streaked: Field = image + (np.array((58, 36, 28), np.float32) - image) * (0.85 * line)[..., None]
    return streaked


def _skin(at: Frame, photo: np.random.Generator) -> Field:
    tone = photo.random()
    colour = np.array((234, 192, 166)) * (1 - tone) + np.array((214, 160, 128)) * tone + photo.uniform(-6, 6, 3)
    light = 1 + 0.05 * photo.uniform(-1, 1) * at.x + 0.05 * photo.uniform(-1, 1) * at.y
    texture = light + 0.02 * noise(photo, at.shape, 4) + 0.016 * noise(photo, at.shape, 20)
    skin: Field = (texture[..., None] * colour).astype(np.float32)
    return skin
