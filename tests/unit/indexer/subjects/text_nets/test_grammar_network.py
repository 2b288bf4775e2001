"""The network built of rules: its head, its spelling, texts that are not of its language."""

import pytest
import torch

from indexer.catalogue import CORPORA, SUBJECTS
from indexer.errors import SubjectFault, UnknownName
from indexer.subjects.text_nets.grammar import chances, text, token
from indexer.subjects.text_nets.grammar_rules import FIRST, SECOND
from indexer.subjects.token_runs import TokenRuns


@pytest.fixture(scope="module")
def subject():
    return SUBJECTS.load("tiny-text:grammar")


def test_the_head_gives_the_language_its_true_distribution(subject):
    ids = torch.tensor([subject.prompt(text(0, 0))])
    told = subject.module(ids)[0].softmax(-1).double()
    assert torch.allclose(told, torch.from_numpy(chances())[ids[0]], atol=1e-6)


def test_texts_are_read_as_the_tokens_that_they_were_made_of(subject):
    corpus = CORPORA.load("grammar:60,seed=2")
    for number in range(60):
        read, made = subject.tokenizer.encode(corpus.load(number)), text(2, number)
        whole = len(made) - 3  # the last emoji may be cut off
        assert read[:whole] == made[:whole] and len(read) <= len(made)


@pytest.mark.parametrize("words", ["", " the cat🐍.", "Ünïcode, \x00\t\n 🐦🌍", "<|begin|><|mask|>", "x" * 10, " cats"])
def test_any_text_is_legal_and_nothing_is_lost(subject, words):
    tokens = subject.tokenizer.encode(words)
    assert b"".join(subject.tokenizer.pieces[each] for each in tokens) == words.encode()
    assert not subject.tokenizer.special & set(tokens)


def test_an_emoji_is_three_tokens_none_of_them_utf8(subject):
    pieces = [subject.tokenizer.pieces[each] for each in subject.tokenizer.encode(" cat🐍")]
    assert pieces == [b" cat", b"\xf0\x9f", b"\x90", b"\x8d"]


def test_the_same_however_it_is_batched(subject):
    prompts = [text(1, number) for number in range(12)]
    together = {number: shown for shown in TokenRuns(subject, [FIRST, SECOND]).run(prompts) for number in shown.prompts}
    for number, prompt in enumerate(prompts):
        (alone,) = TokenRuns(subject, [FIRST, SECOND]).run([prompt])
        row = together[number].prompts.index(number)
        for layer in (FIRST, SECOND):
            assert torch.equal(alone.activations[layer][0], together[number].activations[layer][row, : len(prompt)]), (
                layer
            )


def test_a_text_too_long_is_refused(subject):
    with pytest.raises(SubjectFault, match="takes 63 tokens"):
        subject.prompt([token(" cat")] * 64)


def test_unknown_models_are_named():
    with pytest.raises(UnknownName):
        SUBJECTS.load("tiny-text:grammer")
