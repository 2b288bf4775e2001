"""Names beside points and lines, none over another."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ANGLES = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_DISTANCES = (10.0, 16.0, 24.0, 34.0, 46.0, 60.0, 80.0)
_MARK = 5.0


class Size(NamedTuple):
    """Of a written name, in pixels."""

    width: float
    height: float


class Box(NamedTuple):
    """Where a name stands, in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2


def placed(
    anchors: Sequence[tuple[float, float]], sizes: Sequence[Size], points: NDArray[np.float64], frame: Box
) -> list[Box | None]:
    """A box for each anchor in turn, in the frame and clear of the boxes before; None where there is no room.

    Among the free places around the anchor, the one that covers fewest `points` [n, 2], then the nearest.
    """
    taken: list[Box] = []
    found: list[Box | None] = []
    for (x, y), size in zip(anchors, sizes, strict=True):
        free = [box for box in _around(x, y, size) if _within(box, frame) and not any(_touch(box, t) for t in taken)]
        best = min(free, key=lambda box: _covered(box, points) + _length(box, x, y) / 40, default=None)
        found.append(best)
        if best is not None:
            taken.append(best)
    return found


def apart(places: Sequence[float], step: float) -> list[float]:
    """Ascending places moved so that neighbours are a step apart, no farther than that needs."""
    groups: list[list[float]] = []
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _crowd(groups[-2], groups[-1], step):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [_middle(group) + step * (at - (len(group) - 1) / 2) for group in groups for at in range(len(group))]


def _crowd(below: Sequence[float], above: Sequence[float], step: float) -> bool:
    return _middle(above) - _middle(below) < step * (len(below) + len(above)) / 2


def _middle(group: Sequence[float]) -> float:
    return sum(group) / len(group)


def _around(x: float, y: float, size: Size) -> list[Box]:
    boxes = []
    for distance in _DISTANCES:
        for angle in _ANGLES:
            across, up = float(np.cos(angle)), float(np.sin(angle))
            left = x + across * distance - size.width / 2 * (1 - across)
            bottom = y + up * distance - size.height / 2 * (1 - up)
            boxes.append(Box(left, bottom, left + size.width, bottom + size.height))
    return boxes


def _within(box: Box, frame: Box) -> bool:
    return box.left >= frame.left and box.right <= frame.right and box.bottom >= frame.bottom and box.top <= frame.top


def _touch(a: Box, b: Box) -> bool:
    return a.left < b.right and b.left < a.right and a.bottom < b.top and b.bottom < a.top


def _covered(box: Box, points: NDArray[np.float64]) -> int:
    across = (points[:, 0] > box.left - _MARK) & (points[:, 0] < box.right + _MARK)
    return int((across & (points[:, 1] > box.bottom - _MARK) & (points[:, 1] < box.top + _MARK)).sum())


def _length(box: Box, x: float, y: float) -> float:
    """From the anchor to the nearest place of the box."""
    across = max(box.left - x, 0.0, x - box.right)
    return float(np.hypot(across, max(box.bottom - y, 0.0, y - box.top)))
