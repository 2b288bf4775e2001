"""A uniform subset of samples that needs no list of them: those that drew the lowest lots."""

import numpy as np
from numpy.typing import NDArray

BYTES = 64 << 20
"""That the activations of a layer's subset may take; wide layers have fewer samples."""

_SEED = np.uint64(0x6C656E73)
_GOLDEN, _FIRST, _SECOND = (np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def lots(samples: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The lot that each sample number draws; no two alike (SplitMix64: Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        mixed = (np.asarray(samples).astype(np.uint64) + _SEED) * _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def size_for(asked: int, units: int) -> int:
    """Samples of a layer's subset: as many as asked for, or as memory allows, but one."""
    return max(min(asked, BYTES // (4 * max(units, 1))), 1)
