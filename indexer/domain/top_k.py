"""Streaming exact top-k: the k strongest samples of every neuron, seen batch by batch.

A float32 activation and a sample number are packed into one int64 whose order is "higher activation first, then
lower sample number": ranking is exact in float32, ties are broken by sample, and two halves of a dataset merge into
the same result in any order.
"""

import numpy as np
from numpy.typing import NDArray

EMPTY = np.iinfo(np.int64).min
"""Fills ranks that no active sample has taken; lower than every packed value."""

_BUFFER_BYTES = 32 << 20
_BUFFER_ROWS = 1024
_MERGED_BYTES = 8 << 20
"""Of the neurons that are merged at a time."""
_LOW = np.int64(0xFFFFFFFF)


class TopK:
    """The k highest positive activations of each neuron; what is not above zero never enters."""

    def __init__(self, neurons: int, k: int) -> None:
        self.k = k
        self._best = np.full((neurons, k), EMPTY, dtype=np.int64)
        self._waiting: list[NDArray[np.int64]] = []
        self._rows = 0
        self._capacity = max(k, min(_BUFFER_ROWS, _BUFFER_BYTES // (8 * max(neurons, 1))))
        self._weakest = self._best.min(axis=1)

    def add(self, activations: NDArray[np.float32], samples: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Take activations [batch, neurons] of the samples with these numbers [batch], each in [0, 2^32).

        Returns [batch] whether a sample may be among some neuron's k, as far as is known by now.
        """
        packed = pack(activations, samples)
        self._waiting.append(packed.T)
        self._rows += len(samples)
        entering: NDArray[np.bool_] = (packed > self._weakest).any(axis=1)
        if self._rows >= self._capacity:
            self._merge()
        return entering

    def result(self) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """Activations [neurons, k] descending, samples [neurons, k], counts [neurons]; beyond the count: 0 and -1."""
        self._merge()
        ordered = np.sort(self._best, axis=1)[:, ::-1]
        taken = ordered != EMPTY
        values, samples = unpack(ordered)
        return np.where(taken, values, np.float32(0)), np.where(taken, samples, -1), taken.sum(axis=1)

    def state(self) -> NDArray[np.int64]:
        """All that must be kept to go on later."""
        self._merge()
        return self._best

    def restore(self, state: NDArray[np.int64]) -> None:
        """Go on from what `state` returned."""
        self._best, self._waiting, self._rows = state.copy(), [], 0
        self._weakest = state.min(axis=1)

    def _merge(self) -> None:
        if not self._waiting:
            return
        width = self.k + self._rows
        step = max(1, _MERGED_BYTES // (8 * width))
        for start in range(0, len(self._best), step):
            some = slice(start, start + step)
            candidates = np.concatenate([self._best[some], *(each[some] for each in self._waiting)], axis=1)
            candidates.partition(width - self.k, axis=1)
            self._best[some] = candidates[:, width - self.k :]
        self._waiting, self._rows = [], 0
        self._weakest = self._best.min(axis=1)


def pack(activations: NDArray[np.float32], samples: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order-preserving int64 of (activation, −sample) for activations [batch, neurons]; EMPTY unless positive.

    `samples` are numbers of the batch [batch], or of every activation [batch, neurons].
    """
    bits = np.ascontiguousarray(activations, dtype=np.float32).view(np.int32).astype(np.int64)
    packed = (bits << 32) | (_LOW - (samples if samples.ndim == bits.ndim else samples[:, None]))
    # Compared as integers: libraries built with fast maths make the processor take subnormal floats for zero.
    return np.where(bits > 0, packed, EMPTY)


def unpack(packed: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Activations and sample numbers of packed values; of EMPTY, nothing meaningful."""
    values = (packed >> 32).astype(np.int32).view(np.float32)
    return values, _LOW - (packed & _LOW)
