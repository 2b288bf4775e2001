"""Ablation on every shape of layer and every habit of a subject."""

import numpy as np
import pytest
import torch

from indexer.errors import InvalidInput, SubjectFault, UnknownName
from indexer.interventions.ablation import Ablation, Patching, ablated_logits, mean_activations, patched_effects
from indexer.interventions.trials import TrialSettings, run_trial
from indexer.progress import Silent
from tests.unit.indexer.interventions.nets import (
    Contained,
    Diary,
    Greedy,
    Maps,
    Shots,
    Tokens,
    Twice,
    preprocess,
    seeded,
    subject,
)


def ablation(layer, units, values):
    return Ablation({layer: np.array(units, np.int64)}, {layer: np.array(values, np.float32)})


def run(module, *ablations, dataset=None, progress=None, **settings):
    dataset = dataset or Shots()
    numbers = range(len(dataset.keys))
    return ablated_logits(subject(module), dataset, numbers, ablations, TrialSettings(**settings), progress or Silent())


def means(module, layers, **settings):
    return mean_activations(subject(module), Shots(), range(11), layers, TrialSettings(**settings), Silent())


def inputs(dataset=None):
    dataset = dataset or Shots()
    return torch.stack([preprocess(dataset.load(number)) for number in range(len(dataset.keys))])


def test_holding_nothing_or_holding_what_is_there_changes_nothing():
    module = seeded(Maps())
    with torch.no_grad():
        module.conv.weight[2] = 0  # this unit is its bias everywhere
    untouched, (nothing, same, other) = run(
        module,
        ablation("conv", [], []),
        ablation("conv", [2], [module.conv.bias[2].item()]),
        ablation("conv", [2], [9.0]),
    )
    np.testing.assert_array_equal(nothing, untouched)
    np.testing.assert_allclose(same, untouched, atol=1e-6)
    assert np.abs(other - untouched).max() > 1e-3


@pytest.mark.parametrize(
    ("net", "layer"),
    [(Maps, "conv"), (Maps, "norm"), (Maps, "act"), (Tokens, "mlp"), (Tokens, "attention"), (Tokens, "mlp.0")],
)
def test_batches_and_threads_do_not_matter(net, layer):
    module, held = seeded(net()), ablation(layer, [4, 1], [0.7, -1.3])
    untouched, (changed,) = run(module, held, batch_size=99)
    again, (rechanged,) = run(module, held, batch_size=3, threads=1)
    np.testing.assert_allclose(again, untouched, atol=1e-5)
    np.testing.assert_allclose(rechanged, changed, atol=1e-5)
    assert np.abs(changed - untouched).max() > 1e-4
    np.testing.assert_allclose(means(module, [layer], batch_size=4)[layer], means(module, [layer])[layer], atol=1e-6)


@pytest.mark.parametrize("kind", ["tuple", "list", "named", "dict"])
def test_the_first_tensor_of_a_container_is_what_is_held(kind):
    held = ablation("inner", [0, 3], [1.5, -0.5])
    expected = run(seeded(Contained("tensor")), held)
    found = run(seeded(Contained(kind)), held)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1][0], expected[1][0])
    assert np.abs(found[1][0] - found[0]).max() > 1e-3


def test_a_next_module_in_place_does_not_touch_what_was_held():
    """norm is followed by a ReLU in place: holding norm at −5 is holding act at 0, and leaves the others alone."""
    module = seeded(Maps())
    _, (before, after) = run(module, ablation("norm", [1, 2], [-5.0, 3.0]), ablation("act", [1, 2], [0.0, 3.0]))
    np.testing.assert_allclose(before, after, atol=1e-6)
    with torch.no_grad():
        expected = module.norm(module.conv(inputs())).mean((0, 2, 3)).numpy()
    np.testing.assert_allclose(means(module, ["norm"])["norm"], expected, atol=1e-5)
    assert expected.min() < 0, "else a ReLU in place would not show"


def test_a_module_called_twice_is_held_in_both_calls():
    module = seeded(Twice())
    untouched, (held,) = run(module, ablation("shared", [0, 1, 2, 3], [0.3, 0.3, 0.3, 0.3]))
    level = torch.relu(torch.tensor(0.3)) - torch.tanh(torch.tensor(0.3))
    expected = module.head(level.expand(1, 4)).detach().numpy()
    np.testing.assert_allclose(held, np.repeat(expected, 11, axis=0), atol=1e-6)
    with torch.no_grad():
        calls = torch.stack([module.shared(inputs()), module.shared(1 - inputs())])
    np.testing.assert_allclose(means(module, ["shared"])["shared"], calls.mean((0, 1, 3, 4)).numpy(), atol=1e-6)


def test_several_layers_at_once():
    module = seeded(Maps())
    both = Ablation(
        {"conv": np.array([0]), "deep": np.array([0, 1, 2, 3, 4])},
        {"conv": np.array([2], np.float32), "deep": np.full(5, 0.5, np.float32)},
    )
    _, (held,) = run(module, both)
    expected = module.head(torch.full((1, 5), 0.5)).detach().numpy()
    np.testing.assert_allclose(held, np.repeat(expected, 11, axis=0), atol=1e-6)


def test_a_subject_that_normalises_in_place_sees_the_same_input_every_time():
    untouched, (nothing,) = run(seeded(Greedy()), ablation("inside.conv", [], []))
    np.testing.assert_array_equal(nothing, untouched)


def test_the_rows_are_those_of_a_trial():
    dataset, diary = Shots(broken=(3, 8)), Diary()
    module = seeded(Maps())
    untouched, (held,) = run(module, ablation("act", [0], [1.0]), dataset=dataset, progress=diary, batch_size=4)
    trial = run_trial(subject(module), Shots(broken=(3, 8)), range(11), (), TrialSettings(batch_size=4), Silent())
    np.testing.assert_allclose(untouched, trial.untouched, atol=1e-6)
    assert len(held) == 9 and sorted(dataset.reads) == list(range(11)) and "2 of 11" in diary.notes[0]


def test_the_subject_is_given_back_as_it_was():
    module = seeded(Maps()).train()
    module.norm.eval()
    modes = [each.training for each in module.modules()]
    before = {name: value.clone() for name, value in module.state_dict().items()}

    def unchanged():
        hooks = any(each._forward_hooks for each in module.modules())
        same = all(torch.equal(before[name], value) for name, value in module.state_dict().items())
        return same and not hooks and [each.training for each in module.modules()] == modes

    run(module, ablation("norm", [0], [1.0]))
    assert unchanged()
    means(module, ["norm", "act"])
    patched_effects(subject(module), Shots(2), [0, 1], Patching("act", "frame", 1), TrialSettings(), Silent())
    assert unchanged()
    with pytest.raises(InvalidInput, match="no unit 6"):
        run(module, ablation("norm", [6], [1.0]))
    assert unchanged()


def test_what_cannot_be_held_is_refused():
    with pytest.raises(UnknownName):
        run(seeded(Maps()), ablation("convv", [0], [1.0]))
    with pytest.raises(SubjectFault, match="not called"):
        run(seeded(Twice()), ablation("spare", [0], [1.0]))
    with pytest.raises(SubjectFault, match="not called"):
        means(seeded(Twice()), ["spare"])
    with pytest.raises(UnknownName, match="overlay"):
        patched_effects(subject(seeded(Maps())), Shots(), [0], Patching("act", "fram", 0), TrialSettings(), Silent())
    for units, values in (([0, 0], [1, 1]), ([-1], [1]), ([0], [1, 2]), ([0], [np.nan]), ([[0]], [[1]])):
        with pytest.raises(InvalidInput, match="'conv'"):
            ablation("conv", units, values)
    with pytest.raises(InvalidInput, match="same layers"):
        Ablation({"conv": np.array([0])}, {})
