"""Exemplars and statistics over the union of several indexes' samples, exactly, from what the indexes hold.

A neuron's k strongest samples of the union are among its k strongest of each part. What an index does not keep is which
samples a neuron that is constant and active was shown: where those could be exemplars of the union, that is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.collector import End, LayerExemplars
from indexer.domain.states import State
from indexer.domain.top_k import EMPTY, pack, unpack
from indexer.domain.views import WHOLE, boxes
from indexer.errors import InvalidInput
from indexer.index.reader import STATES, Index

_NAMED = 3
_PLACES = ("left", "top", "right", "bottom")


@dataclass(frozen=True)
class Shard:
    """An index over some of the samples."""

    index: Index
    numbers: NDArray[np.int64]
    """[samples] each sample's number in the union, ascending."""
    distinct: int
    """Samples that are readable and no duplicates."""

    def rows(self, layer: int, polarity: int) -> slice | None:
        """Rows of one end of a layer; None where the index has no such end."""
        table, units = self.index.neurons, self.index.manifest.layers[layer].units
        first = int(table.starts[layer]) + (units if polarity < 0 else 0)
        return slice(first, first + units) if first < int(table.starts[layer + 1]) else None


class _Part(NamedTuple):
    """What one shard knows of one end of a layer."""

    packed: NDArray[np.int64]
    """[units, k] strength and sample number of the union (domain.top_k)."""
    boxes: NDArray[np.uint32]
    """[units, k]"""
    active: NDArray[np.int64]
    """[units]"""
    constant: NDArray[np.bool_]
    """[units] the same value, of this end's sign, on every sample."""


def merged_layer(shards: Sequence[Shard], layer: int) -> LayerExemplars:
    """A layer over the union; raises InvalidInput where what the indexes hold does not tell its exemplars."""
    manifest = shards[0].index.manifest
    origin, k = manifest.layers[layer], manifest.exemplars
    shares = np.array([shard.distinct for shard in shards], dtype=np.float64)
    shares /= shares.sum()
    means = [_column(shard, layer, "mean") for shard in shards]
    parts = {polarity: [_part(shard, layer, polarity, k) for shard in shards] for polarity in (1, -1)}
    varying = [~(_constant(parts, number) | _silent(parts, number, means)) for number in range(len(shards))]
    equal = np.all([mean == means[0] for mean in means], axis=0)
    constant = ~np.any(varying, axis=0) & equal
    ends = {
        polarity: _end(f"{origin.name}/{{}}{'-' if polarity < 0 else ''}", polarity, found, means, constant)
        for polarity, found in parts.items()
        if any(each is not None for each in found)
    }
    return LayerExemplars(
        layer=origin.name,
        positive=ends[1],
        negative=ends.get(-1),
        mean=_weighted(means, shares),
        centre=_weighted([_column(shard, layer, "centre") for shard in shards], shares),
        constant=constant,
    )


def _end(
    name: str,
    polarity: int,
    parts: Sequence[_Part | None],
    means: Sequence[NDArray[np.float32]],
    constant: NDArray[np.bool_],
) -> End:
    there = [each for each in parts if each is not None]
    packed = np.concatenate([each.packed for each in there], axis=1)
    order = np.argsort(packed, axis=1)[:, ::-1][:, : there[0].packed.shape[1]]
    best = np.take_along_axis(packed, order, axis=1)
    codes = np.take_along_axis(np.concatenate([each.boxes for each in there], axis=1), order, axis=1)
    _refuse_hidden(name, best, [(each, mean) for each, mean in zip(parts, means, strict=True) if each], constant)
    taken = (best != EMPTY) & ~constant[:, None]
    strengths, samples = unpack(best)
    return End(
        activations=np.where(taken, np.float32(polarity) * strengths, np.float32(0)),
        samples=np.where(taken, samples, -1),
        counts=taken.sum(axis=1),
        active=np.sum([each.active for each in there], axis=0),
        boxes=np.where(taken, codes, WHOLE),
    )


def _refuse_hidden(
    name: str,
    best: NDArray[np.int64],
    parts: Sequence[tuple[_Part, NDArray[np.float32]]],
    constant: NDArray[np.bool_],
) -> None:
    """Samples on which a neuron is constant are not stored: they must all be weaker than the weakest exemplar."""
    weakest, _ = unpack(best[:, -1])
    weakest = np.where(best[:, -1] == EMPTY, np.float32(0), weakest)
    hidden = np.zeros(len(best), dtype=bool)
    for part, mean in parts:
        hidden |= part.constant & ~constant & (np.abs(mean) >= weakest)
    units = np.flatnonzero(hidden)
    if len(units):
        named = ", ".join(name.format(unit) for unit in units[:_NAMED])
        more = f" and {len(units) - _NAMED:,} more" if len(units) > _NAMED else ""
        raise InvalidInput(
            f"{named}{more} always had the same activation in one of the indexes, which therefore holds no exemplars "
            "of it, though some would be among the strongest of all.",
            hint="Build one index over all samples.",
        )


def _part(shard: Shard, layer: int, polarity: int, k: int) -> _Part | None:
    rows = shard.rows(layer, polarity)
    if rows is None:
        return None
    table = shard.index.neurons
    counts = table.exemplar_count[rows].astype(np.int64)
    units, ranks = np.nonzero(np.arange(k)[None] < counts[:, None])
    first = int(table.first_exemplar[rows.start])
    listed = shard.index.exemplar_rows(first, int(counts.sum()))
    activations = np.zeros((len(counts), k), dtype=np.float32)
    samples = np.zeros((len(counts), k), dtype=np.int64)
    codes = np.full((len(counts), k), WHOLE)
    activations[units, ranks] = np.float32(polarity) * np.asarray(listed["activation"])
    samples[units, ranks] = shard.numbers[np.asarray(listed["sample"])]
    corners = np.stack([np.asarray(listed[name], dtype=np.float32) for name in _PLACES], axis=-1)
    boxed = ~np.isnan(corners[:, 0])
    codes[units[boxed], ranks[boxed]] = boxes(corners[boxed])
    active = np.rint(table.active_share[rows].astype(np.float64) * shard.distinct).astype(np.int64)
    dead = table.state[rows] == STATES.index(State.DEAD)
    return _Part(pack(activations, samples), codes, active, dead & (active > 0))


def _constant(parts: dict[int, list[_Part | None]], number: int) -> NDArray[np.bool_]:
    found = [ends[number] for ends in parts.values()]
    constant: NDArray[np.bool_] = np.any([each.constant for each in found if each is not None], axis=0)
    return constant


def _silent(
    parts: dict[int, list[_Part | None]], number: int, means: Sequence[NDArray[np.float32]]
) -> NDArray[np.bool_]:
    """Zero on every sample."""
    found = [ends[number] for ends in parts.values()]
    silent: NDArray[np.bool_] = np.all([each.active == 0 for each in found if each is not None], axis=0)
    zero: NDArray[np.bool_] = silent & (means[number] == 0)
    return zero


def _column(shard: Shard, layer: int, name: str) -> NDArray[np.float32]:
    values: NDArray[np.float32] = getattr(shard.index.neurons, name)[shard.rows(layer, 1)]
    return values


def _weighted(columns: Sequence[NDArray[np.float32]], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.zeros(len(columns[0]))
    for share, column in zip(shares, columns, strict=True):
        mean += share * column
    return mean
