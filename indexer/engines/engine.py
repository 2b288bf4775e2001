"""What an engine is: the nearest rows of a matrix of unit vectors to a probe."""

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = slice | NDArray[np.int64] | None
"""Which rows may answer: a contiguous range, ascending row numbers, or all."""


class Nearest(NamedTuple):
    """The best rows, best first; equal scores in ascending row order."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


class Engine(Protocol):
    """Searches one matrix. Every engine agrees with `exact` on the contract test."""

    @staticmethod
    def check(argument: str, dimension: int) -> None:
        """Raise InvalidInput for an argument that no matrix of this width could be searched with."""
        ...

    def search(self, probe: NDArray[np.float32], limit: int, rows: Rows = None) -> Nearest:
        """At most `limit` of the permitted rows with the highest inner product with the unit probe [d]."""
        ...

    def save(self, folder: Path) -> None:
        """Write what `open` needs beside the vectors; an engine without state writes nothing."""
        ...
