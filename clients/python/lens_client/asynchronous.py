"""The client for asyncio."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import TypeVar

import grpc
import grpc.aio

from lens_client import auditing, calls
from lens_client.address import parse
from lens_client.auditing import Given, Listener, Material, OnProgress
from lens_client.channel import OPTIONS, Methods
from lens_client.errors import server_error
from lens_client.texts import AsyncTextVerbs
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


class AsyncLensClient:
    """A served lens, asked without blocking the event loop."""

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
        self._credentials = credentials
        self._opened: grpc.aio.Channel | None = None
        self._methods = Methods()
        self.texts = AsyncTextVerbs(self._index, self._ask)
        """The questions about text neurons: tokens, graphs, predictions."""

    async def indexes(self) -> tuple[IndexSummary, ...]:
        """All indexes of the server, by name."""
        return await self._ask(calls.indexes())

    async def describe(self) -> IndexSummary:
        """What the index holds and where it came from."""
        return await self._ask(calls.describe(self._index))

    async def neurons(self, where: Where = Where(), *, page_size: int = 100, page_token: str = "") -> NeuronPage:
        """A page of neurons in the order of the index."""
        return await self._ask(calls.neurons(self._index, where, page_size=page_size, page_token=page_token))

    async def neuron(
        self, neuron_id: str, *, exemplars: int = 30, thumbnails: bool = False, similar: int = 5
    ) -> NeuronCard:
        """All that is stored of one neuron."""
        options = {"exemplars": exemplars, "thumbnails": thumbnails, "similar": similar}
        return await self._ask(calls.neuron(self._index, neuron_id, **options))

    async def exemplars(
        self, neuron_id: str, *, thumbnails: bool | None = None, page_size: int = 30
    ) -> AsyncIterator[Exemplar]:
        """All exemplars of a neuron, strongest first, fetched page by page; with their images where there are any."""
        token, is_last = "", False
        while not is_last:
            options = {"thumbnails": thumbnails, "page_size": page_size, "page_token": token}
            page, token = await self._ask(calls.exemplars(self._index, neuron_id, **options))
            for each in page:
                yield each
            is_last = not token

    async def search(
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
        return await self._ask(calls.search(self._index, queries, where, **options))

    async def compare(self, a: str, b: str) -> NeuronComparison:
        """Two neurons side by side."""
        return await self._ask(calls.compare(self._index, a, b))

    async def compare_layers(self, a: str, b: str, *, limit: int = 20) -> SetComparison:
        """Two layers of the index."""
        return await self._ask(calls.compare_layers(self._index, a, b, limit))

    async def diff(self, other_index: str, *, limit: int = 20) -> SetComparison:
        """This index and another of the same server, by its name."""
        return await self._ask(calls.diff(self._index, other_index, limit))

    async def diff_concepts(
        self, other_index: str, vocabulary: str | Sequence[str] | None = None, *, alpha: float = 0.05
    ) -> ConceptDiff:
        """What became of each concept from this index to another of the same server, by its name."""
        return await self._ask(calls.diff_concepts(self._index, other_index, vocabulary, alpha))

    async def coverage(
        self, vocabulary: str | Sequence[str] | None = None, others: Sequence[str] = (), *, alpha: float = 0.05
    ) -> Coverage:
        """Which concepts each layer of this index knows, and of others of the same server, by their names."""
        return await self._within(None, calls.coverage(self._index, vocabulary, others, alpha))

    async def series(
        self, later: Sequence[str], vocabulary: str | Sequence[str] | None = None, *, alpha: float = 0.05
    ) -> Series:
        """What became of concepts over checkpoints: this index, then the later ones, by their names."""
        return await self._within(None, calls.series(self._index, later, vocabulary, alpha))

    async def concept_map(
        self,
        vocabulary: str | Sequence[str] | None = None,
        others: Sequence[str] = (),
        *,
        alpha: float = 0.05,
        points: int = 5000,
    ) -> ConceptMap:
        """The alive neurons of this index, and of others of the same server, in a plane, labelled."""
        options = {"alpha": alpha, "points": points}
        return await self._within(None, calls.concept_map(self._index, vocabulary, others, **options))

    async def audit(
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
        async with aclosing(self._stream(call, timeout)) as events:
            async for event in events:
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
    ) -> AsyncIterator[Label]:
        """A name for each neuron, as they come; leaving the loop early cancels the rest."""
        options = {"alternatives": alternatives, "alpha": alpha, "min_clarity": min_clarity}
        sentences = calls.templates_message(templates)
        return self._stream(calls.label(self._index, vocabulary, where, templates=sentences, **options))

    async def unexpected(
        self, vocabulary: str | Sequence[str] | None = None, where: Where = Where(), *, limit: int = 10
    ) -> tuple[Unexpected, ...]:
        """Clear, alive neurons that no vocabulary entry describes."""
        return await self._ask(calls.unexpected(self._index, vocabulary, where, limit))

    async def redundancy(self, layer: str, *, limit: int = 20) -> tuple[Pair, ...]:
        """The most redundant pairs of a layer."""
        return await self._ask(calls.redundancy(self._index, layer, limit))

    async def close(self) -> None:
        """Let go of the connection."""
        if self._opened is not None:
            await self._opened.close(None)

    async def __aenter__(self) -> "AsyncLensClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _channel(self) -> grpc.aio.Channel:
        """Opened by the first call: a channel belongs to the event loop that runs then."""
        if self._opened is None:
            self._opened = (
                grpc.aio.insecure_channel(self._target, OPTIONS)
                if self._credentials is None
                else grpc.aio.secure_channel(self._target, self._credentials, OPTIONS)
            )
        return self._opened

    async def _ask(self, call: calls.Call[A]) -> A:
        return await self._within(self._timeout, call)

    async def _within(self, timeout: float | None, call: calls.Call[A]) -> A:
        try:
            method = self._methods.get(call, self._channel().unary_unary)
            return call.read(await method(call.request, timeout=timeout))
        except grpc.RpcError as failure:
            raise server_error(failure, self._target, timeout) from None

    async def _stream(self, call: calls.Call[tuple[A, ...]], timeout: float | None = None) -> AsyncGenerator[A, None]:
        responses = self._methods.get(call, self._channel().unary_stream)(call.request, timeout=timeout)
        try:
            async for response in responses:
                for each in call.read(response):
                    yield each
        except grpc.RpcError as failure:
            raise server_error(failure, self._target, timeout) from None
        finally:
            responses.cancel()
