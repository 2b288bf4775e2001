"""The peer of the benchmarks, Neuron to Graph done plainly: as good as ours, at far more prompts."""

import numpy as np
import pytest

from benchmarks.peers.n2g_plain import ANY, Node, PlainN2G, predicted
from indexer.catalogue import CORPORA, SUBJECTS
from indexer.subjects.text_nets.grammar import text
from indexer.subjects.text_nets.grammar_rules import FIRST, SIMPLE
from tests.oracles.collected import asked_of

FOUND = ("cat after the", "door two after the", "very after very", "the byte 8d after 90")


def test_it_finds_known_rules(tmp_path):
    subject = SUBJECTS.load("tiny-text:grammar")
    asked = asked_of(subject, CORPORA.load("grammar:300"), (FIRST,), tmp_path, examples=5)[FIRST]
    plain, fresh = PlainN2G(subject, FIRST), [text(1000, number) for number in range(60)]
    for neuron, rule in zip(asked, SIMPLE, strict=True):
        if rule.name in FOUND:
            graph = plain.graph(neuron)
            told = np.concatenate([predicted(graph, tokens) for tokens in fresh]) >= 0.5
            assert (told == np.concatenate([rule.fires(tokens) for tokens in fresh])).all(), rule.name
    assert plain.prompts > 100 * len(FOUND)


def test_longer_paths_come_first_and_dead_ends_are_left_again():
    graph = Node({7: Node({5: Node({4: Node({}, [0.9])}), ANY: Node({3: Node({}, [0.6])})}, [0.5])})
    assert predicted(graph, [4, 5, 7]) == pytest.approx([0, 0, 0.9])
    assert predicted(graph, [3, 5, 7]) == pytest.approx([0, 0, 0.6])
    assert predicted(graph, [5, 7]) == pytest.approx([0, 0.5])
