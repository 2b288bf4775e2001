"""What a neuron is called and what it does over a dataset."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.domain.states import State
from indexer.errors import InvalidInput

ALWAYS_ON_SHARE = 0.8
"""Active on at least this share of the samples: always on (METHODS 1)."""


@dataclass(frozen=True, order=True)
class NeuronId:
    """`layer/unit`, with a trailing `-` for the negative end of a signed neuron."""

    layer: str
    unit: int
    polarity: int = 1

    @classmethod
    def parse(cls, text: str) -> "NeuronId":
        """Read `layer/unit` or `layer/unit-`; raises InvalidInput."""
        layer, slash, unit = text.rpartition("/")
        digits = unit.removesuffix("-")
        if not (slash and layer and digits.isascii() and digits.isdigit()):
            raise InvalidInput(
                f"{text!r} is no neuron.", hint="Write layer/unit, e.g. layer4/123 (layer4/123- for its negative end)."
            )
        return cls(layer, int(digits), -1 if unit.endswith("-") else 1)

    def __str__(self) -> str:
        return f"{self.layer}/{self.unit}{'-' if self.polarity < 0 else ''}"


def states(active: NDArray[np.int64], seen: int, constant: NDArray[np.bool_], wanted: int) -> NDArray[np.str_]:
    """State of each neuron from its number of active samples [neurons], of `seen`; `wanted` exemplars asked for.

    Precedence: dead, always on, few samples, alive.
    """
    result = np.full(active.shape, State.ALIVE.value, dtype="<U11")
    result[active < wanted] = State.FEW_SAMPLES.value
    result[active >= ALWAYS_ON_SHARE * seen] = State.ALWAYS_ON.value
    result[(active == 0) | constant] = State.DEAD.value
    return result
