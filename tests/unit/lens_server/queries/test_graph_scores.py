"""Scores of a layer: failures count, the dead do not, the interval is Student's."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import t

from indexer.domain.neurons import NeuronId
from indexer.errors import NotFound
from lens_server.queries.graph_scores import estimate, graph_scores

NAMES = ("a/0", "a/1", "a/2", "a/3", "b/0")


def texts(scores):
    neurons = SimpleNamespace(id=lambda row: NeuronId.parse(NAMES[row]), exemplar_count=np.array([30, 30, 0, 30, 30]))
    return SimpleNamespace(
        graph_tables=scores and (None, scores), index=SimpleNamespace(neurons=neurons, folder="index")
    )


SCORES = pa.table(
    {
        "neuron": [0, 1, 2, 3, 4],
        "f1": [0.9, 0.0, 0.0, 0.6, 0.5],
        "baseline_f1": [0.7, 0.2, 0.0, 0.6, 0.25],
        "pearson": [0.8, 0.0, 0.0, float("nan"), 0.5],
        "baseline_pearson": [0.5, 0.1, 0.0, 0.3, 0.5],
        "failed": ["", "no path", "no examples", "", ""],
    }
)


def test_what_failed_is_nought_and_what_is_dead_is_left_out():
    a, b = graph_scores(texts(SCORES))
    assert (a.layer, a.neurons, a.dead, a.failed) == ("a", 3, 1, 1)
    assert a.f1.mean == pytest.approx(0.5) and a.pearson.mean == pytest.approx(0.8 / 3)
    assert a.gain.mean == pytest.approx((0.2 - 0.2 + 0.0) / 3)
    assert (b.neurons, b.f1.mean, b.f1.low, b.f1.high) == (1, 0.5, None, None)


def test_the_interval_is_that_of_the_textbook():
    values = np.random.default_rng(0).random(20)
    found = estimate(values)
    low, high = t.interval(0.95, 19, values.mean(), values.std(ddof=1) / np.sqrt(20))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_without_graphs_the_cure_is_named():
    with pytest.raises(NotFound) as refused:
        graph_scores(texts(None))
    assert refused.value.hint == "lens graph index --all"
