"""Graphs made in batches against the steps done one prompt at a time."""

import numpy as np
import pytest
import torch

from indexer.graphs.making import GraphMaker
from indexer.graphs.measuring import Measurer, Wanted
from indexer.graphs.settings import Asked, Example
from indexer.subjects.text_nets.network import Decoder
from indexer.subjects.text_subject import TextSubject
from tests.oracles.graph_rules import ALPHABET, Alphabet, rules
from tests.oracles.graphs_by_hand import Plain, absorbed, correlation, firing_scores, predict


def decoder(prefix=(1,)):
    torch.manual_seed(3)
    net = Decoder(len(ALPHABET), width=16, blocks=2, heads=2, neurons=24)
    for weights in net.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.5)
    return TextSubject("tests:decoder", net.eval(), Alphabet(prefix), 64, causal=True)


class Bidirectional(torch.nn.Module):
    """Each token sees its neighbours on both sides; predicts what is under a mask from them."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.embedding = torch.nn.Embedding(len(ALPHABET), 12)
        self.mix = torch.nn.Conv1d(12, 24, 5, padding=2)
        self.units = torch.nn.ReLU()
        self.head = torch.nn.Linear(24, len(ALPHABET))

    def forward(self, tokens):
        return self.head(self.units(self.mix(self.embedding(tokens).transpose(1, 2)).transpose(1, 2)))


def asked_of(subject, layer, units, seed=0, signs=(1,), length=24):
    """Neurons with the strongest of random passages as examples."""
    chance = np.random.default_rng(seed)
    texts = [tuple(int(x) for x in chance.integers(2, len(ALPHABET), length)) for _ in range(16)]
    texts += [tuple(int(x) for x in chance.integers(2, len(ALPHABET), size)) for size in (1, 2, 3, 7)]
    measurer, asked = Measurer(subject, layer), []
    for sign in signs:
        for unit in range(units):
            values = measurer.measure([Wanted(text, unit, sign) for text in texts])
            halves = []
            for part in (0, 1):
                ranked = sorted((n for n in range(part, len(texts), 2)), key=lambda n: -values[n].max())
                halves.append(
                    tuple(Example(texts[n], int(values[n].argmax())) for n in ranked[:3] if values[n].max() > 0)
                )
            asked.append(Asked(len(asked), unit, sign, float(max(each.max() for each in values)), *halves))
    return asked


CASES = {
    "causal": (lambda: decoder(), "blocks.1.mlp.act", 6, (1,)),
    "signed": (lambda: decoder(), "blocks.0.mlp.up", 2, (1, -1)),
    "without a prefix": (lambda: decoder(prefix=()), "blocks.0.mlp.act", 3, (1,)),
    "both sides": (
        lambda: TextSubject("tests:both", Bidirectional(), Alphabet(()), 64, causal=False),
        "units",
        12,
        (1,),
    ),
    "rules": (lambda: rules(), "units", 8, (1,)),
}


@pytest.mark.parametrize("case", CASES)
def test_paths_and_scores_are_those_of_the_plain_steps(case):
    made, layer, units, signs = CASES[case]
    subject = made()
    plain, asked, context, scored = Plain(subject, layer), asked_of(subject, layer, units, signs=signs), 0, 0
    for neuron, batched in zip(asked, GraphMaker(subject, layer).make(asked), strict=True):
        slow = absorbed(plain.graph(neuron))
        means = plain.tried(neuron, {path: sum(values) / len(values) for path, values in slow.items()})
        paths = {path.tokens: path for path in batched.graph.paths}
        assert set(paths) == set(means)
        for path, mean in means.items():
            assert paths[path].count == len(slow[path])
            assert paths[path].maximum == pytest.approx(max(slow[path]), abs=1e-5)
            assert paths[path].mean == pytest.approx(mean, abs=1e-5)
        context += any(len(path) > 1 for path in slow)
        if batched.failed:
            assert batched.scores.firing.f1 == 0
            continue
        scored += 1
        true = [value for _, values in plain.held_out(neuron) for value in values]
        predicted = [value for tokens, _ in plain.held_out(neuron) for value in predict(means, tokens)]
        assert tuple(batched.scores.firing) == pytest.approx(firing_scores(predicted, true))
        assert batched.scores.pearson == pytest.approx(correlation(predicted, true), abs=1e-4)
        best = plain.baseline(neuron)
        expected = [best.get(token, 0.0) for example in neuron.held_out for token in example.tokens]
        assert batched.scores.baseline_f1 == pytest.approx(firing_scores(expected, true)[2])
        assert batched.scores.baseline_pearson == pytest.approx(correlation(expected, true), abs=1e-4)
    assert scored >= units // 2 and context >= 2


def test_together_or_alone_makes_the_same_graph():
    subject = decoder()
    asked = asked_of(subject, "blocks.1.mlp.act", 6)
    together = list(GraphMaker(subject, "blocks.1.mlp.act").make(asked))
    alone = [next(iter(GraphMaker(subject, "blocks.1.mlp.act").make([each]))) for each in asked]
    for a, b in zip(together, alone, strict=True):
        assert [(p.tokens, p.count, p.absorbed) for p in a.graph.paths] == [
            (p.tokens, p.count, p.absorbed) for p in b.graph.paths
        ]
        assert a.scores.firing == b.scores.firing and a.failed == b.failed
