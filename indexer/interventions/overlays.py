"""Artefacts pasted on any picture: rendered or photographed, of any size, without torch."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from PIL import Image

from indexer.datasets.lesions.fields import Field
from indexer.datasets.lesions.overlays import Layer, Picture, layer
from indexer.errors import InvalidInput, UnknownName
from indexer.interventions.drawings import hair, photo_frame, sticker, surroundings, text_watermark

Shape = tuple[int, int]
"""(height, width) in pixels."""

PLACEBO = "plain"
"""The overlay that hides what the colour patch hides, and looks like nothing."""

SHARPEST = 1024
"""Pixels of the shorter side up to which an overlay is drawn; on a larger picture its drawing is enlarged."""


def paste(name: str, image: Image.Image, seed: tuple[int, ...] | int) -> Image.Image:
    """An RGB picture with an overlay on it, of the same size; the same name, size and seed give the same overlay.

    Its place is drawn from name and seed; `plain` lies exactly where `colour_patch` would. `NAME@0.25` lays it on at a
    quarter of its opacity, at the same place. Raises UnknownName.
    """
    if image.mode != "RGB":
        raise InvalidInput(f"An overlay needs an RGB picture, not {image.mode}.", hint="Convert it to RGB first.")
    pixels = np.asarray(image)
    return Image.fromarray(overlay(name, pixels, seed).over(pixels))


def overlay(name: str, image: Picture, seed: tuple[int, ...] | int) -> Layer:
    """The layer that `paste` lays over this picture; its mask is every pixel it may change."""
    name, strength = _strength(name)
    drawn = _whole(name, image, seed)
    return drawn if strength == 1 else replace(drawn, alpha=(drawn.alpha * strength).astype(np.float32))


def _whole(name: str, image: Picture, seed: tuple[int, ...] | int) -> Layer:
    height, width = image.shape[:2]
    if name == PLACEBO:
        alpha = _drawn("colour_patch", (height, width), seed).alpha
        return Layer(surroundings(image, alpha), alpha)
    return _drawn(name, (height, width), seed)


def check_overlays(names: Iterable[str]) -> None:
    """Refuse a name that is no overlay; raises UnknownName with the nearest."""
    for name in names:
        _strength(name)


def seed_of(key: str, seed: int) -> tuple[int, ...]:
    """The seed of a sample, from its key alone: it gets the same overlay in every run and on every machine."""
    digest = hashlib.sha256(f"{seed}\0{key}".encode()).digest()
    return tuple(int.from_bytes(digest[start : start + 8], "big") for start in range(0, len(digest), 8))


def _strength(name: str) -> tuple[str, float]:
    """Overlay and opacity of `NAME` or `NAME@OPACITY`."""
    plain, at, opacity = name.partition("@")
    if plain not in OVERLAYS:
        raise UnknownName("overlay", plain, OVERLAYS)
    try:
        strength = float(opacity) if at else 1.0
    except ValueError:
        strength = -1.0
    if not 0 < strength <= 1:
        raise InvalidInput(f"The opacity of {name!r} must be a number above 0 and at most 1.", hint=f"{plain}@0.5")
    return plain, strength


def _drawn(name: str, shape: Shape, seed: tuple[int, ...] | int) -> Layer:
    parts = seed if isinstance(seed, tuple) else (seed,)
    rng = np.random.Generator(np.random.PCG64((*parts, *name.encode())))
    shrink = min(1.0, SHARPEST / min(shape))
    drawn = _DRAW[name]((round(shape[0] * shrink), round(shape[1] * shrink)), rng)
    alpha = np.where(drawn.alpha < 0.03, 0, np.clip(drawn.alpha, 0, 1)).astype(np.float32)
    if shrink == 1:
        return replace(drawn, alpha=alpha)
    colour = np.broadcast_to(drawn.colour, (*alpha.shape, 3)) if drawn.colour.ndim > 1 else None
    large = drawn.colour if colour is None else np.stack([_enlarged(colour[..., c], shape) for c in range(3)], axis=2)
    return Layer(large, _enlarged(alpha, shape))


def _enlarged(field: Field, shape: Shape) -> Field:
    image = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(image.resize(shape[::-1], Image.Resampling.BILINEAR))


def _of_lesions(name: str) -> Callable[[Shape, np.random.Generator], Layer]:
    return lambda shape, rng: layer(name, shape, rng)


_DRAW: dict[str, Callable[[Shape, np.random.Generator], Layer]] = {
    "colour_patch": sticker,
    "ruler": _of_lesions("ruler"),
    "ink": _of_lesions("ink"),
    "hair": hair,
    "bubbles": _of_lesions("gel_bubbles"),
    "vignette": _of_lesions("vignette"),
    "red_tint": _of_lesions("red_skin"),
    "text_watermark": text_watermark,
    "frame": photo_frame,
}

OVERLAYS: tuple[str, ...] = (*_DRAW, PLACEBO)
"""Every overlay by name."""
