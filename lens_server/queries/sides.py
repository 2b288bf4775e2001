"""The indexes that a question compares."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.domain.states import State
from indexer.errors import InvalidInput
from indexer.index.reader import STATES, Index
from lens_server.queries.compare import check_same_space
from lens_server.queries.significance import Significance


@dataclass(frozen=True)
class Side:
    """One of the indexes."""

    name: str
    index: Index
    significance: Significance
    rows: NDArray[np.int64]
    """Neurons asked."""

    def alive(self) -> NDArray[np.int64]:
        """Rows of the alive ones; raises InvalidInput where there is none."""
        alive: NDArray[np.int64] = self.rows[self.index.neurons.state[self.rows] == STATES.index(State.ALIVE)]
        if not len(alive):
            raise InvalidInput(f"{self.name} has no alive neuron to compare.")
        return alive


def check_sides(sides: Sequence[Side]) -> None:
    """Raise IndexUnusable for indexes of different embedding spaces, InvalidInput for two of one name."""
    for at, side in enumerate(sides):
        check_same_space(sides[0].index, side.index, (sides[0].name, side.name))
        if side.name in [each.name for each in sides[:at]]:
            raise InvalidInput(
                f"Two indexes are named {side.name!r}: an answer could not tell them apart.",
                hint="Give each index once; rename a folder where two have one name.",
            )
