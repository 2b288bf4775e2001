"""Which concepts each layer knows: counts of the labels that `label` gives, no second rule."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from indexer.errors import IndexUnusable, InvalidInput
from lens_server.answers import State
from lens_server.queries import coverage as module
from lens_server.queries.coverage import LEAST_ALIVE, coverage

WORDS = ("ruler", "hair", "ink", "colour patch")


@pytest.fixture(scope="module")
def probes(opened_lens):
    return opened_lens.words.vocabulary(WORDS)


def test_it_counts_what_label_says(opened_lens):
    """Neuron by neuron, from the labels of the whole index."""
    found = opened_lens.coverage("dermoscopy")
    labels = [each for each in opened_lens.label("dermoscopy") if each.neuron.state is State.ALIVE]
    (index,) = found.indexes
    assert (index.index, index.alive, index.named) == (opened_lens.name, len(labels), sum(bool(x.text) for x in labels))
    assert [each.layer for each in index.layers] == [each.name for each in opened_lens.describe().layers]
    for layer in index.layers:
        own = [each for each in labels if each.neuron.layer == layer.layer]
        named = Counter(each.text for each in own if each.text is not None)
        assert (layer.alive, layer.named, layer.too_few) == (len(own), sum(named.values()), len(own) < LEAST_ALIVE)
        assert {each.text: each.neurons for each in layer.concepts} == named
        for each in layer.concepts:
            best = max((label for label in own if label.text == each.text), key=lambda label: label.alignment)
            assert (each.best, each.alignment, each.p_corrected) == (best.neuron.id, best.alignment, best.p_corrected)
            assert each.share == (None if layer.too_few else each.neurons / len(own))
    assert sum(layer.named for layer in index.layers) > 10, "else nothing was tested"
    assert len(found.concepts) == len(set(found.concepts))
    assert set(found.concepts) == {each.text for layer in index.layers for each in layer.concepts}


def test_shares_are_of_the_layers_alive_neurons(side_of, canned, probes, alive_rows):
    """By hand: three words over the alive neurons, most neurons first, the vocabulary's order on ties."""
    canned(module, ["ink"] * 4 + ["hair"] * 2 + ["ruler"] * 2)
    found = coverage([side_of("a")], WORDS, probes, 0.05)
    layer = next(each for each in found.indexes[0].layers if each.alive == len(alive_rows))
    assert [(each.text, each.neurons) for each in layer.concepts] == [("ink", 4), ("hair", 2), ("ruler", 2)]
    assert [each.share for each in layer.concepts] == [count / len(alive_rows) for count in (4, 2, 2)]
    assert layer.concepts[0].p_corrected == 0.001, "that of the best aligned, which is the first"
    assert (found.concepts, found.absent) == (("ink", "ruler", "hair"), 1)


@pytest.mark.parametrize("count", [1, LEAST_ALIVE - 1, LEAST_ALIVE])
def test_too_few_alive_neurons_are_said_so(side_of, canned, probes, alive_rows, count):
    """Counts stay, shares go."""
    canned(module, ["ink"])
    found = coverage([side_of("a", alive_rows[:count])], WORDS, probes, 0.05)
    layers = {each.alive: each for each in found.indexes[0].layers}
    assert layers[0].too_few and not layers[0].concepts
    assert layers[count].too_few is (count < LEAST_ALIVE)
    assert layers[count].concepts[0].neurons == 1
    assert (layers[count].concepts[0].share is None) is (count < LEAST_ALIVE)


def test_several_indexes_in_the_order_asked(side_of, canned, probes):
    canned(module, ["hair"], ["ink"] * 3)
    found = coverage([side_of("b"), side_of("a")], WORDS, probes, 0.05)
    assert [(each.index, each.named) for each in found.indexes] == [("b", 1), ("a", 3)]
    assert found.concepts == ("ink", "hair"), "most neurons over both first"


def test_nothing_named_at_all(side_of, canned, probes):
    canned(module, [])
    found = coverage([side_of("a")], WORDS, probes, 0.05)
    assert (found.concepts, found.absent, found.indexes[0].named) == ((), len(WORDS), 0)


def test_what_cannot_be_compared(side_of, foreign_index, probes, opened_lens):
    """Another space, one name twice, no alive neuron, an empty vocabulary."""
    side = side_of("a")
    with pytest.raises(IndexUnusable, match="a was embedded with .* b with .* cannot be compared"):
        coverage([side, replace(side, name="b", index=foreign_index)], WORDS, probes, 0.05)
    with pytest.raises(InvalidInput, match="Two indexes are named 'a'"):
        coverage([side, side], WORDS, probes, 0.05)
    with pytest.raises(InvalidInput, match="a has no alive neuron"):
        coverage([replace(side, rows=np.arange(0))], WORDS, probes, 0.05)
    with pytest.raises(InvalidInput, match="vocabulary is empty"):
        opened_lens.coverage([])
    with pytest.raises(InvalidInput, match="alpha"):
        opened_lens.coverage(WORDS, alpha=0)
