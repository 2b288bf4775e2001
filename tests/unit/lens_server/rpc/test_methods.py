"""Each method over the wire says what the lens says."""

from types import SimpleNamespace

import pytest

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
    State,
    Unexpected,
    Where,
)
from lens_server.overviews import ConceptMap, Coverage, Series
from lens_server.v1 import lens_service_pb2 as service
from lens_server.v1.audit_service_pb2 import DiffIndexesRequest
from lens_server.v1.audit_service_pb2_grpc import AuditServiceStub
from lens_server.v1.comparison_pb2 import LayerPair
from lens_server.v1.label_pb2 import Vocabulary
from lens_server.v1.lens_service_pb2_grpc import LensServiceStub
from lens_server.v1.neuron_pb2 import STATE_DEAD
from lens_server.v1.neuron_pb2 import Where as WhereMessage
from lens_server.v1.query_pb2 import Query as QueryMessage
from lens_server.v1.query_pb2 import Templates, Vector
from lens_server.wire import from_message
from tests.unit.lens_server.rpc.fake_lens import EXEMPLARS, FakeLens


def test_list_indexes_by_name(two_indexes: SimpleNamespace) -> None:
    """Indexes come by name, whatever the order they were given in."""
    response = two_indexes.stub.ListIndexes(service.ListIndexesRequest())
    assert [each.name for each in response.indexes] == ["after", "before"]


def test_get_index(stub: LensServiceStub, lens: FakeLens) -> None:
    """The summary of the only index, unnamed and named."""
    for name in ("", "fake"):
        response = stub.GetIndex(service.GetIndexRequest(index=name))
        assert from_message(response.summary, IndexSummary) == lens.describe()


def test_an_index_is_served_under_the_name_it_was_given(two_indexes: SimpleNamespace) -> None:
    """The mapping's name counts; a swapped lens answers from the next call on."""
    two_indexes.server.served.replace("before", FakeLens("other"))
    response = two_indexes.stub.GetIndex(service.GetIndexRequest(index="before"))
    assert (response.summary.name, response.summary.digest) == ("before", "digest-other")


def test_list_neurons_to_the_end(stub: LensServiceStub, lens: FakeLens) -> None:
    """The pages together are all neurons, once each and in order."""
    found, token, pages = [], "", 0
    while pages == 0 or token:
        response = stub.ListNeurons(service.ListNeuronsRequest(page_size=5, page_token=token))
        page = from_message(response, NeuronPage)
        found += page.neurons
        token, pages = page.next_page_token, pages + 1
    assert tuple(found) == lens.neurons().neurons
    assert pages == 5
    assert page.total == len(found)


def test_list_neurons_filtered(stub: LensServiceStub, lens: FakeLens) -> None:
    """A filter reaches the lens whole."""
    where = WhereMessage(layers=["head"], states=[STATE_DEAD], min_clarity=0.0, relevant_to="ruler", min_relevance=0.25)
    stub.ListNeurons(service.ListNeuronsRequest(where=where))
    asked = Where(("head",), (State.DEAD,), 0.0, "ruler", 0.25)
    assert lens.asked[-1] == ("neurons", {"where": asked, "page_size": 100, "page_token": ""})


@pytest.mark.parametrize("neuron", ["conv/3", "head/3"])
def test_get_neuron(stub: LensServiceStub, lens: FakeLens, neuron: str) -> None:
    """A card with places in images, or in texts."""
    response = stub.GetNeuron(service.GetNeuronRequest(neuron=neuron, exemplars=3, thumbnails=True, similar=2))
    assert from_message(response.card, NeuronCard) == lens.neuron(neuron, exemplars=3, thumbnails=True, similar=2)


def test_zero_exemplars_are_none(stub: LensServiceStub, lens: FakeLens) -> None:
    """0 is a number here, and not the default."""
    response = stub.GetNeuron(service.GetNeuronRequest(neuron="conv/3", exemplars=0, similar=0))
    assert not response.card.exemplars
    assert not response.card.similar
    stub.GetNeuron(service.GetNeuronRequest(neuron="conv/3"))
    assert lens.asked[-1] == ("neuron", {"exemplars": 30, "thumbnails": False, "similar": 5})


def test_list_exemplars_to_the_end(stub: LensServiceStub, lens: FakeLens) -> None:
    """The pages together are all exemplars with their images; the last page has no token."""
    found, token, pages = [], "", 0
    while pages == 0 or token:
        request = service.ListExemplarsRequest(neuron="conv/3", page_size=3, page_token=token)
        response = stub.ListExemplars(request)
        found += [from_message(each, Exemplar) for each in response.exemplars]
        token, pages = response.next_page_token, pages + 1
    assert tuple(found) == lens.neuron("conv/3", thumbnails=True).exemplars
    assert (len(found), pages) == (EXEMPLARS, 3)


def test_list_exemplars_without_thumbnails(stub: LensServiceStub) -> None:
    """Images are left out on request."""
    response = stub.ListExemplars(service.ListExemplarsRequest(neuron="conv/3", thumbnails=False))
    assert not any(each.HasField("thumbnail") for each in response.exemplars)
    assert response.next_page_token == ""


def test_search_several_queries_of_all_kinds(stub: LensServiceStub, lens: FakeLens) -> None:
    """One answer per query, in their order."""
    request = service.SearchNeuronsRequest(
        queries=[
            QueryMessage(text="ruler"),
            QueryMessage(image=b"PNG"),
            QueryMessage(neuron="conv/3"),
            QueryMessage(vector=Vector(values=[0.1, 0.2])),
        ],
        limit=3,
    )
    found = tuple(from_message(each, SearchAnswer) for each in stub.SearchNeurons(request).answers)
    asked = [Query(text="ruler"), Query(image=b"PNG"), Query(neuron="conv/3"), Query(vector=(0.1, 0.2))]
    assert found == lens.search(asked, limit=3)
    assert [each.query for each in found] == ["ruler", "image", "neuron conv/3", "vector"]


def test_search_options_reach_the_lens(stub: LensServiceStub, lens: FakeLens) -> None:
    """Unset ones stay the lens's own."""
    query = QueryMessage(text="ruler")
    stub.SearchNeurons(service.SearchNeuronsRequest(queries=[query]))
    assert lens.asked[-1][1] == {"where": Where(), "limit": 10, "templates": None, "exact": False}
    templates = Templates(texts=["a {}"])
    stub.SearchNeurons(service.SearchNeuronsRequest(queries=[query], limit=2, templates=templates, exact=True))
    assert lens.asked[-1][1] == {"where": Where(), "limit": 2, "templates": ("a {}",), "exact": True}


def test_an_equal_search_is_answered_from_the_cache(stub: LensServiceStub, lens: FakeLens) -> None:
    """An equal request asks the lens once, another one again."""
    request = service.SearchNeuronsRequest(queries=[QueryMessage(text="ruler")])
    assert stub.SearchNeurons(request) == stub.SearchNeurons(request)
    assert len(lens.asked) == 1
    stub.SearchNeurons(service.SearchNeuronsRequest(queries=[QueryMessage(text="hair")]))
    assert len(lens.asked) == 2


def test_a_swapped_lens_is_asked_again(two_indexes: SimpleNamespace) -> None:
    """The cache knows an index by its digest, not by its name."""
    request = service.SearchNeuronsRequest(index="before", queries=[QueryMessage(text="ruler")])
    two_indexes.stub.SearchNeurons(request)
    swapped = FakeLens("swapped")
    two_indexes.server.served.replace("before", swapped)
    two_indexes.stub.SearchNeurons(request)
    assert len(swapped.asked) == 1


def test_compare_neurons(stub: LensServiceStub, lens: FakeLens) -> None:
    """Two neurons."""
    response = stub.CompareNeurons(service.CompareNeuronsRequest(a="conv/1", b="head/2"))
    assert from_message(response.comparison, NeuronComparison) == lens.compare("conv/1", "head/2")


def test_compare_layers(stub: LensServiceStub, lens: FakeLens) -> None:
    """Two layers of an index."""
    response = stub.CompareSets(service.CompareSetsRequest(layers=LayerPair(a="conv", b="head"), limit=2))
    assert from_message(response.comparison, SetComparison) == lens.compare_layers("conv", "head", limit=2)


def test_compare_indexes(two_indexes: SimpleNamespace) -> None:
    """Two indexes, through either service."""
    expected = two_indexes.lenses["before"].diff(two_indexes.lenses["after"], limit=2)
    sets = two_indexes.stub.CompareSets(service.CompareSetsRequest(index="before", other_index="after", limit=2))
    diff = two_indexes.audit.DiffIndexes(DiffIndexesRequest(index="before", other_index="after", limit=2))
    assert from_message(sets.comparison, SetComparison) == expected
    assert from_message(diff.comparison, SetComparison) == expected


def test_diff_with_itself(audit: AuditServiceStub, lens: FakeLens) -> None:
    """The only index may be compared with itself."""
    response = audit.DiffIndexes(DiffIndexesRequest(other_index="fake"))
    assert from_message(response.comparison, SetComparison) == lens.diff(lens)


def test_label_neurons(stub: LensServiceStub, lens: FakeLens) -> None:
    """The stream holds every label, abstentions included, in order."""
    vocabulary = Vocabulary(entries=["ruler", "hair"])
    request = service.LabelNeuronsRequest(vocabulary=vocabulary, where=WhereMessage(layers=["conv"]), alternatives=1)
    found = [from_message(each, Label) for response in stub.LabelNeurons(request) for each in response.labels]
    assert found == list(lens.label(["ruler", "hair"], Where(layers=("conv",)), alternatives=1))
    assert {each.abstained for each in found} == {None, "clarity"}


def test_list_unexpected_neurons(stub: LensServiceStub, lens: FakeLens) -> None:
    """Neurons nobody has a word for."""
    response = stub.ListUnexpectedNeurons(service.ListUnexpectedNeuronsRequest(limit=2))
    assert tuple(from_message(each, Unexpected) for each in response.neurons) == lens.unexpected(limit=2)


def test_list_redundant_pairs(stub: LensServiceStub, lens: FakeLens) -> None:
    """Pairs that say the same."""
    response = stub.ListRedundantPairs(service.ListRedundantPairsRequest(layer="conv", limit=3))
    assert tuple(from_message(each, Pair) for each in response.pairs) == lens.redundancy("conv", limit=3)


def test_get_concept_coverage(two_indexes: SimpleNamespace) -> None:
    """Of both indexes in the order asked; the options reach the lens."""
    before, after = (two_indexes.lenses[name] for name in ("before", "after"))
    asked = {"vocabulary": Vocabulary(entries=["ruler", "hair"]), "alpha": 0.1}
    request = service.GetConceptCoverageRequest(index="after", other_indexes=["before"], **asked)
    found = from_message(two_indexes.stub.GetConceptCoverage(request).coverage, Coverage)
    assert after.asked == [("coverage", {"vocabulary": ("ruler", "hair"), "alpha": 0.1})]
    assert found == after.coverage(("ruler", "hair"), [before], alpha=0.1)
    assert [each.index for each in found.indexes] == ["after", "before"]


def test_get_concept_series(two_indexes: SimpleNamespace) -> None:
    """Checkpoints in the order asked."""
    before, after = (two_indexes.lenses[name] for name in ("before", "after"))
    request = service.GetConceptSeriesRequest(index="before", later_indexes=["after"])
    found = from_message(two_indexes.stub.GetConceptSeries(request).series, Series)
    assert before.asked == [("series", {"vocabulary": None, "alpha": 0.05})]
    assert found == before.series([after])


def test_get_concept_map(two_indexes: SimpleNamespace) -> None:
    """Both indexes in one plane."""
    before, after = (two_indexes.lenses[name] for name in ("before", "after"))
    request = service.GetConceptMapRequest(index="before", other_indexes=["after"], points=7)
    found = from_message(two_indexes.stub.GetConceptMap(request).map, ConceptMap)
    assert before.asked == [("concept_map", {"vocabulary": None, "alpha": 0.05, "points": 7})]
    assert found == before.concept_map(None, [after], points=7)


def test_answers_over_several_indexes_are_kept_by_all_their_digests(two_indexes: SimpleNamespace) -> None:
    """Asked again they are not worked out again; where one index was swapped they are."""
    request = service.GetConceptCoverageRequest(index="before", other_indexes=["after"])
    first = two_indexes.stub.GetConceptCoverage(request)
    assert two_indexes.stub.GetConceptCoverage(request) == first
    assert len(two_indexes.lenses["before"].asked) == 1
    two_indexes.server.served.replace("after", FakeLens("swapped"))
    assert two_indexes.stub.GetConceptCoverage(request).coverage.indexes[1].index == "swapped"
