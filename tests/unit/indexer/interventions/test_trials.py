"""Trials: rows that go together, whatever the batches; subjects given back as they were; faults told apart."""

import numpy as np
import pytest
import torch

from indexer.errors import DatasetFault, InvalidInput, SubjectFault, UnknownName
from indexer.interventions.running import margins
from indexer.interventions.trials import TrialSettings, run_trial
from indexer.progress import Silent
from tests.unit.indexer.interventions.nets import Diary, Fixed, Greedy, Maps, Shots, Tokens, seeded, subject

OVERLAYS = ("colour_patch", "plain", "frame")


def trial(module, dataset=None, numbers=None, overlays=OVERLAYS, progress=None, **settings):
    dataset = dataset or Shots()
    numbers = range(len(dataset.keys)) if numbers is None else numbers
    return run_trial(subject(module), dataset, numbers, overlays, TrialSettings(**settings), progress or Silent())


@pytest.mark.parametrize("settings", [{"batch_size": 1}, {"batch_size": 4, "threads": 3}, {"batch_size": 99}], ids=str)
def test_batches_and_threads_do_not_matter(settings):
    module = seeded(Maps())
    expected, found = trial(module, batch_size=5, threads=1), trial(module, **settings)
    np.testing.assert_allclose(found.untouched, expected.untouched, atol=1e-5)
    for name in OVERLAYS:
        np.testing.assert_allclose(found.pasted[name], expected.pasted[name], atol=1e-5)
    assert not np.allclose(expected.pasted["frame"], expected.untouched, atol=1e-3)


def test_a_samples_overlay_does_not_depend_on_its_company():
    module = seeded(Maps())
    whole, part = trial(module), trial(module, numbers=[7, 2], overlays=("frame", "colour_patch"))
    assert part.numbers.tolist() == [7, 2]
    for name in ("frame", "colour_patch"):
        np.testing.assert_allclose(part.pasted[name], whole.pasted[name][[7, 2]], atol=1e-5)
    other = trial(module, seed=1)
    np.testing.assert_allclose(other.untouched, whole.untouched, atol=1e-5)
    assert not np.allclose(other.pasted["colour_patch"], whole.pasted["colour_patch"], atol=1e-3)


def test_every_image_is_read_once_and_unreadable_ones_are_counted():
    dataset, diary = Shots(broken=(0, 4, 10)), Diary()
    found = trial(seeded(Maps()), dataset, progress=diary, batch_size=3)
    assert found.numbers.tolist() == [1, 2, 3, 5, 6, 7, 8, 9]
    assert len(found.untouched) == 8 and {len(rows) for rows in found.pasted.values()} == {8}
    assert sorted(dataset.reads) == list(range(11))
    (note,) = diary.notes
    assert "3 of 11" in note and "shot-04.png" in note
    whole = trial(seeded(Maps()), Shots())
    np.testing.assert_allclose(found.untouched, whole.untouched[found.numbers], atol=1e-5)


def test_no_overlays_and_the_same_twice():
    assert not trial(seeded(Maps()), overlays=()).pasted
    assert list(trial(seeded(Maps()), overlays=("frame", "plain", "frame")).pasted) == ["frame", "plain"]


def test_the_subject_is_given_back_as_it_was():
    module = seeded(Maps())
    module.train()
    module.norm.eval()
    modes = [each.training for each in module.modules()]
    before = {name: value.clone() for name, value in module.state_dict().items()}
    first = trial(module)
    assert [each.training for each in module.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    np.testing.assert_array_equal(trial(module).untouched, first.untouched)  # dropout was off
    with pytest.raises(DatasetFault):
        trial(module, Shots(2, broken=(0, 1)))
    assert [each.training for each in module.modules()] == modes


def test_a_subject_that_works_in_place_spoils_nothing():
    plain = trial(seeded(Greedy()))
    assert np.isfinite(plain.untouched).all()
    np.testing.assert_allclose(trial(seeded(Greedy()), overlays=()).untouched, plain.untouched, atol=1e-6)


def test_tokens_work():
    assert trial(seeded(Tokens())).untouched.shape == (11, 3)


@pytest.mark.parametrize(
    ("function", "message", "cure"),
    [
        (lambda x: x, "no class logits", "row of class logits"),
        (lambda x: x.mean((1, 2, 3)), "no class logits", "row of class logits"),
        (lambda x: x[:1, 0, 0], "no class logits", "row of class logits"),
        (lambda x: x.mean((2, 3)) / 0, "not finite", "half precision"),
    ],
)
def test_logits_that_are_none_are_refused(function, message, cure):
    with pytest.raises(SubjectFault, match=message) as fault:
        trial(Fixed(function))
    assert cure in fault.value.hint


def test_the_overlay_that_breaks_the_subject_is_named():
    dark = Fixed(lambda x: torch.log(x[:, :, :3, :3].mean((2, 3)) - 0.06))  # finite unless a corner is black
    with pytest.raises(SubjectFault, match="vignette"):
        trial(dark, Shots(2), overlays=("colour_patch", "vignette"))


def test_wrong_questions_are_refused():
    with pytest.raises(UnknownName) as fault:
        trial(seeded(Maps()), overlays=("color_patch",))
    assert "'colour_patch'" in fault.value.hint
    with pytest.raises(InvalidInput, match="no sample"):
        trial(seeded(Maps()), numbers=[])
    with pytest.raises(InvalidInput, match="no sample 11"):
        trial(seeded(Maps()), numbers=[3, 11])
    with pytest.raises(InvalidInput, match="no sample -1"):
        trial(seeded(Maps()), numbers=[-1])
    with pytest.raises(DatasetFault, match="None of the 3"):
        trial(seeded(Maps()), Shots(3, broken=(0, 1, 2)))


def test_an_interruption_passes_and_the_mode_is_restored():
    class Impatient(Shots):
        def load(self, number):
            if number == 5:
                raise KeyboardInterrupt
            return super().load(number)

    module = seeded(Maps()).train()
    with pytest.raises(KeyboardInterrupt):
        trial(module, Impatient(), batch_size=2)
    assert module.training and module.drop.training


def test_margins_by_hand():
    rows = np.array([[1, 4, 2], [3, 0, 3]], np.float32)
    assert margins(rows, 1).tolist() == [2, -3]
    assert margins(rows, 0).tolist() == [-3, 0]
    for outputs, target in ((rows, 3), (rows, -1), (rows[:, :1], 0)):
        with pytest.raises(InvalidInput, match="no margin"):
            margins(outputs, target)
