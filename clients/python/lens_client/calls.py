"""Each question as a value: method, request, and how to read the answer. What both clients share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from lens_client.errors import LensServerError
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
from lens_server.v1 import audit_service_pb2 as audit
from lens_server.v1 import comparison_pb2, label_pb2, neuron_pb2, query_pb2
from lens_server.v1 import lens_service_pb2 as service
from lens_server.wire import Unreadable, Unsendable, from_message, to_message

A = TypeVar("A")
M = TypeVar("M", bound=Message)
T = TypeVar("T")
LENS = "/lens_server.v1.LensService/"
AUDIT = "/lens_server.v1.AuditService/"


@dataclass(frozen=True)
class Call(Generic[A]):
    """A question ready to be sent."""

    method: str
    request: Message
    response_type: type[Message]
    parse: Callable[[Any], A]

    def read(self, response: Message) -> A:
        """The answer a response holds."""
        try:
            return self.parse(response)
        except Unreadable as fault:
            hint = "The server is newer than this client: update the client."
            raise LensServerError(f"The answer cannot be read: {fault}", hint, "INTERNAL") from fault


def indexes() -> Call[tuple[IndexSummary, ...]]:
    """Which indexes are there?"""
    return Call(
        LENS + "ListIndexes",
        service.ListIndexesRequest(),
        service.ListIndexesResponse,
        lambda response: all_of(response.indexes, IndexSummary),
    )


def describe(index: str) -> Call[IndexSummary]:
    """What does the index hold?"""
    return Call(
        LENS + "GetIndex",
        request_message(service.GetIndexRequest, index=index),
        service.GetIndexResponse,
        lambda response: from_message(response.summary, IndexSummary),
    )


def neurons(index: str, where: Where, **options: Any) -> Call[NeuronPage]:
    """Which neurons are there?"""
    return Call(
        LENS + "ListNeurons",
        request_message(service.ListNeuronsRequest, index=index, where=where_message(where), **options),
        service.ListNeuronsResponse,
        lambda response: from_message(response, NeuronPage),
    )


def neuron(index: str, neuron_id: str, **options: Any) -> Call[NeuronCard]:
    """What is stored of a neuron?"""
    return Call(
        LENS + "GetNeuron",
        request_message(service.GetNeuronRequest, index=index, neuron=neuron_id, **options),
        service.GetNeuronResponse,
        lambda response: from_message(response.card, NeuronCard),
    )


def exemplars(index: str, neuron_id: str, **options: Any) -> Call[tuple[tuple[Exemplar, ...], str]]:
    """What does a neuron respond to? A page, and the token of the next."""
    return Call(
        LENS + "ListExemplars",
        request_message(service.ListExemplarsRequest, index=index, neuron=neuron_id, **options),
        service.ListExemplarsResponse,
        lambda response: (all_of(response.exemplars, Exemplar), response.next_page_token),
    )


def search(
    index: str, queries: str | Query | Sequence[str | Query], where: Where, **options: Any
) -> Call[tuple[SearchAnswer, ...]]:
    """Which neurons know this?"""
    asked = [queries] if isinstance(queries, str | Query) else queries
    messages = [query_message(Query(text=each) if isinstance(each, str) else each) for each in asked]
    return Call(
        LENS + "SearchNeurons",
        request_message(
            service.SearchNeuronsRequest, index=index, queries=messages, where=where_message(where), **options
        ),
        service.SearchNeuronsResponse,
        lambda response: all_of(response.answers, SearchAnswer),
    )


def compare(index: str, a: str, b: str) -> Call[NeuronComparison]:
    """How alike are two neurons?"""
    return Call(
        LENS + "CompareNeurons",
        request_message(service.CompareNeuronsRequest, index=index, a=a, b=b),
        service.CompareNeuronsResponse,
        lambda response: from_message(response.comparison, NeuronComparison),
    )


def compare_layers(index: str, a: str, b: str, limit: int) -> Call[SetComparison]:
    """What does one layer know that another does not?"""
    layers = request_message(comparison_pb2.LayerPair, a=a, b=b)
    return Call(
        LENS + "CompareSets",
        request_message(service.CompareSetsRequest, index=index, layers=layers, limit=limit),
        service.CompareSetsResponse,
        lambda response: from_message(response.comparison, SetComparison),
    )


def diff(index: str, other_index: str, limit: int) -> Call[SetComparison]:
    """What does one index know that another does not?"""
    return Call(
        AUDIT + "DiffIndexes",
        request_message(audit.DiffIndexesRequest, index=index, other_index=other_index, limit=limit),
        audit.DiffIndexesResponse,
        lambda response: from_message(response.comparison, SetComparison),
    )


def diff_concepts(
    index: str, other_index: str, vocabulary: str | Sequence[str] | None, alpha: float
) -> Call[ConceptDiff]:
    """Which concepts appeared, vanished, grew stronger or weaker?"""
    words = vocabulary_message("general" if vocabulary is None else vocabulary)
    parts = {"vocabulary": words, "alpha": alpha, "concepts_only": True}
    return Call(
        AUDIT + "DiffIndexes",
        request_message(audit.DiffIndexesRequest, index=index, other_index=other_index, **parts),
        audit.DiffIndexesResponse,
        lambda response: from_message(response.concepts, ConceptDiff),
    )


def coverage(index: str, vocabulary: str | Sequence[str] | None, others: Sequence[str], alpha: float) -> Call[Coverage]:
    """Which concepts does each layer know?"""
    parts = {"other_indexes": others, "vocabulary": vocabulary_message(vocabulary), "alpha": alpha}
    return Call(
        LENS + "GetConceptCoverage",
        request_message(service.GetConceptCoverageRequest, index=index, **parts),
        service.GetConceptCoverageResponse,
        lambda response: from_message(response.coverage, Coverage),
    )


def series(index: str, later: Sequence[str], vocabulary: str | Sequence[str] | None, alpha: float) -> Call[Series]:
    """What became of concepts over checkpoints?"""
    parts = {"later_indexes": later, "vocabulary": vocabulary_message(vocabulary), "alpha": alpha}
    return Call(
        LENS + "GetConceptSeries",
        request_message(service.GetConceptSeriesRequest, index=index, **parts),
        service.GetConceptSeriesResponse,
        lambda response: from_message(response.series, Series),
    )


def concept_map(
    index: str, vocabulary: str | Sequence[str] | None, others: Sequence[str], **options: Any
) -> Call[ConceptMap]:
    """Which neurons lie together?"""
    parts = {"other_indexes": others, "vocabulary": vocabulary_message(vocabulary), **options}
    return Call(
        LENS + "GetConceptMap",
        request_message(service.GetConceptMapRequest, index=index, **parts),
        service.GetConceptMapResponse,
        lambda response: from_message(response.map, ConceptMap),
    )


def label(index: str, vocabulary: str | Sequence[str] | None, where: Where, **options: Any) -> Call[tuple[Label, ...]]:
    """What would you call them? Each response of the stream holds a few labels."""
    words = vocabulary_message(vocabulary)
    return Call(
        LENS + "LabelNeurons",
        request_message(
            service.LabelNeuronsRequest, index=index, vocabulary=words, where=where_message(where), **options
        ),
        service.LabelNeuronsResponse,
        lambda response: all_of(response.labels, Label),
    )


def unexpected(
    index: str, vocabulary: str | Sequence[str] | None, where: Where, limit: int
) -> Call[tuple[Unexpected, ...]]:
    """Which neurons does no word describe?"""
    words = vocabulary_message(vocabulary)
    return Call(
        LENS + "ListUnexpectedNeurons",
        request_message(
            service.ListUnexpectedNeuronsRequest, index=index, vocabulary=words, where=where_message(where), limit=limit
        ),
        service.ListUnexpectedNeuronsResponse,
        lambda response: all_of(response.neurons, Unexpected),
    )


def redundancy(index: str, layer: str, limit: int) -> Call[tuple[Pair, ...]]:
    """Which neurons of a layer say the same?"""
    return Call(
        LENS + "ListRedundantPairs",
        request_message(service.ListRedundantPairsRequest, index=index, layer=layer, limit=limit),
        service.ListRedundantPairsResponse,
        lambda response: all_of(response.pairs, Pair),
    )


def vocabulary_message(vocabulary: str | Sequence[str] | None) -> label_pb2.Vocabulary | None:
    """Words to choose from, or the name of a list the server has; None: its general one."""
    if vocabulary is None:
        return None
    part = "name" if isinstance(vocabulary, str) else "entries"
    return request_message(label_pb2.Vocabulary, **{part: vocabulary})


def templates_message(texts: Sequence[str] | None) -> query_pb2.Templates | None:
    """Sentences to put words into; None: `{}` alone, empty: the words as they are."""
    return None if texts is None else request_message(query_pb2.Templates, texts=texts)


def query_message(query: Query) -> query_pb2.Query:
    """A query as it is sent."""
    return _message(query, query_pb2.Query)


def where_message(where: Where) -> neuron_pb2.Where:
    """A filter as it is sent."""
    return _message(where, neuron_pb2.Where)


def _message(value: object, message_type: type[M]) -> M:
    try:
        return to_message(value, message_type)
    except Unsendable as fault:
        raise LensServerError(str(fault), "", "INVALID_ARGUMENT") from fault


def request_message(message_type: type[M], **parts: Any) -> M:
    """A request; a part that is None stays unset."""
    try:
        return message_type(**{name: part for name, part in parts.items() if part is not None})
    except (TypeError, ValueError) as fault:
        raise LensServerError(f"{message_type.__name__} cannot be sent: {fault}", "", "INVALID_ARGUMENT") from fault


def all_of(messages: Any, answer_type: type[T]) -> tuple[T, ...]:
    """A repeated field as answers."""
    return tuple(from_message(each, answer_type) for each in messages)
