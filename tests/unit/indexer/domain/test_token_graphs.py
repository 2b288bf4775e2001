"""The trie of a neuron: what is merged, what a wildcard swallows, and which path speaks."""

import itertools

import numpy as np
import pytest

from indexer.domain.token_graphs import BEGINNING, WILDCARD, GraphPath, Observation, TokenGraph

A, B, C, D, E = range(5)
ANY = WILDCARD


def seen(*tokens, activation=1.0):
    return Observation(tokens, tuple(0.0 if each == ANY else 1.0 for each in tokens), activation)


def graph(*paths):
    """Paths with means that tell them apart."""
    return TokenGraph(
        tuple(GraphPath(tokens, (1.0,) * len(tokens), 1, 1.0, 0.5 + n / 20) for n, tokens in enumerate(sorted(paths)))
    )


def test_ends_carry_count_maximum_and_mean():
    found = TokenGraph.of([seen(A, B, activation=0.6), seen(A, B, activation=1.0), seen(A, activation=0.7)])
    assert [(p.tokens, p.count, p.maximum, p.mean) for p in found.paths] == [((A,), 1, 0.7, 0.7), ((A, B), 2, 1.0, 0.8)]


def test_highest_importance_of_each_token_stays():
    found = TokenGraph.of([Observation((A, B), (1.0, 0.8), 1.0), Observation((A, B), (1.0, 0.9), 1.0)])
    assert found.paths[0].importances == (1.0, 0.9)


def test_order_of_observations_does_not_matter():
    observations = [seen(A, ANY, B), seen(A, C, B, activation=0.6), seen(A), seen(B, A, activation=0.9), seen(A, D)]
    graphs = {TokenGraph.of(order) for order in itertools.permutations(observations)}
    assert len(graphs) == 1


def test_wildcard_absorbs_a_sibling_and_its_literal_token_stays_searchable():
    found = TokenGraph.of([seen(A, ANY, B, activation=1.0), seen(A, C, B, activation=0.6)])
    (path,) = found.paths
    assert path.tokens == (A, ANY, B) and path.count == 2 and path.mean == pytest.approx(0.8)
    assert path.absorbed == ((1, C),) and found.context == {B, C}


def test_wildcard_leaves_a_sibling_with_another_way_on():
    found = TokenGraph.of([seen(A, ANY, B), seen(A, C, D), seen(A, C, B)])
    assert {path.tokens for path in found.paths} == {(A, ANY, B), (A, C, D), (A, C, B)}


def test_wildcard_leaves_a_sibling_that_ends_where_it_does_not():
    found = TokenGraph.of([seen(A, ANY, B), seen(A, C), seen(A, C, B)])
    assert {path.tokens for path in found.paths} == {(A, ANY, B), (A, C), (A, C, B)}


def test_absorbing_works_at_every_depth():
    found = TokenGraph.of([seen(A, ANY, ANY, B), seen(A, C, D, B), seen(A, C, ANY, B)])
    (path,) = found.paths
    assert path.tokens == (A, ANY, ANY, B) and set(path.absorbed) == {(1, C), (2, D)} and path.count == 3


def test_the_activating_token_is_never_absorbed():
    found = TokenGraph.of([seen(A), seen(B), seen(C)])
    assert found.activating == {A, B, C}


def test_longest_match_counts():
    found = graph((A,), (A, B), (A, B, C))
    predicted = found.predict([C, B, A])
    assert predicted[2] == np.float32(found.paths[2].mean) and list(predicted[:2]) == [0, 0]
    assert found.predict([D, B, A])[2] == np.float32(found.paths[1].mean)


def test_literal_before_wildcard_of_equal_length():
    found = graph((A, ANY, C), (A, B, C))
    by_tokens = {path.tokens: np.float32(path.mean) for path in found.paths}
    assert found.predict([C, B, A])[2] == by_tokens[A, B, C]
    assert found.predict([C, D, A])[2] == by_tokens[A, ANY, C]


def test_a_literal_step_that_leads_nowhere_is_taken_back():
    found = graph((A, B, D), (A, ANY, C, E))
    assert found.predict([E, C, B, A])[3] == np.float32({p.tokens: p.mean for p in found.paths}[A, ANY, C, E])


def test_longer_wildcard_path_before_shorter_literal_one():
    found = graph((A, B), (A, ANY, C))
    assert found.predict([C, B, A])[2] == np.float32({p.tokens: p.mean for p in found.paths}[A, ANY, C])


def test_a_wildcard_needs_a_token_to_stand_for():
    found = graph((A, ANY, B), (A, B, BEGINNING))
    assert list(found.predict([A])) == [0] and list(found.predict([B, A])) != [0, 0]
    assert list(graph((A, ANY)).predict([A, A])) == [0, np.float32(0.5)]


def test_repeated_tokens_match_each_for_itself():
    found = graph((A, A))
    assert (found.predict([A, A, B, A, A, A]) > 0).tolist() == [False, True, False, False, True, True]


def test_texts_of_nothing_and_graphs_of_nothing():
    assert len(graph((A,)).predict([])) == 0
    empty = TokenGraph.of([])
    assert empty.paths == () and list(empty.predict([A, B])) == [0, 0] and not empty.activating | empty.context


def test_matching_names_every_path_the_one_that_counts_first():
    found = graph((A,), (A, B), (A, ANY), (A, ANY, C))
    order = [found.paths[number].tokens for number in found.matching([C, B, A], 2)]
    assert order == [(A, ANY, C), (A, B), (A, ANY), (A,)]
    assert found.matching([C, B, A], 0) == []


def test_against_every_path_tried_at_every_place():
    chance = np.random.default_rng(0)
    for _ in range(200):
        size = chance.integers(1, 8)
        paths = {
            (int(chance.integers(3)), *(int(each) for each in chance.integers(-1, 3, chance.integers(0, 4))))
            for _ in range(size)
        }
        found, text = graph(*paths), chance.integers(0, 3, 8).tolist()
        for place, value in enumerate(found.predict(text)):
            back = text[place::-1]
            matching = [
                (len(path.tokens), [step != ANY for step in path.tokens], path.mean)
                for path in found.paths
                if len(path.tokens) <= len(back)
                and all(step in (ANY, there) for step, there in zip(path.tokens, back, strict=False))
            ]
            assert value == np.float32(max(matching)[2] if matching else 0)
