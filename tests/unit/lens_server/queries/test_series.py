"""What became of concepts over checkpoints: each step as `diff_concepts` and `diff` have it."""

from dataclasses import replace

import numpy as np
import pytest

from indexer.errors import IndexUnusable, InvalidInput
from lens_server.answers import State
from lens_server.changes import Trend
from lens_server.lens import Lens
from lens_server.queries import concepts
from lens_server.queries.concepts import shares_differ
from lens_server.queries.series import series

WORDS = ("ruler", "hair", "ink", "colour patch")


@pytest.fixture(scope="module")
def probes(opened_lens):
    return opened_lens.words.vocabulary(WORDS)


@pytest.fixture(scope="module")
def halves(opened_lens):
    """The index, and a lens of the same whose earlier layer nobody asks: two checkpoints that differ."""
    other = Lens(opened_lens.index, "later")
    every = other._rows

    other._rows = lambda where: every(where)[::2]
    return opened_lens, other


def courses(found):
    return {each.text: each for each in found.concepts}


def test_a_step_is_what_diff_concepts_says(halves):
    """Strengths, trends and p of two real checkpoints; S as `diff` has it."""
    first, second = halves
    found = first.series([second], "dermoscopy")
    diff = first.diff_concepts(second, "dermoscopy")
    assert found.absent == diff.absent
    assert set(courses(found)) == {each.text for each in diff.concepts} != set()
    for each in diff.concepts:
        before, after = courses(found)[each.text].points
        assert (before.strength, before.trend, before.p_corrected) == (each.a, None, None)
        assert (after.strength, after.trend, after.p_corrected) == (each.b, each.trend, each.p_corrected)
    (step,) = found.steps
    sets = first.diff(second)
    assert (step.a, step.b, step.a_in_b, step.b_in_a) == (sets.a, sets.b, sets.a_in_b, sets.b_in_a)


def test_first_named_and_first_rise(side_of, canned, probes):
    """A single neuron is a name, no rise; a rise is beyond chance, in the corrected test of its step."""
    canned(
        concepts,
        ["hair"] * 9,
        ["hair"] * 9 + ["ink"],
        ["hair"] * 9 + ["ink"] * 30,
        ["ink"] * 30 + ["ruler"] * 30,
    )
    names = ("one", "two", "three", "four")
    found = series([side_of(name) for name in names], WORDS, probes, 0.05)
    by_text = courses(found)
    assert [each.text for each in found.concepts] == ["hair", "ink", "ruler"], "by the checkpoint that first knows them"
    assert {text: (each.first_named, each.first_rise) for text, each in by_text.items()} == {
        "hair": ("one", None),
        "ink": ("two", "three"),
        "ruler": ("four", "four"),
    }
    assert [each.trend for each in by_text["ink"].points] == [None, Trend.APPEARED, Trend.STRENGTHENED, Trend.SAME]
    assert [each.trend for each in by_text["ruler"].points] == [None, None, None, Trend.APPEARED]
    assert [each.trend for each in by_text["hair"].points] == [None, Trend.SAME, Trend.SAME, Trend.VANISHED]
    assert [each.strength.neurons for each in by_text["ink"].points] == [0, 1, 30, 30]
    assert found.absent == 1


def test_p_is_corrected_within_a_step(side_of, canned, probes, alive_rows):
    """Benjamini-Hochberg over the entries that the step lists, by hand."""
    canned(concepts, ["hair"] * 5, ["hair"] * 5 + ["ink"] * 8, ["ink"] * 8)
    found = courses(series([side_of(name) for name in "abc"], WORDS, probes, 0.05))
    of = len(alive_rows)
    ink = shares_differ((0, of), (8, of))
    assert found["ink"].points[1].p_corrected == pytest.approx(min(2 * ink, 1))
    assert found["hair"].points[1].p_corrected == pytest.approx(1)


def test_layers_at_each_checkpoint(opened_lens):
    """Alive shares and mean clarity by hand, over the alive neurons alone."""
    found = opened_lens.series([Lens(opened_lens.index, "again")], WORDS)
    for checkpoint in found.checkpoints:
        for layer in checkpoint.layers:
            neurons = [
                each
                for each in opened_lens.neurons(where_all(layer.layer), page_size=1000).neurons
                if each.layer == layer.layer
            ]
            alive = [each for each in neurons if each.state is State.ALIVE]
            assert (layer.neurons, layer.alive) == (len(neurons), len(alive))
            assert layer.alive_share == len(alive) / len(neurons)
            if alive:
                assert layer.mean_clarity == pytest.approx(np.mean([each.clarity for each in alive]))
            else:
                assert layer.mean_clarity is None
    assert [each.index for each in found.checkpoints] == [opened_lens.name, "again"]


def where_all(layer):
    from lens_server.answers import Where

    return Where(layers=(layer,), states=tuple(State))


def test_what_is_no_series(side_of, foreign_index, probes):
    """One checkpoint, one twice, another space, one without an alive neuron."""
    side = side_of("a")
    with pytest.raises(InvalidInput, match="at least two checkpoints") as refused:
        series([side], WORDS, probes, 0.05)
    assert "--series" in refused.value.hint
    with pytest.raises(InvalidInput, match="Two indexes are named 'a'"):
        series([side, side], WORDS, probes, 0.05)
    with pytest.raises(IndexUnusable, match="cannot be compared"):
        series([side, replace(side, name="b", index=foreign_index)], WORDS, probes, 0.05)
    with pytest.raises(InvalidInput, match="b has no alive neuron"):
        series([side, side_of("b", np.arange(0))], WORDS, probes, 0.05)
