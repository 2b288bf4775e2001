"""A uniform subset of the samples with all their activations, and the samples over a neuron's range."""

import numpy as np
import pytest
from scipy.stats import chisquare

from indexer.collectors.collector import End, LayerExemplars, Survey
from indexer.collectors.statistics import LayerStatistics
from indexer.collectors.survey import Surveying, surveyed
from indexer.domain import survey as drawing
from indexer.domain.survey import lots, size_for


def stream(activations, batch, asked=20, order=None):
    surveying = Surveying(activations.shape[1], asked)
    order = np.arange(len(activations)) if order is None else order
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        surveying.add(activations[part], part)
    return surveying.result()


@pytest.mark.parametrize("count", [5, 20, 21, 300])
def test_the_lowest_lots_whatever_the_batches(count):
    activations = np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32)
    expected = np.sort(np.argsort(lots(np.arange(count)))[:20])
    shuffled = np.random.default_rng(1).permutation(count)
    for batch, order in [(1, None), (7, None), (1000, None), (7, shuffled)]:
        found = stream(activations, batch, order=order)
        np.testing.assert_array_equal(found.samples, expected)
        np.testing.assert_array_equal(found.activations, activations[expected])


def test_every_sample_is_as_likely():
    """Of many consecutive windows of samples, each place is drawn as often as any other."""
    drawn = np.zeros(50)
    for window in range(2000):
        drawn[np.argsort(lots(np.arange(50) + 50 * window))[:10]] += 1
    assert chisquare(drawn).pvalue > 0.001


def test_no_two_lots_alike():
    assert len(np.unique(lots(np.arange(1 << 17)))) == 1 << 17


def test_memory_bounds_the_subset():
    assert size_for(1000, 100) == 1000
    assert size_for(1000, 100_000) * 100_000 * 4 <= drawing.BYTES
    assert size_for(1000, 1 << 30) == 1


def test_restored_goes_on(monkeypatch):
    activations = np.random.default_rng(2).normal(size=(100, 4)).astype(np.float32)
    statistics = LayerStatistics("layer", 4, 3, 10)
    for start in range(0, 100, 5):
        numbers = np.arange(start, start + 5)
        statistics.add(activations[numbers], activations[numbers].sum(axis=0, dtype=np.float64), numbers)
        state = {name: array.copy() for name, array in statistics.state().items()}
        statistics = LayerStatistics.restored("layer", 3, 10, state)
    found = statistics.result("auto").survey
    expected = stream(activations, 100, asked=10)
    np.testing.assert_array_equal(found.samples, expected.samples)
    np.testing.assert_array_equal(found.activations, expected.activations)


def test_nothing_is_kept_unless_asked_for():
    statistics = LayerStatistics("layer", 2, 3)
    statistics.add(np.ones((4, 2), dtype=np.float32), np.ones(2), np.arange(4))
    assert statistics.result("auto").survey is None
    assert not any("survey" in name for name in statistics.state())


def layer_with(activations, samples, dead=()):
    units = activations.shape[1]
    active = np.where(np.isin(np.arange(units), dead), 0, 5)
    end = End(np.zeros((units, 1), np.float32), np.zeros((units, 1), np.int64), np.ones(units, int), active)
    plain = np.zeros(units)
    return LayerExemplars("layer", end, None, plain, plain, plain > 0, Survey(samples, activations))


def test_percentiles_by_nearest_rank():
    rng = np.random.default_rng(3)
    activations, samples = rng.normal(size=(41, 5)).astype(np.float32), np.arange(41) * 3
    found = surveyed(layer_with(activations, samples), (100.0, 75.0, 50.0, 10.0, 0.0), contrast=False)
    assert found.survey is None
    for unit in range(5):
        ranked = sorted((value, sample) for value, sample in zip(activations[:, unit], samples, strict=True))
        expected = [ranked[round(p / 100 * 40)] for p in (100, 75, 50, 10, 0)]
        assert found.range.samples[unit].tolist() == [sample for _, sample in expected]
        assert found.range.activations[unit].tolist() == [value for value, _ in expected]


def test_equal_activations_go_by_sample():
    found = surveyed(layer_with(np.zeros((11, 1), np.float32), np.arange(5, 16)), (100.0, 50.0, 0.0), contrast=True)
    assert found.range.samples.tolist() == [[15, 10, 5]]
    assert found.survey is not None


def test_dead_neurons_have_no_range():
    found = surveyed(layer_with(np.ones((11, 2), np.float32), np.arange(11), dead=[1]), (50.0,), contrast=False)
    assert found.range.samples.tolist() == [[5], [-1]]
    assert found.range.activations.tolist() == [[1.0], [0.0]]


def test_one_sample_is_every_percentile():
    found = surveyed(layer_with(np.ones((1, 1), np.float32), np.array([4])), (90.0, 10.0), contrast=False)
    assert found.range.samples.tolist() == [[4, 4]]
