"""Each method about text neurons over the wire says what the lens says; what a request leaves out has its default."""

from types import SimpleNamespace

import grpc
import pytest

from lens_server.answers import Query, SearchAnswer, Snippet, TokenQuery, Where
from lens_server.lens import Lens
from lens_server.rpc.server import serve
from lens_server.text_answers import GraphHit, GraphLayer, GraphSummary, Prediction, TokenGraphCard
from lens_server.v1 import lens_service_pb2 as service
from lens_server.v1.lens_service_pb2_grpc import LensServiceStub
from lens_server.v1.neuron_pb2 import Where as WhereMessage
from lens_server.v1.query_pb2 import Query as QueryMessage
from lens_server.v1.query_pb2 import TokenQuery as TokenQueryMessage
from lens_server.wire import from_message
from tests.text_indexes import write_text_index


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A lens of texts, and a stub of the server that has it alone."""
    lens = Lens.open(write_text_index(tmp_path_factory.mktemp("texts") / "texts"))
    with serve({"texts": lens}, "127.0.0.1:0") as running, grpc.insecure_channel(f"127.0.0.1:{running.port}") as opened:
        yield SimpleNamespace(lens=lens, texts=lens.texts, stub=LensServiceStub(opened))


def every(messages, kind):
    return tuple(from_message(each, kind) for each in messages)


def test_get_token_graph(asked):
    response = asked.stub.GetTokenGraph(service.GetTokenGraphRequest(neuron="mlp0/1"))
    assert from_message(response.card, TokenGraphCard) == asked.texts.graph("mlp0/1")
    failed = asked.stub.GetTokenGraph(service.GetTokenGraphRequest(index="texts", neuron="mlp1/1")).card
    assert failed.failed and not failed.HasField("scores")


def test_list_token_graphs(asked):
    default = asked.stub.ListTokenGraphs(service.ListTokenGraphsRequest())
    assert every(default.graphs, GraphSummary) == asked.texts.graphs()
    where = WhereMessage(layers=["mlp0"])
    some = asked.stub.ListTokenGraphs(service.ListTokenGraphsRequest(where=where, order="in-context", limit=2))
    assert every(some.graphs, GraphSummary) == asked.texts.graphs(Where(("mlp0",)), order="in-context", limit=2)


def test_list_graph_scores(asked):
    response = asked.stub.ListGraphScores(service.ListGraphScoresRequest())
    assert every(response.layers, GraphLayer) == asked.texts.scores() != ()


def test_list_similar_graphs(asked):
    response = asked.stub.ListSimilarGraphs(service.ListSimilarGraphsRequest(neuron="mlp0/2"))
    assert every(response.hits, GraphHit) == asked.texts.similar("mlp0/2") != ()


def test_list_snippets(asked):
    response = asked.stub.ListSnippets(service.ListSnippetsRequest(neuron="mlp0/2", limit=2))
    assert every(response.snippets, Snippet) == asked.texts.snippets("mlp0/2", limit=2)


def test_predict_activations(asked):
    text = "import re\nfrom sys import path"
    response = asked.stub.PredictActivations(service.PredictActivationsRequest(neuron="mlp0/0", passage=text))
    assert from_message(response.prediction, Prediction) == asked.texts.predict("mlp0/0", text)


def test_search_with_tokens(asked):
    query = TokenQueryMessage(activating=["import"], context=["from"])
    response = asked.stub.SearchNeurons(service.SearchNeuronsRequest(queries=[QueryMessage(tokens=query)]))
    assert every(response.answers, SearchAnswer) == asked.lens.search(Query(tokens=TokenQuery(("import",), ("from",))))


def test_exemplars_have_no_pictures_unless_asked_for(asked):
    response = asked.stub.ListExemplars(service.ListExemplarsRequest(neuron="mlp0/2"))
    assert [each.HasField("thumbnail") for each in response.exemplars] == [False] * 3
    with pytest.raises(grpc.RpcError) as refused:
        asked.stub.ListExemplars(service.ListExemplarsRequest(neuron="mlp0/2", thumbnails=True))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("limit", [0, 1001])
def test_limits_are_kept(asked, limit):
    for ask in (
        lambda: asked.stub.ListSimilarGraphs(service.ListSimilarGraphsRequest(neuron="mlp0/2", limit=limit)),
        lambda: asked.stub.ListTokenGraphs(service.ListTokenGraphsRequest(limit=limit)),
        lambda: asked.stub.ListSnippets(service.ListSnippetsRequest(neuron="mlp0/2", limit=limit)),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            ask()
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_too_many_tokens_are_refused(asked):
    query = TokenQueryMessage(activating=["import"] * 65)
    with pytest.raises(grpc.RpcError) as refused:
        asked.stub.SearchNeurons(service.SearchNeuronsRequest(queries=[QueryMessage(tokens=query)]))
    assert "at most 64" in refused.value.details()
