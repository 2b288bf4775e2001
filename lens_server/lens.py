"""The library in one class: open an index, ask."""

import threading
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from indexer.domain.neurons import NeuronId
from indexer.engines.choosing import open_engine
from indexer.engines.engine import Engine
from indexer.engines.exact import ExactEngine
from indexer.errors import InvalidInput, NotFound
from indexer.index.files import ENGINE
from indexer.index.reader import Index
from lens_server.answers import (
    Hit,
    IndexSummary,
    Label,
    NeuronCard,
    NeuronComparison,
    NeuronPage,
    Pair,
    Query,
    SearchAnswer,
    SetComparison,
    Unexpected,
    Where,
)
from lens_server.changes import ConceptDiff
from lens_server.overviews import ConceptMap, Coverage, Series
from lens_server.queries.asked import checked_query, checked_vector
from lens_server.queries.compare import compare_neurons, compare_sets
from lens_server.queries.concept_map import MOST, concept_map
from lens_server.queries.concepts import diff_concepts
from lens_server.queries.coverage import coverage
from lens_server.queries.everywhere import search_everywhere, usual_z
from lens_server.queries.filters import rows_where
from lens_server.queries.label import LabelSettings, label, unexpected
from lens_server.queries.limits import checked
from lens_server.queries.neurons import exemplars_of, neuron_at, page, range_of, relevance_of
from lens_server.queries.redundant import redundant_pairs
from lens_server.queries.search import Probe, search
from lens_server.queries.series import series
from lens_server.queries.sides import Side
from lens_server.queries.significance import Significance
from lens_server.queries.summary import summarise
from lens_server.text_lens import ANYWHERE, TextLens
from lens_server.vocabularies import check_vocabulary, control_words, read_vocabulary
from lens_server.words import Words


class Lens:
    """An opened index. Thread-safe; the same question has the same answer whatever was asked before."""

    def __init__(self, index: Index, name: str, *, trust_pickle: bool = False) -> None:
        self.name = name
        self._index = index
        self._words = Words(index.manifest.foundation_model, trust_pickle=trust_pickle)
        self._significance = Significance(index)
        self._exact = ExactEngine("", vectors=index.concept_vectors)
        self._engine: Engine | None = None
        self._opening = threading.Lock()
        self._rows = lru_cache(maxsize=128)(lambda where: rows_where(index, where))
        self.texts = TextLens(index, self._rows, trust_pickle=trust_pickle)
        """The questions about text neurons: tokens, graphs, predictions."""

    @classmethod
    def open(cls, path: str | Path, *, trust_pickle: bool = False) -> "Lens":
        """Open an index folder; reads neither torch nor the subject. Raises IndexUnusable.

        `trust_pickle` lets queries load a foundation model from pickled weights, which can run code.
        """
        folder = Path(path)
        return cls(Index.open(folder), folder.resolve().name, trust_pickle=trust_pickle)

    @property
    def digest(self) -> str:
        """Changes whenever anything measured does; saved labels are not measured."""
        return self._index.manifest.digest

    @property
    def index(self) -> Index:
        """The opened index itself, for what reads its tables."""
        return self._index

    @property
    def words(self) -> Words:
        """The foundation model's side of the index, loaded when first asked."""
        return self._words

    @cached_property
    def usual_z(self) -> float:
        """What the best neuron's z is for a word that means nothing special here: the median over control words."""
        return usual_z(self.search(control_words(), limit=1))

    def describe(self) -> IndexSummary:
        """What the index holds and where it came from."""
        return summarise(self._index, self.name)

    def neurons(self, where: Where = ANYWHERE, *, page_size: int = 100, page_token: str = "") -> NeuronPage:
        """Neurons in the order of the index, page by page."""
        return page(self._index, self._rows(where), page_size, page_token)

    def neuron(self, neuron_id: str, *, exemplars: int = 30, thumbnails: bool = False, similar: int = 5) -> NeuronCard:
        """All that is stored of a neuron, and its `similar` nearest. Raises NotFound."""
        row, of_texts = self._row(neuron_id), self._index.manifest.kind == "text"
        if thumbnails and of_texts:
            raise NotFound(
                f"{self.name} is an index of text neurons: it holds no pictures.",
                hint="Leave thumbnails out: the card of a text neuron has its snippets.",
            )
        nearest: tuple[Hit, ...] = ()
        if similar and self._index.neurons.exemplar_count[row]:
            nearest = self._nearest(row, similar)
        return NeuronCard(
            neuron=neuron_at(self._index, row),
            exemplars=exemplars_of(self._index, row, exemplars, thumbnails=thumbnails),
            relevance=relevance_of(self._index, row),
            similar=nearest,
            range=range_of(self._index, row, thumbnails=thumbnails),
            snippets=self.texts.snippets(neuron_id, limit=exemplars) if of_texts and exemplars else (),
        )

    def search(  # noqa: PLR0913 - one required, the rest by name
        self,
        queries: str | Query | Sequence[str | Query],
        where: Where = ANYWHERE,
        *,
        limit: int = 10,
        templates: Sequence[str] | None = None,
        exact: bool = False,
        others: Sequence["Lens"] = (),
    ) -> tuple[SearchAnswer, ...]:
        """The neurons best aligned with each query (words, image, neuron, vector or tokens): an answer per query.

        With `others`, also of other embedding spaces, their hits are merged by their excess (`queries.everywhere`).
        """
        asked = [checked_query(each) for each in ([queries] if isinstance(queries, (str, Query)) else queries)]
        if not asked:
            raise InvalidInput("There is no query.", hint="Ask for something, e.g. 'ruler'.")
        if others:
            lenses = (self, *others)
            return search_everywhere(lenses, asked, where, limit=limit, templates=templates, exact=exact)
        probes = self._probes([each for each in asked if each.tokens is None], templates)
        engine = self._exact if exact else self._opened_engine()
        found = iter(search(self._index, engine, self._significance, probes, self._rows(where), limit))
        return tuple(
            next(found) if each.tokens is None else self.texts.search(each.tokens, where, limit=limit) for each in asked
        )

    def compare(self, a: str, b: str) -> NeuronComparison:
        """Two neurons side by side."""
        return compare_neurons(self._index, self._row(a), self._row(b))

    def compare_layers(self, a: str, b: str, *, limit: int = 20) -> SetComparison:
        """Two layers of this index: what each knows of the other."""
        rows_a, rows_b = self._rows(Where(layers=(a,))), self._rows(Where(layers=(b,)))
        return compare_sets(self._index, rows_a, self._index, rows_b, (a, b), checked("limit", limit))

    def diff(self, other: "Lens", *, limit: int = 20) -> SetComparison:
        """This whole index and another of the same embedding space."""
        rows_a, rows_b = self._rows(ANYWHERE), other._rows(ANYWHERE)
        return compare_sets(self._index, rows_a, other._index, rows_b, (self.name, other.name), checked("limit", limit))

    def diff_concepts(
        self, other: "Lens", vocabulary: str | Sequence[str] | None = None, *, alpha: float = 0.05
    ) -> ConceptDiff:
        """What became of each entry of the vocabulary (by default the general list) from this index to another."""
        entries = self._vocabulary(vocabulary)
        a, b = _sides(self, other)
        return diff_concepts(a, b, entries, self._words.vocabulary(entries), _checked_alpha(alpha))

    def coverage(
        self, vocabulary: str | Sequence[str] | None = None, others: Sequence["Lens"] = (), *, alpha: float = 0.05
    ) -> Coverage:
        """Which entries of the vocabulary each layer of this index, and of others beside it, has neurons for."""
        entries = self._vocabulary(vocabulary)
        return coverage(_sides(self, *others), entries, self._words.vocabulary(entries), _checked_alpha(alpha))

    def series(
        self, later: Sequence["Lens"], vocabulary: str | Sequence[str] | None = None, *, alpha: float = 0.05
    ) -> Series:
        """What became of each entry of the vocabulary over checkpoints: this index and the later ones, in order."""
        entries = self._vocabulary(vocabulary)
        return series(_sides(self, *later), entries, self._words.vocabulary(entries), _checked_alpha(alpha))

    def concept_map(
        self,
        vocabulary: str | Sequence[str] | None = None,
        others: Sequence["Lens"] = (),
        *,
        alpha: float = 0.05,
        points: int = MOST,
    ) -> ConceptMap:
        """The alive neurons of this index, and of others with it, in a plane, labelled. Needs `lens[plots]`."""
        entries = self._vocabulary(vocabulary)
        probes = self._words.vocabulary(entries)
        return concept_map(_sides(self, *others), entries, probes, _checked_alpha(alpha), points)

    def label(  # noqa: PLR0913 - one required, the rest by name
        self,
        vocabulary: str | Sequence[str] | None = None,
        where: Where = ANYWHERE,
        *,
        alternatives: int = 5,
        alpha: float = 0.05,
        min_clarity: float | None = None,
        templates: Sequence[str] | None = None,
    ) -> Iterator[Label]:
        """A name from the vocabulary (by default the general list) for every neuron, or why there is none."""
        settings = LabelSettings(checked("alternatives", alternatives), _checked_alpha(alpha), min_clarity)
        entries = self._vocabulary(vocabulary)
        rows = self._rows(where)
        return label(
            self._index, self._significance, rows, entries, self._words.vocabulary(entries, templates), settings
        )

    def unexpected(
        self, vocabulary: str | Sequence[str] | None = None, where: Where = ANYWHERE, *, limit: int = 10
    ) -> tuple[Unexpected, ...]:
        """Clear, alive neurons that no vocabulary entry describes, the strangest first."""
        entries = self._vocabulary(vocabulary)
        return unexpected(
            self._index,
            self._significance,
            self._rows(where),
            entries,
            self._words.vocabulary(entries),
            checked("limit", limit),
        )

    def redundancy(self, layer: str, *, limit: int = 20) -> tuple[Pair, ...]:
        """The most similar pairs of neurons of a layer."""
        return redundant_pairs(self._index, self._rows(Where(layers=(layer,))), checked("limit", limit))

    def _row(self, neuron_id: str) -> int:
        return self._index.neurons.row(NeuronId.parse(neuron_id))

    def _nearest(self, row: int, count: int) -> tuple[Hit, ...]:
        others = self._rows(ANYWHERE)
        probe = Probe("", np.asarray(self._index.concept_vectors[row]))
        answer = search(self._index, self._opened_engine(), self._significance, [probe], others[others != row], count)
        return answer[0].hits

    def _vocabulary(self, vocabulary: str | Sequence[str] | None) -> tuple[str, ...]:
        entries = (
            read_vocabulary(vocabulary or "general")
            if vocabulary is None or isinstance(vocabulary, str)
            else tuple(vocabulary)
        )
        check_vocabulary(entries)
        return entries

    def _opened_engine(self) -> Engine:
        with self._opening:
            if self._engine is None:
                self._engine = open_engine(
                    self._index.manifest.engine, self._index.concept_vectors, self._index.folder / ENGINE
                )
            return self._engine

    def _probes(self, queries: Sequence[Query], templates: Sequence[str] | None) -> list[Probe]:
        texts = [query.text for query in queries if query.text is not None]
        embedded = iter(self._words.texts(texts, templates)) if texts else iter(())
        return [
            Probe(query.text.strip(), next(embedded)) if query.text is not None else self._probe(query)
            for query in queries
        ]

    def _probe(self, query: Query) -> Probe:
        if query.image is not None:
            return Probe("image", self._words.images([query.image]))
        if query.neuron is not None:
            row = self._row(query.neuron)
            if not self._index.neurons.exemplar_count[row]:
                raise InvalidInput(f"{query.neuron} is dead: it has no vector to search with.")
            return Probe(f"neuron {query.neuron}", np.asarray(self._index.concept_vectors[row]))
        return Probe("vector", checked_vector(query.vector or (), self._index.manifest.foundation_model.dimension))


def _sides(*lenses: Lens) -> list[Side]:
    return [Side(each.name, each._index, each._significance, each._rows(ANYWHERE)) for each in lenses]


def _checked_alpha(alpha: float) -> float:
    if not 0 < alpha < 1:
        raise InvalidInput(f"alpha is {alpha}; it lies between 0 and 1.")
    return alpha
