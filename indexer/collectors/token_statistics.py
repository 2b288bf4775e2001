"""What is kept of a text layer while passages stream by."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.collector import End, LayerExemplars
from indexer.domain.top_k import TopK

State = dict[str, NDArray[Any]]
HELD_OUT = 10
"""Held-out examples of a neuron (arXiv 2304.12918)."""
PLACES = 1 << 12
"""Tokens of a passage that can be told apart: a place and its passage fit the 32 bits of a ranked sample."""
MOST_PASSAGES = 1 << 20


class Seen(NamedTuple):
    """A layer on some passages, in numpy."""

    high: NDArray[np.float32]
    """[passages, units] the highest activation of a passage, …"""
    high_at: NDArray[np.int64]
    """… and the first token that has it."""
    low: NDArray[np.float32]
    low_at: NDArray[np.int64]
    """Likewise the lowest; where only the positive ends are wanted, `low_at` means nothing."""
    positive: NDArray[np.int64]
    """[units] tokens with an activation above zero, …"""
    negative: NDArray[np.int64]
    """… and below."""
    total: NDArray[np.float64]
    """[units] sum over tokens."""


class Ranked(NamedTuple):
    """The strongest passages of each neuron, one place in each."""

    activations: NDArray[np.float32]
    """[units, k], most extreme first, signed; 0 beyond the count."""
    samples: NDArray[np.int64]
    """[units, k]; −1 beyond the count."""
    tokens: NDArray[np.uint32]
    """[units, k] where in the passage."""
    counts: NDArray[np.int64]
    """[units]"""


class TokenStatistics:
    """Exact top-k of both ends, of passages to learn from and of held-out ones, with counts and sums."""

    def __init__(self, layer: str, units: int, k: int, *, both: bool) -> None:
        self.layer = layer
        self._signs = (1, -1) if both else (1,)
        self._ranks = {
            (sign, held): TopK(units, HELD_OUT if held else k) for sign in self._signs for held in (False, True)
        }
        self._sums: State = {
            "positive": np.zeros(units, dtype=np.int64),
            "negative": np.zeros(units, dtype=np.int64),
            "total": np.zeros(units),
            "peaks": np.zeros(units),
            "low": np.full(units, np.inf, dtype=np.float32),
            "high": np.full(units, -np.inf, dtype=np.float32),
            "seen": np.zeros(2, dtype=np.int64),
        }

    @property
    def tokens(self) -> int:
        """Tokens seen so far."""
        return int(self._sums["seen"][1])

    def add(self, seen: Seen, samples: NDArray[np.int64], held: NDArray[np.bool_], tokens: int) -> None:
        """Take passages of these numbers [passages], of so many tokens together; `held` says which are held out."""
        for sign in self._signs:
            values, places = (seen.high, seen.high_at) if sign > 0 else (-seen.low, seen.low_at)
            codes = samples[:, None] * PLACES + places
            for chosen in (False, True):
                rows = held == chosen
                if rows.any():
                    self._ranks[sign, chosen].add(values[rows], codes[rows])
        kept = self._sums
        kept["positive"] += seen.positive
        kept["negative"] += seen.negative
        kept["total"] += seen.total
        kept["peaks"] += seen.high.sum(axis=0, dtype=np.float64)
        kept["low"] = np.minimum(kept["low"], seen.low.min(axis=0))
        kept["high"] = np.maximum(kept["high"], seen.high.max(axis=0))
        kept["seen"] += [len(samples), tokens]

    def result(self) -> "tuple[LayerExemplars, dict[int, Ranked]]":
        """The layer's exemplars, and by polarity its held-out examples."""
        kept = self._sums
        passages, tokens = (max(int(each), 1) for each in kept["seen"])
        constant = kept["low"] == kept["high"]
        ends = {sign: self._end(sign, constant) for sign in self._signs}
        layer = LayerExemplars(
            layer=self.layer,
            positive=ends[1],
            negative=ends.get(-1),
            mean=kept["peaks"] / passages,
            centre=kept["total"] / tokens,
            constant=constant,
        )
        return layer, {sign: _ranked(self._ranks[sign, True], sign, constant) for sign in self._signs}

    def _end(self, sign: int, constant: NDArray[np.bool_]) -> End:
        found = _ranked(self._ranks[sign, False], sign, constant)
        held = _ranked(self._ranks[sign, True], sign, constant)
        strongest = np.where(
            np.abs(held.activations[:, 0]) > np.abs(found.activations[:, 0]),
            held.activations[:, 0],
            found.activations[:, 0],
        )
        return End(
            activations=found.activations,
            samples=found.samples,
            counts=found.counts,
            active=self._sums["positive" if sign > 0 else "negative"],
            strongest=strongest,
            tokens=found.tokens,
        )

    def state(self) -> State:
        """Everything needed to go on later."""
        ranks = {f"{sign} {int(held)}": rank.state() for (sign, held), rank in self._ranks.items()}
        return {**self._sums, **ranks}

    @classmethod
    def restored(cls, layer: str, k: int, state: State, *, both: bool) -> "TokenStatistics":
        """Go on from a stored state."""
        statistics = cls(layer, len(state["total"]), k, both=both)
        for (sign, held), rank in statistics._ranks.items():
            rank.restore(state.pop(f"{sign} {int(held)}"))
        statistics._sums = state
        return statistics


def _ranked(rank: TopK, sign: int, constant: NDArray[np.bool_]) -> Ranked:
    activations, codes, counts = rank.result()
    activations[constant], codes[constant], counts[constant] = 0, -1, 0
    samples = np.where(codes >= 0, codes // PLACES, -1)
    tokens = np.where(codes >= 0, codes % PLACES, 0).astype(np.uint32)
    return Ranked(np.float32(sign) * activations, samples, tokens, counts)
