"""The card of a token graph, lists of graphs, snippets."""

import pytest

from indexer.domain.token_graphs import BEGINNING, WILDCARD, Observation, TokenGraph
from indexer.errors import InvalidInput, NotFound, UnknownName
from lens_server.answers import State, TokenQuery, Where
from lens_server.lens import Lens
from lens_server.text_answers import GraphScores, PathToken
from tests.text_indexes import rows_by_name, store_graphs, token_of, tokenizer, write_text_index


@pytest.fixture(scope="module")
def lens(tmp_path_factory):
    return Lens.open(write_text_index(tmp_path_factory.mktemp("texts") / "texts"))


def test_a_card_says_what_the_graph_says(lens):
    card = lens.texts.graph("mlp0/1")
    assert card.neuron.id == "mlp0/1"
    strong, weak = card.paths
    assert strong.tokens == (
        PathToken(" import", False, 1.0, ()),
        PathToken("", True, 0.0, (" sys",)),
        PathToken("from", False, 0.75, ()),
    )
    assert (strong.count, weak.count) == (2, 1)
    assert (strong.maximum, strong.mean) == pytest.approx((0.9, 0.8))
    assert card.activating == (" import", " path")
    assert card.context == (" sys", "from") or card.context == ("from", " sys")
    assert card.in_context == ()
    assert card.parts == 2
    assert card.scores == GraphScores(0.5, 1.0, pytest.approx(2 / 3), 0.75, 0.5, 0.25, 2)
    assert card.failed == ""


def test_a_graph_that_failed_says_why(lens):
    card = lens.texts.graph("mlp1/1")
    assert (card.paths, card.scores, card.failed, card.parts) == ((), None, "no example fires", 0)


def test_no_graph_made_of_a_neuron(lens):
    with pytest.raises(NotFound, match="mlp1/2 has no graph yet"):
        lens.texts.graph("mlp1/2")
    with pytest.raises(NotFound, match="mlp1/2 has no graph yet"):
        lens.texts.similar("mlp1/2")
    with pytest.raises(InvalidInput, match="mlp1/1 has no token graph"):
        lens.texts.similar("mlp1/1")


def test_parts_are_told_apart_by_tokens_without_case_and_blank(lens):
    """` import` and `import` are one, `import` and ` Import` too; `)` and `path` are joined by a path of both."""
    parts = {each.neuron.id: each.parts for each in lens.texts.graphs()}
    assert parts == {"mlp0/0": 1, "mlp0/1": 2, "mlp0/2": 1, "mlp0/3": 1, "mlp1/0": 1}


def test_lists_are_in_their_order(lens):
    assert [each.neuron.id for each in lens.texts.graphs()] == ["mlp0/1", "mlp0/0", "mlp0/2", "mlp0/3", "mlp1/0"]
    first, second, *rest = lens.texts.graphs(order="in-context")
    assert (first.neuron.id, set(first.in_context)) == ("mlp1/0", {"(", "path"})
    assert (second.neuron.id, second.in_context) == ("mlp0/2", (")",))
    assert all(each.in_context == () for each in rest)
    assert [each.neuron.id for each in lens.texts.graphs(Where(layers=("mlp1",)), limit=5)] == ["mlp1/0"]
    with pytest.raises(UnknownName, match="order"):
        lens.texts.graphs(order="most")


def test_the_filter_counts_for_tokens_too(lens):
    query = TokenQuery(("import",))
    assert [hit.neuron.id for hit in lens.texts.search(query, Where(layers=("mlp1",))).hits] == []
    assert lens.texts.search(query, Where(states=(State.DEAD,))).candidates == 1
    assert [hit.neuron.id for hit in lens.texts.search(query, limit=1).hits] == ["mlp0/0"]


def test_snippets_have_the_activation_of_each_token(lens):
    first, *_ = lens.texts.snippets("mlp0/2", limit=2)
    ids = tokenizer().encode("import re\nfrom sys import path\n")
    assert (first.sample, first.rank, first.activation) == ("passage-2", 0, 4.0)
    assert first.tokens == tuple(tokenizer().pieces[each].decode() for each in ids[:5])
    assert first.pivot == 2
    assert first.activations == (0.5, 0.5, 4.0, 0.5, 0.5)
    card = lens.neuron("mlp0/2", exemplars=2, similar=0)
    assert card.snippets == lens.texts.snippets("mlp0/2", limit=2)
    assert [each.sample for each in card.snippets] == [each.sample for each in card.exemplars]


def test_the_beginning_of_a_text_is_no_token(tmp_path):
    """It is shown, and neither searched for nor compared."""
    out = write_text_index(tmp_path / "begins", graphs=False)
    path, sys = token_of(" path"), token_of(" sys")
    begins = TokenGraph.of([Observation((path, WILDCARD, BEGINNING), (1.0, 0.0, 0.9), 0.9)])
    other = TokenGraph.of([Observation((sys, BEGINNING), (1.0, 0.9), 0.9)])
    rows = rows_by_name()
    store_graphs(out, {rows["mlp0/0"]: begins, rows["mlp0/1"]: other})
    texts = Lens.open(out).texts
    card = texts.graph("mlp0/0")
    assert [(each.text, each.wildcard) for each in card.paths[0].tokens] == [
        (" path", False), ("", True), ("\u27e8begin\u27e9", False),
    ]  # fmt: skip
    assert (card.context, card.parts) == ((), 1)
    assert texts.similar("mlp0/0") == ()


def test_graphs_that_hold_nothing(tmp_path):
    out = write_text_index(tmp_path / "empty", graphs=False)
    store_graphs(out, {})
    texts = Lens.open(out).texts
    assert texts.graphs() == ()
    assert texts.search(TokenQuery(("import",))).hits == ()
    assert texts.graph("mlp1/1").failed
