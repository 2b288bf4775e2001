"""An index's neurons in blocks, a block's graphs as tables, and where they wait until all are there."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.graphs.making import TOGETHER
from indexer.graphs.settings import Made
from indexer.index.files import GRAPH_SCORE_TABLE
from indexer.index.graphs import graph_table
from indexer.index.reader import NeuronTable
from indexer.whole import whole_file

_BEGUN = "begun.json"


@dataclass(frozen=True)
class Block:
    """Neurons of one layer that are made together; the same whatever else is asked for."""

    layer: str
    first: int
    """Row of the first of them, …"""
    stop: int
    """… and the one after the last."""

    def __len__(self) -> int:
        return self.stop - self.first


@dataclass(frozen=True)
class Tables:
    """Graphs and their scores."""

    graphs: pa.Table
    scores: pa.Table


def blocks_of(neurons: NeuronTable, layers: Sequence[str]) -> list[Block]:
    """Blocks of these layers, in the order of the index."""
    found = []
    for number, layer in enumerate(neurons.layers):
        start, stop = int(neurons.starts[number]), int(neurons.starts[number + 1])
        if layer in layers:
            found += [Block(layer, first, min(first + TOGETHER, stop)) for first in range(start, stop, TOGETHER)]
    return found


def tables_of(made: Iterable[Made]) -> Tables:
    """What came of neurons, by their rows."""
    found = sorted(made, key=lambda each: each.row)
    columns = {
        "neuron": [each.row for each in found],
        "precision": [each.scores.firing.precision for each in found],
        "recall": [each.scores.firing.recall for each in found],
        "f1": [each.scores.firing.f1 for each in found],
        "pearson": [each.scores.pearson for each in found],
        "baseline_f1": [each.scores.baseline_f1 for each in found],
        "baseline_pearson": [each.scores.baseline_pearson for each in found],
        "examples": [each.scores.examples for each in found],
        "failed": [each.failed for each in found],
    }
    return Tables(graph_table({each.row: each.graph for each in found}), pa.table(columns, schema=GRAPH_SCORE_TABLE))


def joined(parts: Sequence[Tables]) -> Tables:
    """Tables of several blocks as one, by rows."""
    graphs, scores = pa.concat_tables([each.graphs for each in parts]), pa.concat_tables([e.scores for e in parts])
    # A graph's paths stay in their order: the sort is stable.
    order = np.argsort(np.asarray(graphs["neuron"]), kind="stable")
    return Tables(graphs.take(order).combine_chunks(), scores.sort_by("neuron").combine_chunks())


class Waiting:
    """Finished blocks in a folder; a block is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, asked: object) -> None:
        """Go on with what lies there when it was asked for in the same way, else forget it."""
        text = json.dumps(asked, sort_keys=True)
        known = self._folder / _BEGUN
        if known.is_file() and known.read_text(encoding="utf-8") == text:
            return
        known.unlink(missing_ok=True)
        for path in self._folder.glob("*.parquet"):
            path.unlink()
        with whole_file(known) as file:
            file.write(text.encode())

    def has(self, block: Block) -> bool:
        """Whether a block is finished."""
        return self._paths(block)[1].is_file()

    def put(self, block: Block, tables: Tables) -> None:
        """Keep a finished block; its scores are written last and tell that it is whole."""
        for path, table in zip(self._paths(block), (tables.graphs, tables.scores), strict=True):
            with whole_file(path) as file:
                pq.write_table(table, file)

    def take(self, block: Block) -> Tables:
        """A finished block."""
        graphs, scores = self._paths(block)
        return Tables(pq.read_table(graphs), pq.read_table(scores))

    def _paths(self, block: Block) -> tuple[Path, Path]:
        return self._folder / f"{block.first}.graphs.parquet", self._folder / f"{block.first}.scores.parquet"
