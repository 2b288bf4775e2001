"""Scores of prediction, and paths tried on the passages they come from."""

import numpy as np
import pytest

from indexer.domain.token_graphs import WILDCARD, GraphPath, TokenGraph
from indexer.graphs.scoring import NO_FIRING, firing, looked_up, pearson, token_maxima
from indexer.graphs.trying import tried


def array(*values):
    return np.array(values, dtype=np.float32)


def graph(*paths):
    ordered = sorted(paths)
    return TokenGraph(tuple(GraphPath(tokens, (1.0,) * len(tokens), 1, 0.9, 0.9) for tokens in ordered))


def test_firing_counts_from_half_upwards():
    found = firing(array(0.5, 0.6, 0.49, 0.0), array(0.5, 0.2, 0.9, 0.0))
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("predicted", [array(0, 0), array(0, 1)])
def test_firing_without_a_hit_is_0(predicted):
    assert firing(predicted, array(1, 0)) == NO_FIRING


def test_pearson_of_something_constant_is_0():
    assert (
        pearson(array(1, 1, 1), array(0, 1, 0)) == pearson(array(0, 1), array(0, 0)) == pearson(array(), array()) == 0
    )
    assert pearson(array(0, 1, 2), array(0, 2, 4)) == pytest.approx(1)


def test_pearson_of_large_values_with_small_differences():
    assert pearson(array(1000, 1000.5, 1001), array(0, 1, 2)) == pytest.approx(1)


def test_the_baseline_remembers_the_highest_of_each_token():
    maxima = token_maxima([((7, 8, 7), array(0.2, -0.5, 0.9)), ((7,), array(0.4))])
    assert looked_up(maxima, (8, 7, 9)).tolist() == [0, pytest.approx(0.9), 0]


def test_a_path_that_is_mostly_silent_where_it_decides_is_dropped():
    texts = [((1, 1, 1, 1, 1), array(0.9, 0, 0, 0, 0))]
    assert tried(graph((1,)), texts, 0.25).paths == ()
    assert len(tried(graph((1,)), texts, 0.2).paths) == 1


def test_what_a_dropped_path_decided_the_next_longest_does():
    # 1 after 2 is silent, 1 otherwise fires: what stays is told by all of it.
    texts = [((2, 1, 3, 1, 3, 1, 3, 1), array(0, 0, 0, 0.8, 0, 0.8, 0, 0.8))]
    (path,) = tried(graph((1,), (1, 2)), texts, 0.25).paths
    assert path.tokens == (1,) and path.mean == pytest.approx(0.6)


def test_longer_paths_shield_shorter_ones():
    # 1 fires after 2 only; the bare path decides the silent ones alone and goes.
    texts = [((2, 1, 3, 1, 3, 1, 3, 1), array(0, 0.9, 0, 0, 0, 0, 0, 0))]
    assert [path.tokens for path in tried(graph((1,), (1, 2)), texts, 0.25).paths] == [(1, 2)]


def test_a_kept_path_stands_for_firing():
    texts = [((1, 1, 1), array(0.6, 0.0, 0.0))]
    (path,) = tried(graph((1,)), texts, 0.25).paths
    assert path.mean == 0.5 and path.maximum == 0.9 and path.count == 1


def test_paths_that_decide_nothing_stay_as_they_are():
    kept = graph((5,), (1, WILDCARD, 2))
    assert tried(kept, [((1, 1), array(0, 0))], 0.25) == kept


def test_negative_activations_do_not_fire():
    assert tried(graph((1,)), [((1,), array(-3.0))], 0.25).paths == ()
