"""The questions about text neurons: `client.texts`, with the verbs of `Lens.texts`."""

from collections.abc import Awaitable, Callable
from typing import Any

from lens_client.calls import LENS, Call, all_of, query_message, request_message, where_message
from lens_server.answers import Query, SearchAnswer, Snippet, TokenQuery, Where
from lens_server.text_answers import GraphHit, GraphLayer, GraphSummary, Prediction, TokenGraphCard
from lens_server.v1 import lens_service_pb2 as service
from lens_server.wire import from_message


class TextVerbs:
    """Asks about text neurons, one answer at a time."""

    def __init__(self, index: str, ask: Callable[[Call[Any]], Any]) -> None:
        self._index, self._ask = index, ask

    def graph(self, neuron_id: str) -> TokenGraphCard:
        """What a neuron fires on."""
        card: TokenGraphCard = self._ask(graph(self._index, neuron_id))
        return card

    def graphs(self, where: Where = Where(), *, order: str = "parts", limit: int = 20) -> tuple[GraphSummary, ...]:
        """Neurons with a graph: `parts`, those of most parts first, or `in-context`, of most such tokens first."""
        found: tuple[GraphSummary, ...] = self._ask(graphs(self._index, where, order, limit))
        return found

    def scores(self) -> tuple[GraphLayer, ...]:
        """How well the graphs of each layer predict their neurons."""
        layers: tuple[GraphLayer, ...] = self._ask(scores(self._index))
        return layers

    def similar(self, neuron_id: str, where: Where = Where(), *, limit: int = 10) -> tuple[GraphHit, ...]:
        """The neurons with the graphs most like that of one."""
        hits: tuple[GraphHit, ...] = self._ask(similar(self._index, neuron_id, where, limit))
        return hits

    def predict(self, neuron_id: str, text: str, *, measured: bool = False) -> Prediction:
        """What a neuron's graph expects on any text; with `measured`, also what the neuron really does."""
        prediction: Prediction = self._ask(predict(self._index, neuron_id, text, measured=measured))
        return prediction

    def snippets(self, neuron_id: str, *, limit: int = 30) -> tuple[Snippet, ...]:
        """A neuron's exemplars token by token, strongest first."""
        found: tuple[Snippet, ...] = self._ask(snippets(self._index, neuron_id, limit))
        return found

    def search(self, query: TokenQuery, where: Where = Where(), *, limit: int = 10) -> SearchAnswer:
        """The neurons that fire on these tokens, after this context."""
        answer: SearchAnswer = self._ask(search(self._index, query, where, limit))
        return answer


class AsyncTextVerbs:
    """Asks about text neurons without blocking the event loop."""

    def __init__(self, index: str, ask: Callable[[Call[Any]], Awaitable[Any]]) -> None:
        self._index, self._ask = index, ask

    async def graph(self, neuron_id: str) -> TokenGraphCard:
        """What a neuron fires on."""
        card: TokenGraphCard = await self._ask(graph(self._index, neuron_id))
        return card

    async def graphs(
        self, where: Where = Where(), *, order: str = "parts", limit: int = 20
    ) -> tuple[GraphSummary, ...]:
        """Neurons with a graph: `parts`, those of most parts first, or `in-context`, of most such tokens first."""
        found: tuple[GraphSummary, ...] = await self._ask(graphs(self._index, where, order, limit))
        return found

    async def scores(self) -> tuple[GraphLayer, ...]:
        """How well the graphs of each layer predict their neurons."""
        layers: tuple[GraphLayer, ...] = await self._ask(scores(self._index))
        return layers

    async def similar(self, neuron_id: str, where: Where = Where(), *, limit: int = 10) -> tuple[GraphHit, ...]:
        """The neurons with the graphs most like that of one."""
        hits: tuple[GraphHit, ...] = await self._ask(similar(self._index, neuron_id, where, limit))
        return hits

    async def predict(self, neuron_id: str, text: str, *, measured: bool = False) -> Prediction:
        """What a neuron's graph expects on any text; with `measured`, also what the neuron really does."""
        prediction: Prediction = await self._ask(predict(self._index, neuron_id, text, measured=measured))
        return prediction

    async def snippets(self, neuron_id: str, *, limit: int = 30) -> tuple[Snippet, ...]:
        """A neuron's exemplars token by token, strongest first."""
        found: tuple[Snippet, ...] = await self._ask(snippets(self._index, neuron_id, limit))
        return found

    async def search(self, query: TokenQuery, where: Where = Where(), *, limit: int = 10) -> SearchAnswer:
        """The neurons that fire on these tokens, after this context."""
        answer: SearchAnswer = await self._ask(search(self._index, query, where, limit))
        return answer


def graph(index: str, neuron_id: str) -> Call[TokenGraphCard]:
    """What does it fire on?"""
    return Call(
        LENS + "GetTokenGraph",
        request_message(service.GetTokenGraphRequest, index=index, neuron=neuron_id),
        service.GetTokenGraphResponse,
        lambda response: from_message(response.card, TokenGraphCard),
    )


def graphs(index: str, where: Where, order: str, limit: int) -> Call[tuple[GraphSummary, ...]]:
    """Which graphs have most parts, or most tokens in context?"""
    parts = {"where": where_message(where), "order": order, "limit": limit}
    return Call(
        LENS + "ListTokenGraphs",
        request_message(service.ListTokenGraphsRequest, index=index, **parts),
        service.ListTokenGraphsResponse,
        lambda response: all_of(response.graphs, GraphSummary),
    )


def scores(index: str) -> Call[tuple[GraphLayer, ...]]:
    """How well do graphs predict?"""
    return Call(
        LENS + "ListGraphScores",
        request_message(service.ListGraphScoresRequest, index=index),
        service.ListGraphScoresResponse,
        lambda response: all_of(response.layers, GraphLayer),
    )


def similar(index: str, neuron_id: str, where: Where, limit: int) -> Call[tuple[GraphHit, ...]]:
    """Which neurons have a graph like it?"""
    parts = {"neuron": neuron_id, "where": where_message(where), "limit": limit}
    return Call(
        LENS + "ListSimilarGraphs",
        request_message(service.ListSimilarGraphsRequest, index=index, **parts),
        service.ListSimilarGraphsResponse,
        lambda response: all_of(response.hits, GraphHit),
    )


def predict(index: str, neuron_id: str, text: str, *, measured: bool) -> Call[Prediction]:
    """What will it do on this text?"""
    parts = {"neuron": neuron_id, "passage": text, "measured": measured}
    return Call(
        LENS + "PredictActivations",
        request_message(service.PredictActivationsRequest, index=index, **parts),
        service.PredictActivationsResponse,
        lambda response: from_message(response.prediction, Prediction),
    )


def snippets(index: str, neuron_id: str, limit: int) -> Call[tuple[Snippet, ...]]:
    """Where does it fire most?"""
    return Call(
        LENS + "ListSnippets",
        request_message(service.ListSnippetsRequest, index=index, neuron=neuron_id, limit=limit),
        service.ListSnippetsResponse,
        lambda response: all_of(response.snippets, Snippet),
    )


def search(index: str, query: TokenQuery, where: Where, limit: int) -> Call[SearchAnswer]:
    """Which neurons fire on these tokens?"""
    queries = [query_message(Query(tokens=query))]
    parts = {"queries": queries, "where": where_message(where), "limit": limit}
    return Call(
        LENS + "SearchNeurons",
        request_message(service.SearchNeuronsRequest, index=index, **parts),
        service.SearchNeuronsResponse,
        lambda response: from_message(response.answers[0], SearchAnswer),
    )
