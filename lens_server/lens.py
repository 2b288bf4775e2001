"""The library in one class (interface first; the body follows)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lens_server.answers import (
    IndexSummary, Label, NeuronCard, NeuronComparison, NeuronPage, Pair, Query, SearchAnswer, SetComparison, Unexpected, Where,
)


class Lens:
    """An opened index. Thread-safe: answers depend on nothing but the question."""

    name: str

    @classmethod
    def open(cls, path: str | Path) -> "Lens": ...
    def describe(self) -> IndexSummary: ...
    def neurons(self, where: Where = Where(), *, page_size: int = 100, page_token: str = "") -> NeuronPage: ...
    def neuron(self, neuron_id: str, *, exemplars: int = 30, thumbnails: bool = False, similar: int = 5) -> NeuronCard: ...
    def search(self, queries: str | Query | Sequence[str | Query], where: Where = Where(), *, limit: int = 10,
               templates: Sequence[str] | None = None, exact: bool = False) -> tuple[SearchAnswer, ...]: ...
    def compare(self, a: str, b: str) -> NeuronComparison: ...          # two neurons
    def compare_layers(self, a: str, b: str, *, limit: int = 20) -> SetComparison: ...   # two layers of this index
    def diff(self, other: "Lens", *, limit: int = 20) -> SetComparison: ...   # whole indexes, same space digest
    def label(self, vocabulary: Sequence[str] | None = None, where: Where = Where(), *, alternatives: int = 5,
              alpha: float = 0.05, min_clarity: float | None = None, templates: Sequence[str] | None = None) -> Iterator[Label]: ...
    def unexpected(self, vocabulary: Sequence[str] | None = None, where: Where = Where(), *, limit: int = 10) -> tuple[Unexpected, ...]: ...
    def redundancy(self, layer: str, *, limit: int = 20) -> tuple[Pair, ...]: ...   # most redundant pairs of a layer
