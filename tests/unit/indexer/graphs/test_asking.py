"""What graphs are made of: either end of a signed neuron has a highest activation above nought."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from indexer.graphs.asking import asked_of


def test_the_negative_end_is_turned():
    neurons = SimpleNamespace(
        unit=np.array([3, 3]), polarity=np.array([1, -1], np.int8), strongest=np.array([2.0, -5.0], np.float32)
    )
    index = SimpleNamespace(neurons=neurons, exemplars=lambda row: pa.table({"sample": [0], "token": [1]}))
    held = SimpleNamespace(samples=np.array([1]), tokens=np.array([0]))
    texts = SimpleNamespace(index=index, held_out=lambda row: held, passage=lambda sample: (7, 8, 9))
    found = list(asked_of(texts, [0, 1], 2))
    assert [(each.sign, each.highest) for each in found] == [(1, 2.0), (-1, 5.0)]
    assert found[1].build[0].tokens == (7, 8) and found[1].held_out[0].pivot == 0
