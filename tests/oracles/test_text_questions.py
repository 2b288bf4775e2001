"""Token search, similar graphs, tokens in context and parts against plain loops over every path and every pair."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from indexer.domain.token_graphs import BEGINNING, WILDCARD, Observation, TokenGraph
from indexer.index.graphs import graph_table
from lens_server.answers import TokenQuery
from lens_server.queries import similar_graphs as similar_module
from lens_server.queries import tokens as tokens_module
from lens_server.queries.pieces import Pieces
from lens_server.queries.similar_graphs import similar_graphs
from lens_server.queries.token_index import TokenIndex
from lens_server.queries.tokens import search_tokens

WORDS = ("if", "of", "or", "to", "go", "do")
PIECES = (b"", *(each.encode() for each in WORDS), *(f" {each}".encode() for each in WORDS), b" Of", b"\xe2", b" ")
NEURONS = 60


def random_graph(dice):
    observations = []
    for _ in range(dice.randint(1, 9)):
        path = [dice.randrange(1, len(PIECES))]
        path += [dice.choice((WILDCARD, dice.randrange(1, len(PIECES)))) for _ in range(dice.randint(0, 2))]
        while len(path) > 1 and path[-1] == WILDCARD:
            path.pop()
        path += [BEGINNING] * (dice.random() < 0.1)
        weights = tuple(1.0 if not at else 0.0 if token == WILDCARD else 0.8 for at, token in enumerate(path))
        observations.append(Observation(tuple(path), weights, dice.choice((0.5, 0.75, 1.0))))
    return TokenGraph.of(observations)


@pytest.fixture(scope="module", params=range(4))
def made(request):
    """Graphs by row (every seventh neuron has none), the index of their tokens, and a stand-in for the neurons."""
    dice = random.Random(request.param)
    graphs = {row: random_graph(dice) for row in range(NEURONS) if row % 7}
    pieces = Pieces(PIECES)
    with pytest.MonkeyPatch.context() as patch:
        for module in (similar_module, tokens_module):
            patch.setattr(module, "neuron_at", lambda _, row: row)
        tokens = TokenIndex(graph_table(graphs), NEURONS, pieces.cases)
        yield graphs, tokens, pieces, SimpleNamespace(neurons=_Rows())


class _Rows:
    def __len__(self):
        return NEURONS

    def id(self, row):
        return str(row)


def plain(token):
    return PIECES[token].removeprefix(b" ") or b" "


def scored(graphs, activating, context):
    """{row: score} by the definition."""
    found = {}
    for row, graph in graphs.items():
        matching = []
        for path in graph.paths:
            before = {*path.tokens[1:], *(token for _, token in path.absorbed)} - {WILDCARD, BEGINNING}
            fires = not activating or plain(path.tokens[0]).decode("utf-8", "replace") in activating
            if fires and (not context or any(plain(each).decode("utf-8", "replace") in context for each in before)):
                matching.append(path)
        if matching:
            total = sum(path.count for path in graph.paths)
            found[row] = sum(path.count * path.mean for path in matching) / total
    return found


@pytest.mark.parametrize(
    ("activating", "context"),
    [(("of",), ()), (("of", "go"), ()), ((), ("if",)), (("of",), ("if",)), (("Of", "to"), ("do", "or", "of"))],
)
def test_token_search(made, activating, context):
    graphs, tokens, pieces, index = made
    rows = np.arange(3, NEURONS)
    expected = {row: score for row, score in scored(graphs, activating, context).items() if row >= 3}
    answer = search_tokens(index, tokens, pieces, TokenQuery(activating, context), rows, NEURONS)
    assert [hit.neuron for hit in answer.hits] == sorted(expected, key=lambda row: (-round(expected[row], 9), row))
    for hit in answer.hits:
        assert hit.alignment == pytest.approx(expected[hit.neuron], rel=1e-6)
        assert 0 < hit.alignment <= 1
        assert (hit.z, hit.p) == (None, None)
    assert answer.candidates == len(rows)


def test_a_pattern_means_the_tokens_it_matches(made):
    graphs, tokens, pieces, index = made
    rows = np.arange(NEURONS)
    for pattern, words in (("o.", ("of", "or")), ("(?i)of", ("of", "Of")), ("go|to", ("go", "to"))):
        by_pattern = search_tokens(index, tokens, pieces, TokenQuery((pattern,), regex=True), rows, 20)
        assert by_pattern.hits == search_tokens(index, tokens, pieces, TokenQuery(words), rows, 20).hits


def jaccard(a, b):
    return len(a & b) / len(a | b) if a | b else 1.0


def test_similar_graphs_are_those_of_all_pairs(made):
    graphs, tokens, _, index = made
    rows = np.arange(NEURONS)
    for row, own in graphs.items():
        expected = {
            other: (jaccard(own.activating, graph.activating), jaccard(own.context, graph.context))
            for other, graph in graphs.items()
            if other != row and (own.activating & graph.activating or own.context & graph.context)
        }
        found = similar_graphs(index, tokens, row, rows, NEURONS)
        assert {hit.neuron: (hit.activating, hit.context) for hit in found} == expected
        assert [hit.neuron for hit in found] == sorted(expected, key=lambda each: (-sum(expected[each]) / 2, each))
        assert all(hit.similarity == sum(expected[hit.neuron]) / 2 for hit in found)


def test_tokens_in_context(made):
    graphs, tokens, _, _ = made
    for row in range(NEURONS):
        own = tokens.in_context.values[tokens.in_context.starts[row] : tokens.in_context.starts[row + 1]]
        graph = graphs.get(row, TokenGraph(()))
        assert set(own.tolist()) == graph.activating & graph.context


def test_parts(made):
    graphs, tokens, _, _ = made
    for row in range(NEURONS):
        held = [
            {
                plain(token).decode("utf-8", "surrogateescape").casefold()
                for token in (*path.tokens, *(token for _, token in path.absorbed))
                if token not in (WILDCARD, BEGINNING)
            }
            for path in graphs.get(row, TokenGraph(())).paths
        ]
        groups = []
        for words in held:
            touching = [group for group in groups if group & words]
            groups = [group for group in groups if not group & words] + [words.union(*touching)]
        assert tokens.parts[row] == len(groups)
