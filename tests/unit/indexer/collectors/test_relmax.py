"""Exemplars by relevance: the ranking against float64 brute force, resuming, and what cannot be ranked so."""

import numpy as np
import pytest
import torch

from indexer.catalogue import DATASETS, SUBJECTS
from indexer.collectors import relmax
from indexer.collectors.activation import CollectSettings
from indexer.collectors.relmax import RelevanceCollector
from indexer.errors import SubjectFault
from indexer.progress import Silent

DATASET = "lesions:40,seed=901"


def collect(staging, name="python:tests.nets:plain", layers=("act",), **settings):
    staging.mkdir(exist_ok=True)
    collector = RelevanceCollector(CollectSettings(layers, **{"exemplars": 6, "batch_size": 8} | settings), staging)
    return collector.collect(SUBJECTS.load(name), DATASETS.load(DATASET), Silent())


def brute_force(name, layer, aggregate):
    """One sample at a time in float64: (relevance, aggregated activation) [samples, units]."""
    subject, dataset = SUBJECTS.load(name), DATASETS.load(DATASET)
    module = subject.module.double().eval()
    calls, gradients = [], []
    for number in range(len(dataset.keys)):
        outputs = []
        handle = module.get_submodule(layer).register_forward_hook(
            lambda _m, _i, output, kept=outputs: (kept.append(output), output.clone())[1]
        )
        logits = module(subject.preprocess(dataset.load(number))[None].double().requires_grad_())
        handle.remove()
        gradients.append([each.numpy() for each in torch.autograd.grad(logits.max(), outputs)])
        calls.append([each.detach().numpy() for each in outputs])
    centre = np.mean([[call.mean(axis=(2, 3))[0] for call in each] for each in calls], axis=(0, 1))[:, None, None]
    relevance = [
        sum((gradient[0] * (call[0] - centre)).sum(axis=(1, 2)) for gradient, call in zip(*pair, strict=True))
        for pair in zip(gradients, calls, strict=True)
    ]
    return np.array(relevance), np.array([aggregate([call[0] for call in each]) for each in calls])


def assert_ranked(end, sign, relevance, activations):
    for unit in range(relevance.shape[1]):
        order = [n for n in np.argsort(-sign * relevance[:, unit], kind="stable") if sign * relevance[n, unit] > 1e-9]
        count = int(end.counts[unit])
        assert end.active[unit] == len(order), "active where the relevance has this sign"
        assert count == min(len(order), end.samples.shape[1])
        assert end.samples[unit, :count].tolist() == order[:count]
        assert (end.samples[unit, count:] == -1).all()
        np.testing.assert_allclose(end.relevances[unit, :count], relevance[order[:count], unit], rtol=1e-3, atol=1e-7)
        np.testing.assert_allclose(end.activations[unit, :count], activations[order[:count], unit], rtol=1e-4)


@pytest.mark.parametrize("polarity", ["positive", "both"])
def test_the_samples_of_highest_relevance(tmp_path, polarity):
    layer = collect(tmp_path, polarity=polarity).layers[0]
    truth = brute_force("python:tests.nets:plain", "act", lambda calls: calls[0].mean(axis=(1, 2)))
    assert_ranked(layer.positive, 1, *truth)
    if polarity == "positive":
        assert layer.negative is None
    else:
        assert_ranked(layer.negative, -1, *truth)
        assert (layer.negative.relevances[layer.negative.samples >= 0] < 0).all()


def test_relevance_ranks_otherwise_than_activation(tmp_path):
    layer = collect(tmp_path).layers[0]
    assert (np.diff(layer.positive.activations, axis=1) > 0).any()
    assert (np.diff(layer.positive.relevances, axis=1) <= 0).all()
    held = layer.positive.counts > 0
    assert (layer.positive.strongest >= layer.positive.activations.max(axis=1))[held].all()


def test_a_module_called_twice_counts_both_calls(tmp_path):
    name = "python:tests.nets:called_twice_unequally"
    layer = collect(tmp_path, name=name, layers=("shared",)).layers[0]
    truth = brute_force(name, "shared", lambda calls: np.mean([each.mean(axis=(1, 2)) for each in calls], axis=0))
    assert_ranked(layer.positive, 1, *truth)
    assert_ranked(layer.negative, -1, *truth)


class _Killed(Exception):
    pass


@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_ranking_goes_on_to_the_same_result(tmp_path, monkeypatch, after):
    whole = collect(tmp_path / "whole", polarity="both").layers[0]
    monkeypatch.setattr(relmax, "_CHECKPOINT_SECONDS", -1.0)
    real, added = relmax._add, []

    def dying(*arguments):
        if len(added) == after:
            raise _Killed
        added.append(1)
        return real(*arguments)

    monkeypatch.setattr(relmax, "_add", dying)
    with pytest.raises(_Killed):
        collect(tmp_path / "killed", polarity="both")
    monkeypatch.setattr(relmax, "_add", lambda *given: (added.append(1), real(*given))[1])
    resumed = collect(tmp_path / "killed", polarity="both").layers[0]
    assert len(added) == 5, "what was ranked is not ranked again"
    for end in ("positive", "negative"):
        for name in ("samples", "activations", "relevances", "counts", "active", "strongest"):
            np.testing.assert_array_equal(getattr(getattr(resumed, end), name), getattr(getattr(whole, end), name))


@pytest.mark.parametrize(
    ("name", "layer", "said", "cure"),
    [
        ("no_logits", "act", "gives no class logits", "--collector activation"),
        ("no_gradient", "act", "No gradient flows", "--collector activation"),
    ],
)
def test_what_has_no_relevance_is_refused_at_once(tmp_path, name, layer, said, cure, monkeypatch):
    monkeypatch.setattr(relmax.ActivationCollector, "collect", lambda *_: pytest.fail("the first pass was run"))
    with pytest.raises(SubjectFault, match=said) as fault:
        collect(tmp_path, name=f"python:tests.nets:{name}", layers=(layer,))
    assert cure in fault.value.hint


def test_dead_and_constant_neurons_have_no_exemplars(tmp_path):
    layer = collect(tmp_path, name="python:tests.nets:classified_signs", layers=("units",), polarity="both").layers[0]
    assert layer.constant[[3, 4]].all()
    for end in (layer.positive, layer.negative):
        assert end.counts[[3, 4]].tolist() == [0, 0]
        assert (end.samples[[3, 4]] == -1).all()
