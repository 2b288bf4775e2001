"""Each method: convert, ask, convert."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from hashlib import sha256
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from lens_server.answers import Query, Where
from lens_server.lens import Lens
from lens_server.rpc.audits import AuditRuns
from lens_server.rpc.cache import AnswerCache
from lens_server.rpc.limits import RequestFault, Violation
from lens_server.rpc.pages import exemplar_page
from lens_server.rpc.served import Served, ServedLens
from lens_server.rpc.streams import StreamSlots, batches
from lens_server.v1 import audit_service_pb2 as audits
from lens_server.v1 import (
    audit_service_pb2_grpc,
    exemplar_pb2,
    label_pb2,
    lens_service_pb2_grpc,
    neuron_pb2,
    query_pb2,
    text_pb2,
)
from lens_server.v1 import comparison_pb2 as comparisons
from lens_server.v1 import index_pb2 as indexes
from lens_server.v1 import lens_service_pb2 as service
from lens_server.v1 import overview_pb2 as overviews
from lens_server.wire import from_message, to_message

Context = grpc.ServicerContext
M = TypeVar("M", bound=Message)


class LensServicer(lens_service_pb2_grpc.LensServiceServicer):
    """LensService over the served lenses."""

    def __init__(self, served: Served, cache: AnswerCache, slots: StreamSlots) -> None:
        self._served = served
        self._cache = cache
        self._slots = slots

    def ListIndexes(self, request: service.ListIndexesRequest, context: Context) -> service.ListIndexesResponse:
        """The indexes served."""
        summaries = self._served.summaries()
        return service.ListIndexesResponse(indexes=[to_message(each, indexes.IndexSummary) for each in summaries])

    def GetIndex(self, request: service.GetIndexRequest, context: Context) -> service.GetIndexResponse:
        """What an index holds."""
        summary = self._served.get(request.index).summary
        return service.GetIndexResponse(summary=to_message(summary, indexes.IndexSummary))

    def ListNeurons(self, request: service.ListNeuronsRequest, context: Context) -> service.ListNeuronsResponse:
        """A page of neurons."""
        lens = self._served.get(request.index).lens
        page = lens.neurons(_where(request), page_token=request.page_token, **_given(request, "page_size"))
        return to_message(page, service.ListNeuronsResponse)

    def GetNeuron(self, request: service.GetNeuronRequest, context: Context) -> service.GetNeuronResponse:
        """All that is stored of one neuron."""
        lens = self._served.get(request.index).lens
        options = _given(request, "exemplars", "similar")
        card = lens.neuron(request.neuron, thumbnails=request.thumbnails, **options)
        return service.GetNeuronResponse(card=to_message(card, indexes.NeuronCard))

    def ListExemplars(self, request: service.ListExemplarsRequest, context: Context) -> service.ListExemplarsResponse:
        """A page of exemplars with their images."""
        served = self._served.get(request.index)
        return exemplar_page(served.lens, request, pictures=served.summary.kind == "image")

    def SearchNeurons(self, request: service.SearchNeuronsRequest, context: Context) -> service.SearchNeuronsResponse:
        """The neurons that know a concept, or fire on tokens."""
        first, *others = asked = [self._served.get(name) for name in (request.index, *request.other_indexes)]

        def ask() -> service.SearchNeuronsResponse:
            queries = [from_message(each, Query) for each in request.queries]
            options = _given(request, "limit")
            if others:
                options["others"] = [each.lens for each in others]
            answers = first.lens.search(
                queries, _where(request), templates=_templates(request), exact=request.exact, **options
            )
            return service.SearchNeuronsResponse(answers=[to_message(each, query_pb2.SearchAnswer) for each in answers])

        if any(each.HasField("tokens") for each in request.queries):
            return ask()  # graphs may be made anew, and no digest covers them
        return self._cache.answer(_digest(asked), request, ask)

    def CompareNeurons(
        self, request: service.CompareNeuronsRequest, context: Context
    ) -> service.CompareNeuronsResponse:
        """Two neurons side by side."""
        comparison = self._served.get(request.index).lens.compare(request.a, request.b)
        return service.CompareNeuronsResponse(comparison=to_message(comparison, comparisons.NeuronComparison))

    def CompareSets(self, request: service.CompareSetsRequest, context: Context) -> service.CompareSetsResponse:
        """Two layers, or two indexes."""
        lens = self._served.get(request.index).lens
        options = _given(request, "limit")
        if request.WhichOneof("sets") == "layers":
            comparison = lens.compare_layers(request.layers.a, request.layers.b, **options)
        else:
            comparison = lens.diff(self._served.get(request.other_index).lens, **options)
        return service.CompareSetsResponse(comparison=to_message(comparison, comparisons.SetComparison))

    def LabelNeurons(
        self, request: service.LabelNeuronsRequest, context: Context
    ) -> Iterator[service.LabelNeuronsResponse]:
        """Names of neurons, as they come."""
        lens = self._served.get(request.index).lens
        options = _given(request, "alternatives", "alpha", "min_clarity")
        with self._slots.one():
            found = lens.label(_vocabulary(request), _where(request), templates=_templates(request), **options)
            for batch in batches(found, context):
                yield service.LabelNeuronsResponse(labels=[to_message(each, label_pb2.Label) for each in batch])

    def ListUnexpectedNeurons(
        self, request: service.ListUnexpectedNeuronsRequest, context: Context
    ) -> service.ListUnexpectedNeuronsResponse:
        """Neurons that no vocabulary entry describes."""
        lens = self._served.get(request.index).lens
        found = lens.unexpected(_vocabulary(request), _where(request), **_given(request, "limit"))
        return service.ListUnexpectedNeuronsResponse(neurons=[to_message(each, label_pb2.Unexpected) for each in found])

    def ListRedundantPairs(
        self, request: service.ListRedundantPairsRequest, context: Context
    ) -> service.ListRedundantPairsResponse:
        """The most redundant pairs of a layer."""
        pairs = self._served.get(request.index).lens.redundancy(request.layer, **_given(request, "limit"))
        return service.ListRedundantPairsResponse(pairs=[to_message(each, comparisons.Pair) for each in pairs])

    def GetConceptCoverage(
        self, request: service.GetConceptCoverageRequest, context: Context
    ) -> service.GetConceptCoverageResponse:
        """Which concepts each layer knows."""

        def ask(lens: Lens, others: Sequence[Lens]) -> service.GetConceptCoverageResponse:
            found = lens.coverage(_vocabulary(request), others, **_given(request, "alpha"))
            return service.GetConceptCoverageResponse(coverage=to_message(found, overviews.Coverage))

        return self._long(request, request.other_indexes, ask)

    def GetConceptSeries(
        self, request: service.GetConceptSeriesRequest, context: Context
    ) -> service.GetConceptSeriesResponse:
        """What became of concepts over checkpoints."""

        def ask(lens: Lens, later: Sequence[Lens]) -> service.GetConceptSeriesResponse:
            found = lens.series(later, _vocabulary(request), **_given(request, "alpha"))
            return service.GetConceptSeriesResponse(series=to_message(found, overviews.Series))

        return self._long(request, request.later_indexes, ask)

    def GetConceptMap(self, request: service.GetConceptMapRequest, context: Context) -> service.GetConceptMapResponse:
        """The neurons in a plane."""

        def ask(lens: Lens, others: Sequence[Lens]) -> service.GetConceptMapResponse:
            found = lens.concept_map(_vocabulary(request), others, **_given(request, "alpha", "points"))
            return service.GetConceptMapResponse(map=to_message(found, overviews.ConceptMap))

        return self._long(request, request.other_indexes, ask)

    def _long(self, request: Any, others: Sequence[str], ask: Callable[[Lens, Sequence[Lens]], M]) -> M:
        """The answer to a question of several indexes that takes long: kept, and few are worked on at once."""
        asked = [self._served.get(name) for name in (request.index, *others)]

        def make() -> M:
            with self._slots.one():
                return ask(asked[0].lens, [each.lens for each in asked[1:]])

        return self._cache.answer(_digest(asked), request, make)

    def GetTokenGraph(self, request: service.GetTokenGraphRequest, context: Context) -> service.GetTokenGraphResponse:
        """What a text neuron fires on."""
        card = self._served.get(request.index).lens.texts.graph(request.neuron)
        return service.GetTokenGraphResponse(card=to_message(card, text_pb2.TokenGraphCard))

    def ListTokenGraphs(
        self, request: service.ListTokenGraphsRequest, context: Context
    ) -> service.ListTokenGraphsResponse:
        """Text neurons by their graphs."""
        options = _given(request, "limit") | ({"order": request.order} if request.order else {})
        found = self._served.get(request.index).lens.texts.graphs(_where(request), **options)
        return service.ListTokenGraphsResponse(graphs=[to_message(each, text_pb2.GraphSummary) for each in found])

    def ListGraphScores(
        self, request: service.ListGraphScoresRequest, context: Context
    ) -> service.ListGraphScoresResponse:
        """How well graphs predict, layer by layer."""
        layers = self._served.get(request.index).lens.texts.scores()
        return service.ListGraphScoresResponse(layers=[to_message(each, text_pb2.GraphLayer) for each in layers])

    def ListSimilarGraphs(
        self, request: service.ListSimilarGraphsRequest, context: Context
    ) -> service.ListSimilarGraphsResponse:
        """Text neurons with a graph like one's."""
        texts = self._served.get(request.index).lens.texts
        hits = texts.similar(request.neuron, _where(request), **_given(request, "limit"))
        return service.ListSimilarGraphsResponse(hits=[to_message(each, text_pb2.GraphHit) for each in hits])

    def ListSnippets(self, request: service.ListSnippetsRequest, context: Context) -> service.ListSnippetsResponse:
        """The exemplars of a text neuron, token by token."""
        found = self._served.get(request.index).lens.texts.snippets(request.neuron, **_given(request, "limit"))
        return service.ListSnippetsResponse(snippets=[to_message(each, exemplar_pb2.Snippet) for each in found])

    def PredictActivations(
        self, request: service.PredictActivationsRequest, context: Context
    ) -> service.PredictActivationsResponse:
        """What a text neuron does on a text."""
        texts = self._served.get(request.index).lens.texts
        with self._slots.one() if request.measured else nullcontext():
            prediction = texts.predict(request.neuron, request.passage, measured=request.measured)
        return service.PredictActivationsResponse(prediction=to_message(prediction, text_pb2.Prediction))


class AuditServicer(audit_service_pb2_grpc.AuditServiceServicer):
    """AuditService over the served lenses."""

    def __init__(self, served: Served, slots: StreamSlots) -> None:
        self._served = served
        self._slots = slots
        self._runs = AuditRuns()

    def DiffIndexes(self, request: audits.DiffIndexesRequest, context: Context) -> audits.DiffIndexesResponse:
        """Two whole indexes of one embedding space."""
        lens, other = self._served.get(request.index).lens, self._served.get(request.other_index).lens
        if request.concepts_only and not request.HasField("vocabulary"):
            raise RequestFault(Violation("vocabulary", "must be set with concepts_only"))
        response = audits.DiffIndexesResponse()
        if not request.concepts_only:
            comparison = lens.diff(other, **_given(request, "limit"))
            response.comparison.CopyFrom(to_message(comparison, comparisons.SetComparison))
        if request.HasField("vocabulary"):
            concepts = lens.diff_concepts(other, _vocabulary(request), **_given(request, "alpha"))
            response.concepts.CopyFrom(to_message(concepts, comparisons.ConceptDiff))
        return response

    def RunAudit(self, request: audits.RunAuditRequest, context: Context) -> Iterator[audits.RunAuditResponse]:
        """An index judged by a rulebook."""
        lens = self._served.get(request.index).lens
        with self._slots.one():
            yield from self._runs.events(lens, request, context)


def _digest(asked: Sequence[ServedLens]) -> str:
    """Of all indexes asked together."""
    if len(asked) == 1:
        return asked[0].summary.digest
    return sha256(" ".join(each.summary.digest for each in asked).encode()).hexdigest()


def _given(request: Message, *names: str) -> dict[str, Any]:
    """The options that are set; the others keep the defaults of `Lens`, which the fields' comments repeat."""
    return {name: getattr(request, name) for name in names if request.HasField(name)}


def _where(request: Any) -> Where:
    where: neuron_pb2.Where = request.where
    return from_message(where, Where)


def _templates(request: Any) -> Sequence[str] | None:
    return tuple(request.templates.texts) if request.HasField("templates") else None


def _vocabulary(request: Any) -> str | Sequence[str] | None:
    if not request.HasField("vocabulary"):
        return None
    vocabulary: label_pb2.Vocabulary = request.vocabulary
    return vocabulary.name if vocabulary.HasField("name") else tuple(vocabulary.entries)
