"""`tiny-text:grammar`: what the network's neurons do is what their rules say, token by token."""

import numpy as np
import pytest

from indexer.catalogue import CORPORA, SUBJECTS
from indexer.subjects.text_nets.grammar import chances, text, token, words
from indexer.subjects.text_nets.grammar_rules import FIRST, SECOND, rules
from indexer.subjects.token_runs import TokenRuns


@pytest.fixture(scope="module")
def subject():
    return SUBJECTS.load("tiny-text:grammar")


def _rule(name):
    return next(rule for layer in rules().values() for rule in layer if rule.name == name)


def _compared(subject, prompts):
    """(layer, unit, tokens, measured, told) of every prompt and neuron."""
    for shown in TokenRuns(subject, [FIRST, SECOND]).run(prompts):
        for layer, activations in shown.activations.items():
            assert activations.shape[-1] == len(rules()[layer])
            for row, number in enumerate(shown.prompts):
                for unit, rule in enumerate(rules()[layer]):
                    measured = activations[row, : shown.lengths[row], unit].numpy()
                    yield layer, unit, measured, rule.activations(prompts[number])


def test_activations_are_those_of_the_rules_on_texts_of_the_language(subject):
    fired = {(layer, unit): 0 for layer in rules() for unit in range(len(rules()[layer]))}
    for layer, unit, measured, told in _compared(subject, [text(4, number) for number in range(250)]):
        assert measured == pytest.approx(told, abs=1e-5), rules()[layer][unit].name
        fired[layer, unit] += int((told > 0).sum())
    silent = [rules()[layer][unit].name for (layer, unit), count in fired.items() if not count]
    assert silent == ["nothing"]


def test_activations_are_those_of_the_rules_on_tokens_in_any_order(subject):
    chance = np.random.default_rng(0)
    of_language = [chance.choice(words(), 40).tolist() for _ in range(60)]
    of_any = [chance.integers(2, len(chances()), 63).tolist() for _ in range(10)]
    for layer, unit, measured, told in _compared(subject, of_language + of_any):
        assert measured == pytest.approx(told, abs=1e-5), rules()[layer][unit].name


@pytest.mark.parametrize(
    ("name", "fires", "silent"),
    [
        ("cat after the", " the cat", " a cat"),
        ("door two after the", " the red door", " the door"),
        ("river three after in", " in the old river", " in the river"),
        ("very after very", " very very", " the very"),
        ("the beginning a text", " the", " cat the"),
        ("cat after the beginning a text", " the cat", " sees the cat"),
        ("closing bracket two after an opening one", " ( cat)", " (.).)"),
        ("the byte 8d after 90", "🐍", "🌍"),
        ("the byte 8d after 8c after half an emoji", "🌍", "🐍"),
        ("dog after old, weaker small", " small dog", " red dog"),
        ("bird after blue, faintly strange", " blue bird", " strange bird"),
        ("house, weaker river, faintly letter", " river", " letter"),
        ("any token", "?", None),
        ("nothing", None, " the cat"),
        ("opens after door after red · dog after the or a", " red door opens", " door opens"),
        ("opens after door after red · dog after the or a", " a dog", " red dog"),
    ],
)
def test_what_the_rules_say_in_examples(subject, name, fires, silent):
    rule = _rule(name)
    assert fires is None or rule.fires(subject.tokenizer.encode(fires))[-1]
    assert silent is None or not rule.fires(subject.tokenizer.encode(silent))[-1]


def test_firings_have_different_strengths():
    rule = _rule("sees, weaker finds, opens")
    tokens = [token(f" {word}") for word in ("sees", "finds", "opens", "paints")]
    assert rule.activations(tokens) == pytest.approx([1, 0.8, 0.6, 0])


def test_every_rule_and_its_near_misses_are_in_the_corpus():
    """A pattern's last token alone says little: it comes without its context, too."""
    corpus = CORPORA.load("grammar:600")
    tokens = [text(corpus.seed, number) for number in range(600)]
    for rule in (rule for layer in rules().values() for rule in layer):
        for sense in rule.senses:
            firing = sum(sense.activation(each, place) >= 0.5 for each in tokens for place in range(len(each)))
            last = sense.places[0]
            alone = sum(each.count(token) for each in tokens for token in last) if last else 10**9
            assert firing >= 5, rule.name
            assert len(sense.places) == 1 or alone >= 1.2 * firing, rule.name
