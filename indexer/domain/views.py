"""A view is what of a sample is embedded: the whole image or a box in it, as one integer that sorts by sample.

Boxes lie on a grid of 256 × 256 over the upright image, so a box takes 32 bits: left, top, right − 1, bottom − 1.
"""

import numpy as np
from numpy.typing import NDArray

GRID = 256
WHOLE = np.uint32(0x0000FFFF)
"""The box of the whole image."""

_SHIFTS = np.array([24, 16, 8, 0], dtype=np.uint32)


def boxes(fractions: NDArray[np.floating]) -> NDArray[np.uint32]:
    """Codes [..] of boxes [.., 4] (left, top, right, bottom as fractions in [0, 1]), each widened to the grid."""
    scaled = np.clip(np.asarray(fractions, dtype=np.float64), 0, 1) * GRID
    low = np.clip(np.floor(scaled[..., :2]), 0, GRID - 1)
    high = np.clip(np.ceil(scaled[..., 2:]) - 1, low, GRID - 1)
    corners = np.concatenate([low, high], axis=-1).astype(np.uint32)
    codes: NDArray[np.uint32] = np.bitwise_or.reduce(corners << _SHIFTS, axis=-1)
    return codes


def fractions(codes: NDArray[np.uint32] | np.uint32) -> NDArray[np.float32]:
    """Boxes [.., 4] as fractions of codes [..]."""
    corners = (np.asarray(codes, dtype=np.uint32)[..., None] >> _SHIFTS) & np.uint32(0xFF)
    return ((corners + np.array([0, 0, 1, 1], dtype=np.uint32)) / np.float32(GRID)).astype(np.float32)


def views(samples: NDArray[np.int64], codes: NDArray[np.uint32] | None = None) -> NDArray[np.int64]:
    """Views of samples (numbers below 2^31) and boxes (none: the whole images); −1 where the sample is −1."""
    box = WHOLE if codes is None else np.asarray(codes, dtype=np.uint32)
    joined = (np.asarray(samples, dtype=np.int64) << 32) | np.asarray(box, dtype=np.int64)
    return np.where(samples >= 0, joined, np.int64(-1))


def samples_of(seen: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sample number of each view; −1 of −1."""
    return np.asarray(seen, dtype=np.int64) >> 32


def boxes_of(seen: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Box of each view."""
    return (np.asarray(seen, dtype=np.int64) & 0xFFFFFFFF).astype(np.uint32)


def rows_of(wanted: NDArray[np.int64], held: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of each wanted view among those held (each once, in any order); −1 where it is not held."""
    order = np.argsort(held)
    if not len(held):
        return np.full(np.shape(wanted), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(held, wanted, sorter=order), len(held) - 1)
    rows = order[at]
    return np.where(held[rows] == wanted, rows, np.int64(-1))
