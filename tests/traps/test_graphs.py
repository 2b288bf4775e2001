"""Where Neuron to Graph could go wrong without a word."""

import numpy as np
import pytest
import torch

from indexer.graphs.making import GraphMaker
from indexer.graphs.measuring import Measurer, Wanted
from indexer.graphs.settings import Asked, Example, GraphSettings
from indexer.subjects.text_nets.network import Decoder
from indexer.subjects.text_subject import TextSubject
from tests.oracles.graph_rules import ALPHABET, Alphabet, ids, rules

A, B = ALPHABET.index(b"a"), ALPHABET.index(b"b")


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(1)
    net = Decoder(len(ALPHABET), width=16, blocks=2, heads=2, neurons=16)
    for weights in net.parameters():
        torch.nn.init.normal_(weights, std=0.5)
    return TextSubject("tests:decoder", net.eval(), Alphabet(), 64, causal=True)


def test_prompts_of_other_lengths_in_the_batch_change_nothing(decoder):
    texts = [ids("abc" * size) for size in (1, 9, 2, 14, 5)]
    measurer = Measurer(decoder, "blocks.1.mlp.up")
    together = measurer.measure([Wanted(text, unit) for text in texts for unit in (0, 3)])
    alone = [measurer.measure([Wanted(text, unit)])[0] for text in texts for unit in (0, 3)]
    for a, b in zip(together, alone, strict=True):
        assert len(a) == len(b) and np.allclose(a, b, atol=1e-5)


def test_each_neuron_gets_its_own_column(decoder):
    text = ids("abcdefg")
    found = Measurer(decoder, "blocks.0.mlp.up").measure(
        [Wanted(text, unit, sign) for unit in range(16) for sign in (1, -1)]
    )
    assert len({values.tobytes() for values in found}) == 32
    assert all(np.array_equal(a, -b) for a, b in zip(found[::2], found[1::2], strict=True))


def test_held_out_texts_change_no_graph():
    build = (Example(ids("xxbaxx"), 3),)
    graphs = [
        next(iter(GraphMaker(rules(), "units").make([Asked(0, 1, 1, 3.0, build, held)]))).graph
        for held in ((), (Example(ids("bababa"), 1),), (Example(ids("a"), 0),))
    ]
    assert graphs[0] == graphs[1] == graphs[2] and graphs[0].activating == {A}


def test_the_order_of_examples_changes_no_graph():
    texts = [Example(ids(text), text.index("a")) for text in ("xxba", "cba", "bxa", "xbaxxba", "a")]
    graphs = [
        next(iter(GraphMaker(rules(), "units").make([Asked(0, 1, 1, 3.0, tuple(order), ())]))).graph
        for order in (texts, texts[::-1])
    ]
    assert graphs[0] == graphs[1]


def test_pruning_does_not_weaken_an_example(decoder):
    chance = np.random.default_rng(0)
    texts = [tuple(int(x) for x in chance.integers(2, len(ALPHABET), 40)) for _ in range(6)]
    measurer, tried = Measurer(decoder, "blocks.1.mlp.act"), 0
    for unit in range(16):
        values = measurer.measure([Wanted(text, unit) for text in texts])
        place, highest = int(values[0].argmax()), float(max(each.max() for each in values))
        whole = float(values[0][place]) / highest if highest > 0 else 0.0
        if whole > 0.5:
            asked, settings = Asked(0, unit, 1, highest, (Example(texts[0], place),), ()), GraphSettings(least=0)
            (made,) = GraphMaker(decoder, "blocks.1.mlp.act", settings).make([asked])
            ends = [path.maximum for path in made.graph.paths if path.tokens[0] == texts[0][place]]
            assert max(ends) >= whole - 1e-5
            tried += 1
    assert tried > 3


def test_a_token_that_silences_the_neuron_is_on_no_path():
    # Masking b wakes the neuron further, so b is unimportant; putting another token for a ends the firing.
    asked = Asked(0, 7, 1, 1.0, (Example(ids("xbaxb"), 2),), (Example(ids("ba"), 1),))
    (made,) = GraphMaker(rules(), "units").make([asked])
    assert {path.tokens for path in made.graph.paths} == {(A,)}
