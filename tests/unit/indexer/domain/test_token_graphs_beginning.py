"""Paths that end at the beginning of a text."""

import numpy as np
import pytest

from indexer.domain.token_graphs import BEGINNING, WILDCARD, Observation, TokenGraph


def _graph(*paths):
    return TokenGraph.of(
        Observation(path, tuple(float(token >= 0) for token in path), activation) for path, activation in paths
    )


def test_it_matches_there_and_nowhere_else():
    graph = _graph(((7, BEGINNING), 0.8))
    assert graph.predict([7, 7, 3, 7]) == pytest.approx([0.8, 0, 0, 0])


def test_so_many_tokens_after_the_beginning():
    graph = _graph(((7, WILDCARD, 5, BEGINNING), 0.9))
    assert graph.predict([5, 1, 7]) == pytest.approx([0, 0, 0.9])
    assert graph.predict([2, 5, 1, 7]).max() == 0 and graph.predict([5, 7]).max() == 0 and graph.predict([7]).max() == 0


def test_it_is_longer_than_the_path_without_it():
    graph = _graph(((7,), 0.4), ((7, BEGINNING), 0.9))
    assert graph.predict([7, 7]) == pytest.approx([0.9, 0.4])


def test_a_wildcard_neither_stands_for_it_nor_absorbs_it():
    graph = _graph(((7, WILDCARD), 0.6), ((7, BEGINNING), 0.9), ((7, 4), 0.6))
    assert [path.tokens for path in graph.paths] == [(7, BEGINNING), (7, WILDCARD)]
    assert graph.predict([7, 4, 7]) == pytest.approx([0.9, 0, 0.6])
    assert _graph(((7, WILDCARD), 0.6)).predict([7]).max() == 0


def test_it_is_no_context_token():
    graph = _graph(((7, 5, BEGINNING), 1.0))
    assert graph.context == {5} and graph.activating == {7}
    assert not np.any(graph.predict([]))
