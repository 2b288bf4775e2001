"""What an index of texts holds besides that of images: passages, tokens, heat, held-out examples, graphs."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.domain.token_graphs import TokenGraph
from indexer.errors import IndexUnusable, NotFound
from indexer.index import files
from indexer.index.graphs import graphs_of, read_graphs
from indexer.index.reader import Index


class HeldOut(NamedTuple):
    """The strongest examples of a neuron among held-out passages, strongest first."""

    samples: NDArray[np.int32]
    tokens: NDArray[np.int32]
    """Where in the passage."""
    activations: NDArray[np.float32]
    embeddings: NDArray[np.int32]


class Texts:
    """The text side of an opened index. Raises IndexUnusable for an index of images."""

    def __init__(self, index: Index) -> None:
        if index.manifest.kind != "text":
            raise IndexUnusable(
                f"{index.folder} is an index of {index.manifest.kind} neurons: it holds no tokens.",
                hint="Ask an index that was built with a text subject.",
            )
        self.index = index

    @cached_property
    def pieces(self) -> tuple[bytes, ...]:
        """What each token of the vocabulary stands for."""
        return tuple(pq.read_table(self.index.folder / files.TOKENS, columns=["piece"])["piece"].to_pylist())

    def passage(self, sample: int) -> tuple[int, ...]:
        """Tokens of a passage; raises NotFound for one that no example is of."""
        place = int(np.searchsorted(self._samples, sample))
        if place == len(self._samples) or self._samples[place] != sample:
            raise NotFound(f"Sample {sample} has no stored tokens.")
        return tuple(self._passages["tokens"][place].as_py())

    def heat(self, row: int) -> list[list[float]]:
        """For each exemplar of the neuron in a row, the activation of every token in its span."""
        first, count = int(self.index.neurons.first_exemplar[row]), int(self.index.neurons.exemplar_count[row])
        found: list[list[float]] = self._heat.slice(first, count)["activations"].to_pylist()
        return found

    def held_out(self, row: int) -> HeldOut:
        """Held-out examples of the neuron in a row."""
        start, stop = np.searchsorted(self._held_neurons, [row, row + 1])
        part = self._held.slice(int(start), int(stop - start))
        return HeldOut(*(np.asarray(part[name]) for name in ("sample", "token", "activation", "embedding")))

    @cached_property
    def survey(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float16]]:
        """Samples, tokens and embeddings [places] of the survey, and activations [places, neurons]."""
        table = pq.read_table(self.index.folder / files.TEXT_SURVEY)
        values = np.load(self.index.folder / files.TEXT_SURVEY_ACTIVATIONS, mmap_mode="r")
        return np.asarray(table["sample"]), np.asarray(table["token"]), np.asarray(table["embedding"]), values

    @cached_property
    def graph_tables(self) -> tuple[pa.Table, pa.Table] | None:
        """Paths and scores as tables; None where no graphs were made. Raises Untrustworthy."""
        return read_graphs(self.index.folder, self.index.manifest)

    def graph(self, row: int) -> TokenGraph:
        """The graph of the neuron in a row, without paths where making one failed; raises NotFound without graphs."""
        return graphs_of(self.made_graphs()[0], row, row).get(row, TokenGraph(()))

    def scores(self, row: int) -> dict[str, object]:
        """Row of graph_scores.parquet of the neuron in a row; raises NotFound."""
        scores = self.made_graphs()[1]
        found = scores.filter(pc.equal(scores["neuron"], row)).to_pylist()
        if not found:
            raise NotFound(
                f"{self.index.neurons.id(row)} has no graph yet.", hint=f"lens graph {self.index.folder} --all"
            )
        scored: dict[str, object] = found[0]
        return scored

    def made_graphs(self) -> tuple[pa.Table, pa.Table]:
        """Paths and scores as tables; raises NotFound, with the command that makes them."""
        if self.graph_tables is None:
            raise NotFound(f"No graphs were made of {self.index.folder}.", hint=f"lens graph {self.index.folder} --all")
        return self.graph_tables

    @cached_property
    def _passages(self) -> pa.Table:
        return pq.read_table(self.index.folder / files.PASSAGES)

    @cached_property
    def _samples(self) -> NDArray[np.int32]:
        return np.asarray(self._passages["sample"])

    @cached_property
    def _heat(self) -> pa.Table:
        return pq.read_table(self.index.folder / files.HEAT)

    @cached_property
    def _held(self) -> pa.Table:
        return pq.read_table(self.index.folder / files.HELD_OUT)

    @cached_property
    def _held_neurons(self) -> NDArray[np.int32]:
        return np.asarray(self._held["neuron"])
