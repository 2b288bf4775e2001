"""Every collector of the catalogue keeps the contract of `indexer/collectors/collector.py`."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from indexer.catalogue import COLLECTORS, DATASETS, SUBJECTS  # noqa: E402
from indexer.collectors import activation, relmax  # noqa: E402
from indexer.collectors.activation import CollectSettings  # noqa: E402
from indexer.collectors.collector import Collected, End  # noqa: E402
from indexer.progress import Silent  # noqa: E402

K = 6
ASKED = {"exemplars": K, "batch_size": 8, "polarity": "both", "survey": 15, "percentiles": (90.0, 10.0)}


class Pictures:
    """Lesions, some of them twice; `killed` counts down to where reading breaks off."""

    def __init__(self, count=30, copies=6):
        inner = DATASETS.load(f"lesions:{count},seed=901")
        self.images = [inner.load(number) for number in range(count)]
        self.images[3:3] = self.images[-copies:]
        self.keys = tuple(f"{number}.png" for number in range(len(self.images)))
        self.metadata = pd.DataFrame(index=range(len(self.images)))
        self.copies = copies
        self.left = None

    def load(self, number):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        return self.images[number]

    def describe(self):
        return {}


@pytest.fixture(params=sorted(COLLECTORS.entries))
def collect(request, tmp_path):
    """Run a collector; `staging` is what goes on."""

    def run(name="plain", layers=("act", "norm"), *, dataset=None, staging="staging", **asked):
        (tmp_path / staging).mkdir(exist_ok=True)
        settings = CollectSettings(layers, **ASKED | asked)
        collector = COLLECTORS.find(request.param)[0](settings, tmp_path / staging)
        subject = SUBJECTS.load(f"python:tests.nets:{name}")
        return collector.collect(subject, dataset or Pictures(), Silent())

    return run


def ranking(end: End) -> np.ndarray:
    return end.activations if end.relevances is None else end.relevances


def assert_same(a: Collected, b: Collected) -> None:
    for one, other in zip(a.layers, b.layers, strict=True):
        for field in dataclasses.fields(one):
            assert_equal(getattr(one, field.name), getattr(other, field.name))
    np.testing.assert_array_equal(a.predictions, b.predictions)
    assert a.logits.read_bytes() == b.logits.read_bytes()
    assert a.reading == b.reading


def assert_equal(one, other) -> None:
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_equal(getattr(one, field.name), getattr(other, field.name))
    else:
        np.testing.assert_array_equal(one, other)


def test_layers_come_in_the_order_asked_with_ends_of_one_shape(collect):
    found = collect()
    assert [layer.layer for layer in found.layers] == ["act", "norm"]
    for layer in found.layers:
        for sign, end in layer.ends:
            assert end.samples.shape == end.activations.shape == (layer.units, K)
            assert end.activations.dtype == np.float32
            there = np.arange(K) < end.counts[:, None]
            assert (end.samples[~there] == -1).all() and (end.activations[~there] == 0).all()
            assert (end.samples[there] >= 0).all()
            assert (sign * ranking(end)[there] > 0).all()


def test_the_strongest_come_first_and_ties_by_sample(collect):
    layer = collect("classified_ties", ("units",)).layers[0]
    tied = 0
    for sign, end in layer.ends:
        for unit in range(layer.units):
            count = end.counts[unit]
            keys = [
                (-sign * value, sample) for value, sample in zip(ranking(end)[unit], end.samples[unit], strict=True)
            ]
            assert keys[:count] == sorted(keys[:count])
            tied += count - len(set(ranking(end)[unit, :count].tolist()))
    assert tied, "else nothing was tried"


def test_what_is_shown_twice_counts_once(collect):
    dataset = Pictures()
    found = collect(dataset=dataset, exemplars=30)
    firsts = {number for number, first in enumerate(found.reading.originals) if first == number}
    assert len(firsts) == len(dataset.keys) - dataset.copies
    for layer in found.layers:
        for _, end in layer.ends:
            for samples, count in zip(end.samples, end.counts, strict=True):
                assert set(samples[:count].tolist()) <= firsts
                assert len(set(samples[:count].tolist())) == count


def test_dead_neurons_have_no_exemplars(collect):
    layer = collect("classified_signs", ("units",)).layers[0]
    for _, end in layer.ends:
        assert end.counts[[3, 4]].tolist() == [0, 0]
        assert (end.samples[[3, 4]] == -1).all()
        assert not end.active[3]
    assert (layer.range.samples[[3, 4]] == -1).all()


@pytest.mark.parametrize(("polarity", "ends"), [("positive", (1, 1)), ("auto", (1, 2)), ("both", (2, 2))])
def test_polarity_says_which_ends_there_are(collect, polarity, ends):
    found = collect(polarity=polarity)
    assert tuple(len(layer.ends) for layer in found.layers) == ends


def test_the_batch_changes_nothing(collect):
    small, large = collect(staging="small", batch_size=5), collect(staging="large", batch_size=36)
    for one, other in zip(small.layers, large.layers, strict=True):
        for (_, a), (_, b) in zip(one.ends, other.ends, strict=True):
            np.testing.assert_array_equal(a.samples, b.samples)
            np.testing.assert_allclose(a.activations, b.activations, rtol=1e-5)
            np.testing.assert_array_equal(a.active, b.active)


def test_resumed_again_and_again_it_is_the_same(collect, monkeypatch):
    whole = collect(staging="whole")
    monkeypatch.setattr(activation, "_CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(relmax, "_CHECKPOINT_SECONDS", -1.0)
    dataset, interrupted = Pictures(), 0
    while True:
        dataset.left = 20
        try:
            found = collect(dataset=dataset, staging="killed", threads=1)
            break
        except KeyboardInterrupt:
            interrupted += 1
            assert interrupted < 20, "it never gets on"
    assert interrupted >= 1
    assert_same(found, whole)


def test_more_exemplars_than_samples(collect):
    found = collect(exemplars=50, dataset=Pictures(4, 1))
    assert max(end.counts.max() for layer in found.layers for _, end in layer.ends) <= 4


def test_percentiles_are_of_activations(collect):
    found = collect(survey=1000, percentiles=(100.0, 0.0))
    layer = found.layers[0]
    alive = layer.positive.active > 0
    if layer.positive.relevances is None:
        np.testing.assert_array_equal(layer.range.activations[alive, 0], layer.positive.activations[alive, 0])
    assert (layer.range.activations[alive, 0] > layer.range.activations[alive, 1]).all()
    assert layer.survey is None, "kept for contrasts only"


def test_views_are_what_ends_ranges_and_surveys_name(collect):
    from indexer.domain.views import samples_of

    found = collect(contrast=True)
    named = [end.samples for layer in found.layers for _, end in layer.ends]
    named += [layer.range.samples for layer in found.layers] + [layer.survey.samples for layer in found.layers]
    expected = np.unique(np.concatenate([each.ravel() for each in named]))
    np.testing.assert_array_equal(samples_of(found.views()), expected[expected >= 0])
