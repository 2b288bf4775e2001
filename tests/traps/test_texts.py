"""Text neurons: where a wrong answer would look like a right one."""

from indexer.domain.token_graphs import Observation, TokenGraph
from lens_client import LensClient
from lens_server.answers import Query, TokenQuery
from lens_server.lens import Lens
from lens_server.rpc.server import serve
from tests.text_indexes import rows_by_name, store_graphs, token_of, write_text_index


def test_graphs_made_anew_are_searched_once_the_index_is_served_anew(tmp_path):
    """No digest covers them, so an answer must not be kept by it."""
    out = write_text_index(tmp_path / "texts")
    query = Query(tokens=TokenQuery(("each",)))
    with serve({"texts": Lens.open(out)}, "127.0.0.1:0") as running, LensClient(f"127.0.0.1:{running.port}") as client:
        assert client.search(query)[0].hits == ()
        graph = TokenGraph.of([Observation((token_of(" each"),), (1.0,), 0.75)])
        store_graphs(out, {rows_by_name()["mlp0/2"]: graph})
        running.served.replace("texts", Lens.open(out))
        (hit,) = client.search(query)[0].hits
        assert (hit.neuron.id, hit.alignment) == ("mlp0/2", 0.75)
        assert client.texts.graph("mlp0/2").activating == (" each",)


def test_context_lies_on_the_same_path(tmp_path):
    """A neuron that fires on A, and elsewhere after B, does not fire on A after B."""
    out = write_text_index(tmp_path / "texts", graphs=False)
    path, sys, each = (token_of(f" {word}") for word in ("path", "sys", "each"))
    apart = TokenGraph.of([Observation((path,), (1.0,), 1.0), Observation((sys, each), (1.0, 0.9), 1.0)])
    store_graphs(out, {rows_by_name()["mlp0/0"]: apart})
    texts = Lens.open(out).texts
    assert texts.search(TokenQuery(("path",), ("each",))).hits == ()
    assert [hit.alignment for hit in texts.search(TokenQuery(("sys",), ("each",))).hits] == [0.5]
    assert [hit.alignment for hit in texts.search(TokenQuery(("path",))).hits] == [0.5]
