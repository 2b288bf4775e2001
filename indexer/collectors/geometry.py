"""Where in a picture the pixels of a model's input come from, found by showing coordinates to the preprocessing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.errors import SubjectFault
from indexer.subjects.inputs import parts_of

_DARK, _LIGHT = 32, 223
"""Away from black and white, where what resampling adds at edges would be cut off."""
_IMAGE_AXES = 3
_TOLERANCE = 0.02
"""Of the picture's side: how far a pixel may lie from where straight axes put it (ours)."""
_SMALLEST = 2
"""Pixels a side below which nothing can be told apart."""


@dataclass(frozen=True)
class Geometry:
    """An input pixel edge e comes from the fraction `scale · e + shift` of the picture's width or height."""

    part: str
    """Name of the part of the input that holds the picture; '' where there is one tensor only."""
    scale: NDArray[np.float64]
    """[2] of x and y."""
    shift: NDArray[np.float64]
    """[2]"""


def in_pictures(edges: NDArray[np.float64], of: Sequence[Geometry], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Boxes [n, 4] in pixel edges of inputs as fractions of their pictures, cut off at the borders.

    `rows` [n] says which geometry is that of each box. What is nearer than half a pixel to a border lies on it.
    """
    scale, shift = (np.stack([getattr(each, name) for each in of])[rows, None] for name in ("scale", "shift"))
    ends = np.sort(edges.reshape(-1, 2, 2) * scale + shift, axis=1)  # a flipped axis exchanges left and right
    close = np.abs(scale) / 2
    snapped = np.where(ends < close, 0, np.where(ends > 1 - close, 1, ends))
    inside: NDArray[np.float64] = snapped.reshape(-1, 4)
    return inside


class Geometries:
    """The geometry of a preprocessing, found once for each size of picture; safe to share between threads."""

    def __init__(self, preprocess: Callable[[Image.Image], Any]) -> None:
        self._preprocess = preprocess
        self._known: dict[tuple[int, int], Geometry] = {}

    def of(self, size: tuple[int, int]) -> Geometry:
        """Of pictures of this size (width, height); raises SubjectFault where it cannot be found."""
        if size not in self._known:
            self._known[size] = self._find(size)
        return self._known[size]

    def _find(self, size: tuple[int, int]) -> Geometry:
        width, height = size
        part, dark = self._shown(np.full((height, width), _DARK, dtype=np.uint8))
        _, light = self._shown(np.full((height, width), _LIGHT, dtype=np.uint8), part)
        contrast = light - dark
        channel = int(np.abs(contrast).sum(axis=(1, 2)).argmax())
        dark, contrast = dark[channel], contrast[channel]
        seen = np.abs(contrast) > np.abs(contrast).max(initial=0) / 2
        if not (np.isfinite(contrast).all() and seen.any()):
            raise _hidden("dark and light pictures give the same input")
        scale, shift = np.zeros(2), np.zeros(2)
        for axis, length in enumerate(size):
            ramp = _ramp(length, size[1 - axis])
            _, shown = self._shown(ramp if axis == 0 else ramp.T, part)
            places = np.where(seen, (shown[channel] - dark) / np.where(seen, contrast, 1), np.nan)
            scale[axis], shift[axis] = _line(places if axis == 0 else places.T, length)
        return Geometry(part, scale, shift)

    def _shown(self, grey: NDArray[np.uint8], part: str | None = None) -> tuple[str, NDArray[np.float64]]:
        """The input [channels, height, width] made of a grey picture, and the part of the input that it is."""
        prepared = self._preprocess(Image.fromarray(np.ascontiguousarray(grey)).convert("RGB"))
        for name, value in parts_of(prepared):
            pixels = np.asarray(value, dtype=np.float64)
            if pixels.ndim == _IMAGE_AXES and name == (name if part is None else part):
                return name, pixels
        raise _hidden("it gives no input of the axes [channels, height, width]")


def _ramp(length: int, lines: int) -> NDArray[np.uint8]:
    """Lines [lines, length] that grow from dark to light; each a little lighter, so that their mean has no steps."""
    phase = ((np.arange(lines) + 0.5) / lines - 0.5).astype(np.float32)
    line = (_DARK + (np.arange(length) + 0.5) * ((_LIGHT - _DARK) / length)).astype(np.float32)
    steps: NDArray[np.uint8] = np.rint(np.add.outer(phase, line)).astype(np.uint8)
    return steps


def _line(places: NDArray[np.float64], length: int) -> tuple[float, float]:
    """Slope and intercept per pixel edge of places [lines, pixels] that differ along the second axis only."""
    columns = np.flatnonzero(np.isfinite(places).any(axis=0))
    middle = np.nanmean(places[:, columns], axis=0)
    tolerance = max(_TOLERANCE, 1 / length)
    if np.nanmax(np.abs(places[:, columns] - middle)) > tolerance:
        raise _hidden("its axes are not those of the picture")
    if length < _SMALLEST or len(columns) < _SMALLEST:
        return (1 / len(columns), -columns[0] / len(columns))
    # Near borders resampling bends the ramp; the inner part is straight.
    margin = len(columns) // 8
    inner = slice(margin, len(columns) - margin)
    slope, at_zero = np.polyfit(columns[inner] + 0.5, middle[inner], 1)
    if np.abs(slope * (columns + 0.5) + at_zero - middle).max() > tolerance or abs(slope) < tolerance / len(columns):
        raise _hidden("it bends the picture, or changes its brightness from picture to picture")
    return float(slope), float(at_zero)


def _hidden(why: str) -> SubjectFault:
    return SubjectFault(
        f"The preprocessing does not tell where in the picture its pixels come from: {why}.",
        hint="Leave out --crop, or resize, crop and pad along the picture's axes only.",
    )
