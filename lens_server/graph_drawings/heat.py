"""Colours: red for activation, blue for importance, always light enough for dark letters, never the only sign."""

import math

INK, SOFT, LINE, PAPER = "#1b1d21", "#575d66", "#c9c4b9", "#ffffff"
ACTIVATION, IMPORTANCE = "#b3261e", "#1d4f91"
"""Of frames and bars."""
LEVELS = 10
FIRES = 0.5
"""A neuron fires from this share of its highest activation on (indexer.domain.token_graphs)."""
_RED, _BLUE, _WHITE = (0xF0, 0x7F, 0x78), (0x7F, 0xB0, 0xF2), (0xFF, 0xFF, 0xFF)


def share(value: float, strongest: float = 1.0) -> float:
    """Value by strongest, held in [0, 1]; 0 where either is no number or the strongest is 0."""
    if not strongest or not math.isfinite(value) or not math.isfinite(strongest):
        return 0.0
    return min(max(value / strongest, 0.0), 1.0)


def level(part: float) -> int:
    """A share in [0, 1] as one of the steps 0 … LEVELS; 0 for nothing alone."""
    return 0 if part <= 0 else max(1, round(part * LEVELS))


def red(part: float) -> str:
    """Colour of an activation, a share in [0, 1]."""
    return _between(_WHITE, _RED, part)


def blue(part: float) -> str:
    """Colour of an importance in [0, 1]."""
    return _between(_WHITE, _BLUE, part)


def fires(part: float) -> bool:
    """Whether a share of the highest activation counts as firing."""
    return part >= FIRES


def _between(low: tuple[int, int, int], high: tuple[int, int, int], part: float) -> str:
    held = share(part)
    return "#" + "".join(f"{round(a + (b - a) * held):02x}" for a, b in zip(low, high, strict=True))
