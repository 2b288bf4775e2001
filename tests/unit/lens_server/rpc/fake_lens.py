"""A lens with made-up answers: the same answer to the same question, and a record of what was asked."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from indexer.errors import InvalidInput, NotFound
from lens_server.answers import (
    Alternative,
    Box,
    Exemplar,
    Hit,
    IndexSummary,
    Label,
    LayerSummary,
    Neuron,
    NeuronCard,
    NeuronComparison,
    NeuronPage,
    Pair,
    Query,
    RangeSample,
    Relevance,
    SearchAnswer,
    SetComparison,
    Span,
    State,
    Unexpected,
    Where,
)
from lens_server.changes import ConceptChange, ConceptDiff, ConceptStrength, Trend
from lens_server.overviews import (
    Checkpoint,
    ConceptCourse,
    ConceptMap,
    ConceptPoint,
    Coverage,
    CoveredConcept,
    IndexCoverage,
    LayerCoverage,
    LayerHealth,
    MapPoint,
    Series,
    SeriesStep,
)

LAYERS = ("conv", "head")
UNITS = 12
EXEMPLARS = 7


class FakeLens:
    """As `Lens`, without an index."""

    def __init__(self, name: str = "fake", *, error: Exception | None = None, label_pause: float = 0.0) -> None:
        self.name = name
        self.error = error
        """Raised by every question, where set."""
        self.label_pause = label_pause
        """Seconds each label takes."""
        self.open_gate = threading.Event()
        """Searches wait for it."""
        self.open_gate.set()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.labels_made = 0
        self.labels_closed = threading.Event()

    def describe(self) -> IndexSummary:
        """A summary of nothing real."""
        layers = tuple(LayerSummary(name, UNITS, False, 9, 1, 1, 1, 0.4, None) for name in LAYERS)
        return IndexSummary(
            self.name, f"digest-{self.name}", 1, "2026-01-01T00:00:00Z", "fake:subject", "s0", "fake:data", "d0",
            100, 2, 1, "fake:model", "p0", 4, EXEMPLARS, UNITS * len(LAYERS), ("ruler", "hair"), layers,
        )  # fmt: skip

    def neurons(self, where: Where = Where(), *, page_size: int = 100, page_token: str = "") -> NeuronPage:
        """A page of the neurons in the layers asked for."""
        self._note("neurons", where=where, page_size=page_size, page_token=page_token)
        found = self._passing(where)
        start = int(page_token or 0)
        stop = start + page_size
        return NeuronPage(tuple(found[start:stop]), str(stop) if stop < len(found) else "", len(found))

    def neuron(self, neuron_id: str, *, exemplars: int = 30, thumbnails: bool = False, similar: int = 5) -> NeuronCard:
        """A card of a made-up neuron; those of `head` are of text."""
        self._note("neuron", exemplars=exemplars, thumbnails=thumbnails, similar=similar)
        neuron = self._find(neuron_id)
        ranks = range(min(exemplars, EXEMPLARS))
        shown = tuple(_exemplar(neuron, rank, b"\xff\xd8" if thumbnails else None) for rank in ranks)
        relevance = (Relevance("ruler", -0.25, 0.5), Relevance("hair", 0.1, 0.2))
        similars = _hits(self._passing(Where()), "similar", similar)
        return NeuronCard(neuron, shown, relevance, similars, (RangeSample(50.0, "sample-9", 0.25, None, None),))

    def search(
        self,
        queries: str | Query | Sequence[str | Query],
        where: Where = Where(),
        *,
        limit: int = 10,
        templates: Sequence[str] | None = None,
        exact: bool = False,
        others: Sequence["FakeLens"] = (),
    ) -> tuple[SearchAnswer, ...]:
        """Hits that depend on the query's name; those of several indexes say which."""
        self._note("search", where=where, limit=limit, templates=templates, exact=exact)
        self.open_gate.wait(10)
        asked = [queries] if isinstance(queries, str | Query) else list(queries)
        found = self._passing(where)
        index = "+".join(each.name for each in (self, *others)) if others else ""
        return tuple(
            SearchAnswer(
                _said(each), tuple(replace(hit, index=index) for hit in _hits(found, _said(each), limit)), len(found)
            )
            for each in asked
        )

    def compare(self, a: str, b: str) -> NeuronComparison:
        """Two neurons side by side."""
        self._note("compare", a=a, b=b)
        return NeuronComparison(self._find(a), self._find(b), 1 / 3, ("sample-1", "sample-2"))

    def compare_layers(self, a: str, b: str, *, limit: int = 20) -> SetComparison:
        """Two layers."""
        self._note("compare_layers", limit=limit)
        if unknown := {a, b} - set(LAYERS):
            raise NotFound(f"No layer named {sorted(unknown)[0]!r}.")
        return _sets(a, b, limit)

    def diff(self, other: "FakeLens", *, limit: int = 20) -> SetComparison:
        """Two indexes."""
        self._note("diff", limit=limit)
        return _sets(self.name, other.name, limit)

    def diff_concepts(
        self, other: "FakeLens", vocabulary: str | Sequence[str] | None = None, *, alpha: float = 0.05
    ) -> ConceptDiff:
        """A change for each word, in turn."""
        self._note("diff_concepts", vocabulary=vocabulary, alpha=alpha)
        return ConceptDiff(self.name, other.name, 9, 8, 3, 2, 4, tuple(_changes(_words(vocabulary))))

    def coverage(
        self, vocabulary: str | Sequence[str] | None = None, others: Sequence["FakeLens"] = (), *, alpha: float = 0.05
    ) -> Coverage:
        """Each word names a neuron of the first layer; the second has too few."""
        self._note("coverage", vocabulary=vocabulary, alpha=alpha)
        words = tuple(_words(vocabulary))
        known = tuple(CoveredConcept(each, 1, 1 / 9, "conv/2", 0.3, 0.01) for each in words)
        few = CoveredConcept(words[0], 1, None, "head/2", 0.2, 0.02)
        layers = (LayerCoverage("conv", 9, len(words), False, known), LayerCoverage("head", 2, 1, True, (few,)))
        return Coverage(tuple(IndexCoverage(each.name, 11, 4, layers) for each in (self, *others)), words, 5)

    def series(
        self, later: Sequence["FakeLens"], vocabulary: str | Sequence[str] | None = None, *, alpha: float = 0.05
    ) -> Series:
        """A word that each checkpoint knows better."""
        self._note("series", vocabulary=vocabulary, alpha=alpha)
        names = [self.name, *(each.name for each in later)]
        health = (LayerHealth("conv", 12, 9, 0.75, 0.4), LayerHealth("head", 12, 0, 0.0, None))
        points = [ConceptPoint(ConceptStrength(1, 1 / 9, "conv/2", 0.3, 5.0), None, None)]
        points += [ConceptPoint(ConceptStrength(2, 2 / 9, "conv/3", 0.3, None), Trend.SAME, 0.6) for _ in later]
        course = ConceptCourse(_words(vocabulary)[0], names[0], None, tuple(points))
        steps = tuple(SeriesStep(a, b, 2 / 3, 0.5) for a, b in pairwise(names))
        return Series(tuple(Checkpoint(name, 9, 3, health) for name in names), steps, (course,), 2)

    def concept_map(
        self,
        vocabulary: str | Sequence[str] | None = None,
        others: Sequence["FakeLens"] = (),
        *,
        alpha: float = 0.05,
        points: int = 5000,
    ) -> ConceptMap:
        """The neurons in a row, every third without a name."""
        self._note("concept_map", vocabulary=vocabulary, alpha=alpha, points=points)
        names = tuple(each.name for each in (self, *others))
        places = [
            MapPoint(name, neuron, at / 24, -at / 48, *((None, None) if at % 3 else (_words(vocabulary)[0], 0.3)))
            for name in names
            for at, neuron in enumerate(self._passing(Where(states=(State.ALIVE,))))
        ]
        return ConceptMap(names, 99, 7.5, tuple(places[:points]))

    def label(
        self,
        vocabulary: str | Sequence[str] | None = None,
        where: Where = Where(),
        *,
        alternatives: int = 5,
        alpha: float = 0.05,
        min_clarity: float | None = None,
        templates: Sequence[str] | None = None,
    ) -> Iterator[Label]:
        """A label per neuron; every fourth abstains."""
        self._note("label", vocabulary=vocabulary, alternatives=alternatives, alpha=alpha, min_clarity=min_clarity)
        words = _words(vocabulary)
        try:
            for at, neuron in enumerate(self._passing(where)):
                time.sleep(self.label_pause)
                self.labels_made += 1
                yield _label(neuron, words[:alternatives], named=at % 4 != 3)
        finally:
            self.labels_closed.set()

    def unexpected(
        self, vocabulary: str | Sequence[str] | None = None, where: Where = Where(), *, limit: int = 10
    ) -> tuple[Unexpected, ...]:
        """The first neurons."""
        self._note("unexpected", vocabulary=vocabulary, limit=limit)
        nearest = Alternative(_words(vocabulary)[0], 0.07)
        return tuple(Unexpected(neuron, nearest) for neuron in self._passing(where)[:limit])

    def redundancy(self, layer: str, *, limit: int = 20) -> tuple[Pair, ...]:
        """Neighbouring units."""
        self._note("redundancy", layer=layer, limit=limit)
        return tuple(Pair(f"{layer}/{at}", f"{layer}/{at + 1}", 0.9 - at / 100) for at in range(min(limit, UNITS - 1)))

    def _note(self, verb: str, **options: Any) -> None:
        self.asked.append((verb, options))
        if self.error is not None:
            raise self.error

    def _passing(self, where: Where) -> list[Neuron]:
        neurons = [_neuron(layer, unit) for layer in LAYERS for unit in range(UNITS)]
        kept = [each for each in neurons if not where.layers or each.layer in where.layers]
        if where.min_clarity is not None:
            kept = [each for each in kept if each.clarity is not None and each.clarity >= where.min_clarity]
        return [each for each in kept if (each.state in where.states if where.states else each.state != State.DEAD)]

    def _find(self, neuron_id: str) -> Neuron:
        layer, _, unit = neuron_id.rpartition("/")
        if layer not in LAYERS or not unit.isdigit() or int(unit) >= UNITS:
            raise NotFound(f"No neuron {neuron_id!r} in this index.", hint="Ids are layer/unit, e.g. 'conv/0'.")
        return _neuron(layer, int(unit))


def _neuron(layer: str, unit: int) -> Neuron:
    state = State.DEAD if unit == 0 else State.ALWAYS_ON if unit == 1 else State.ALIVE
    known = None if state is State.DEAD else unit / 7
    return Neuron(f"{layer}/{unit}", layer, unit, 1, state, unit / UNITS, unit * 1.1, EXEMPLARS, known, known, None)


def _exemplar(neuron: Neuron, rank: int, thumbnail: bytes | None) -> Exemplar:
    is_text = neuron.layer == "head"
    box = None if is_text or rank == 0 else Box(0.0, 0.1, 2 / 3, 1.0)
    span = Span(rank, rank + 3) if is_text else None
    return Exemplar(f"sample-{rank}", rank, 5.0 / (rank + 1), "ruler" if rank % 2 else None, box, span, thumbnail)


def _said(query: str | Query) -> str:
    if isinstance(query, str):
        return query
    if query.text is not None:
        return query.text
    if query.neuron is not None:
        return f"neuron {query.neuron}"
    return "image" if query.image is not None else "vector"


def _hits(neurons: list[Neuron], query: str, limit: int) -> tuple[Hit, ...]:
    shift = sum(map(ord, query)) % 97 / 970
    return tuple(
        Hit(neuron, 0.9 - at / 100 - shift, None if at == 1 else 3.1 - at, 0.01 * (at + 1))
        for at, neuron in enumerate(neurons[:limit])
    )


def _words(vocabulary: str | Sequence[str] | None) -> Sequence[str]:
    if vocabulary is not None and not vocabulary:
        raise InvalidInput("The vocabulary is empty.")
    return ("ruler", "hair", vocabulary or "ink") if vocabulary is None or isinstance(vocabulary, str) else vocabulary


def _label(neuron: Neuron, words: Sequence[str], *, named: bool) -> Label:
    found = tuple(Alternative(word, 0.3 - at / 10) for at, word in enumerate(words))
    if not named:
        return Label(neuron, None, None, None, None, found, "clarity")
    return Label(neuron, words[0] if words else "", 0.3, 0.1, 0.004, found, None)


def _changes(words: Sequence[str]) -> Iterator[ConceptChange]:
    for at, word in enumerate(words):
        trend = tuple(Trend)[at % len(Trend)]
        here = ConceptStrength(at, at / 9, f"conv/{at}", 0.3, None) if at else ConceptStrength(0, 0.0, None, None, None)
        yield ConceptChange(word, trend, here, ConceptStrength(1, 1 / 8, "conv/1", 0.4, 7.5), 0.02, ())


def _sets(a: str, b: str, limit: int) -> SetComparison:
    pairs = tuple(Pair(f"{a}/{at}", f"{b}/{at}", at / 11) for at in range(min(limit, 3)))
    return SetComparison(a, b, 11, 11, 2 / 3, 0.5, pairs, (), tuple(reversed(pairs)))
