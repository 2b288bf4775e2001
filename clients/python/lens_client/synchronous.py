"""The client for ordinary Python."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from types import TracebackType
from typing import TypeVar

import grpc

from lens_client import auditing, calls
from lens_client.address import parse
from lens_client.auditing import Given, Listener, Material, OnProgress
from lens_client.channel import OPTIONS, Methods
from lens_client.errors import server_error
from lens_client.texts import TextVerbs
from lens_server.answers import (
    Exemplar,
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
from lens_server.report import Report

A = TypeVar("A")


class LensClient:
    """A served lens, asked as if it were opened here. Thread-safe."""

    def __init__(
        self,
        address: str,
        index: str = "",
        *,
        timeout: float | None = 30.0,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """`timeout` is the seconds one answer may take.

        Labels, audits, coverage, series and maps may take as long as they need.
        """
        place = parse(address, index)
        self._target, self._index = place.target, place.index
        self._timeout = timeout
        self._channel = (
            grpc.insecure_channel(self._target, OPTIONS)
            if credentials is None
            else grpc.secure_channel(self._target, credentials, OPTIONS)
        )
        self._methods = Methods()
        self.texts = TextVerbs(self._index, self._ask)
        """The questions about text neurons: tokens, graphs, predictions."""

    def indexes(self) -> tuple[IndexSummary, ...]:
        """All indexes of the server, by name."""
        return self._ask(calls.indexes())

    def describe(self) -> IndexSummary:
        """What the index holds and where it came from."""
        return self._ask(calls.describe(self._index))

    def neurons(self, where: Where = Where(), *, page_size: int = 100, page_token: str = "") -> NeuronPage:
        """A page of neurons in the order of the index."""
        return self._ask(calls.neurons(self._index, where, page_size=page_size, page_token=page_token))

    def neuron(self, neuron_id: str, *, exemplars: int = 30, thumbnails: bool = False, similar: int = 5) -> NeuronCard:
        """All that is stored of one neuron."""
        options = {"exemplars": exemplars, "thumbnails": thumbnails, "similar": similar}
        return self._ask(calls.neuron(self._index, neuron_id, **options))

    def exemplars(self, neuron_id: str, *, thumbnails: bool | None = None, page_size: int = 30) -> Iterator[Exemplar]:
        """All exemplars of a neuron, strongest first, fetched page by page; with their images where there are any."""
        token, is_last = "", False
        while not is_last:
            options = {"thumbnails": thumbnails, "page_size": page_size, "page_token": token}
            page, token = self._ask(calls.exemplars(self._index, neuron_id, **options))
            yield from page
            is_last = not token

    def search(
        self,
        queries: str | Query | Sequence[str | Query],
        where: Where = Where(),
        *,
        limit: int = 10,
        templates: Sequence[str] | None = None,
        exact: bool = False,
        others: Sequence[str] = (),
    ) -> tuple[SearchAnswer, ...]:
        """The neurons that know each query, best first.

        With `others` of the same server, by their names, in all of these indexes together, merged by z.
        """
        sentences = calls.templates_message(templates)
        options = {"limit": limit, "templates": sentences, "exact": exact, "other_indexes": others}
        return self._ask(calls.search(self._index, queries, where, **options))

    def compare(self, a: str, b: str) -> NeuronComparison:
        """Two neurons side by side."""
        return self._ask(calls.compare(self._index, a, b))

    def compare_layers(self, a: str, b: str, *, limit: int = 20) -> SetComparison:
        """Two layers of the index."""
        return self._ask(calls.compare_layers(self._index, a, b, limit))

    def diff(self, other_index: str, *, limit: int = 20) -> SetComparison:
        """This index and another of the same server, by its name."""
        return self._ask(calls.diff(self._index, other_index, limit))

    def diff_concepts(
        self, other_index: str, vocabulary: str | Sequence[str] | None = None, *, alpha: float = 0.05
    ) -> ConceptDiff:
        """What became of each concept from this index to another of the same server, by its name."""
        return self._ask(calls.diff_concepts(self._index, other_index, vocabulary, alpha))

    def coverage(
        self, vocabulary: str | Sequence[str] | None = None, others: Sequence[str] = (), *, alpha: float = 0.05
    ) -> Coverage:
        """Which concepts each layer of this index knows, and of others of the same server, by their names."""
        return self._within(None, calls.coverage(self._index, vocabulary, others, alpha))

    def series(
        self, later: Sequence[str], vocabulary: str | Sequence[str] | None = None, *, alpha: float = 0.05
    ) -> Series:
        """What became of concepts over checkpoints: this index, then the later ones, by their names."""
        return self._within(None, calls.series(self._index, later, vocabulary, alpha))

    def concept_map(
        self,
        vocabulary: str | Sequence[str] | None = None,
        others: Sequence[str] = (),
        *,
        alpha: float = 0.05,
        points: int = 5000,
    ) -> ConceptMap:
        """The alive neurons of this index, and of others of the same server, in a plane, labelled."""
        options = {"alpha": alpha, "points": points}
        return self._within(None, calls.concept_map(self._index, vocabulary, others, **options))

    def audit(
        self,
        rulebook: Given,
        *,
        waivers: Given | None = None,
        baseline: Given | None = None,
        lock: Given | None = None,
        presence: str = "columns",
        interventions: bool = True,
        images: int | None = None,
        warn_only: bool = False,
        strict: bool = False,
        signer: str = "",
        on_progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> Report:
        """Judge the index by a rulebook: a shipped one by name, or one read here, from a path or as YAML."""
        material = Material(rulebook, waivers, baseline, lock)
        options = {"interventions": interventions, "images": images, "warn_only": warn_only, "strict": strict}
        call = auditing.run_audit(self._index, material, presence, signer=signer, **options)
        listener = Listener(on_progress)
        with closing(self._stream(call, timeout)) as events:
            for event in events:
                listener.hear(event)
        return listener.report()

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
        """A name for each neuron, as they come; leaving the loop early cancels the rest."""
        options = {"alternatives": alternatives, "alpha": alpha, "min_clarity": min_clarity}
        sentences = calls.templates_message(templates)
        return self._stream(calls.label(self._index, vocabulary, where, templates=sentences, **options))

    def unexpected(
        self, vocabulary: str | Sequence[str] | None = None, where: Where = Where(), *, limit: int = 10
    ) -> tuple[Unexpected, ...]:
        """Clear, alive neurons that no vocabulary entry describes."""
        return self._ask(calls.unexpected(self._index, vocabulary, where, limit))

    def redundancy(self, layer: str, *, limit: int = 20) -> tuple[Pair, ...]:
        """The most redundant pairs of a layer."""
        return self._ask(calls.redundancy(self._index, layer, limit))

    def close(self) -> None:
        """Let go of the connection."""
        self._channel.close()

    def __enter__(self) -> "LensClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, call: calls.Call[A]) -> A:
        return self._within(self._timeout, call)

    def _within(self, timeout: float | None, call: calls.Call[A]) -> A:
        try:
            return call.read(self._methods.get(call, self._channel.unary_unary)(call.request, timeout=timeout))
        except grpc.RpcError as failure:
            raise server_error(failure, self._target, timeout) from None

    def _stream(self, call: calls.Call[tuple[A, ...]], timeout: float | None = None) -> Generator[A, None, None]:
        responses = self._methods.get(call, self._channel.unary_stream)(call.request, timeout=timeout)
        try:
            for response in responses:
                yield from call.read(response)
        except grpc.RpcError as failure:
            raise server_error(failure, self._target, timeout) from None
        finally:
            responses.cancel()
