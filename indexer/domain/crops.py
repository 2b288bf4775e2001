"""From heat over a model's input to the part of the picture that is embedded (METHODS 1, crop)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Heat = NDArray[np.float32]

KERNEL, SIDE = 51, 224
"""Width of the blur at this side of the input; it scales with the shorter side."""
LEVEL = 0.01
"""Of the maximum of the blurred heat: what lies above belongs to the place."""


def kernel_width(side: int) -> int:
    """Width of the blur, odd, for an input whose shorter side has so many pixels."""
    return max(2 * round((KERNEL * side / SIDE - 1) / 2) + 1, 1)


def kernel(width: int) -> NDArray[np.float64]:
    """Weights [width] of a Gaussian with the σ that OpenCV's getGaussianKernel takes for a kernel of this width."""
    sigma = 0.3 * ((width - 1) * 0.5 - 1) + 0.8
    weights = np.exp(-((np.arange(width) - width // 2) ** 2) / (2 * sigma**2))
    result: NDArray[np.float64] = weights / weights.sum()
    return result


@lru_cache(maxsize=64)
def spread(low: int, high: int, width: int) -> Heat:
    """[high, low]: stretches `low` values bilinearly over `high` pixels (edges aligned), then blurs them.

    Beyond the border the blur sees the mirror image.
    """
    centres = np.clip((np.arange(high) + 0.5) * low / high - 0.5, 0, low - 1)
    below = np.minimum(np.floor(centres).astype(np.int64), max(low - 2, 0))
    stretched = np.zeros((high, low))
    stretched[np.arange(high), below] = 1 - (centres - below)
    stretched[np.arange(high), np.minimum(below + 1, low - 1)] += centres - below
    blurred = np.zeros((high, high))
    for offset, weight in enumerate(kernel(width)):
        seen = np.arange(high) + offset - width // 2
        np.add.at(blurred, (np.arange(high), _mirrored(seen, high)), weight)
    return (blurred @ stretched).astype(np.float32)


def masks(heat: Heat, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels of an input of `size` (height, width) belong to the place of each heat [n, h, w] → [n, *size].

    Heat is what speaks for the neuron: values below zero count as zero. It may be coarser than the input. Heat that is
    zero everywhere or not finite has no place: an empty mask.
    """
    heat = np.maximum(heat, 0).astype(np.float32)
    usable: NDArray[np.bool_] = np.asarray(np.isfinite(heat).all(axis=(1, 2)))
    largest = np.where(usable, heat.max(axis=(1, 2)), 1)[:, None, None]
    # By its maximum first, so that tiny gradients do not vanish in float32.
    scaled = np.where(usable[:, None, None], np.divide(heat, largest, out=np.zeros_like(heat), where=largest > 0), 0)
    width = kernel_width(min(size))
    rows, columns = spread(heat.shape[1], size[0], width), spread(heat.shape[2], size[1], width)
    blurred = rows @ scaled @ columns.T
    above: NDArray[np.bool_] = blurred > LEVEL * blurred.max(axis=(1, 2), keepdims=True)
    return above


def bounds(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Edges [n, 4] (left, top, right, bottom, in pixels) around each mask [n, h, w]; NaN around an empty one."""
    (left, right), (top, bottom) = (_first_last(np.asarray(mask.any(axis=axis))) for axis in (1, 2))
    found = np.stack([left, top, right, bottom], axis=1).astype(np.float64)
    found[~mask.any(axis=(1, 2))] = np.nan
    return found


def squares(boxes: NDArray[np.float64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The smallest squares around boxes [n, 4] of pictures of `sizes` [n, 2] (width, height), all in pixels.

    A square that would leave the picture is moved inside; one longer than a side of the picture takes all of that side.
    """
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    side = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    taken = np.minimum(side, sizes)
    low = np.clip(centres - taken / 2, 0, sizes - taken)
    return np.concatenate([low, low + taken], axis=1)


def _first_last(lines: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return lines.argmax(axis=1), lines.shape[1] - lines[:, ::-1].argmax(axis=1)


def _mirrored(places: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Places outside 0 … length − 1 reflected back inside, the border itself not repeated."""
    if length == 1:
        return np.zeros_like(places)
    period = 2 * (length - 1)
    folded = places % period
    return np.minimum(folded, period - folded)
