"""Texts of the made-up language."""

import pytest

from indexer.catalogue import CORPORA, is_corpus
from indexer.errors import DatasetFault, InvalidInput
from indexer.subjects.text_nets.grammar import LONGEST, chances, text, token, vocabulary


def test_same_text_for_the_same_seed_and_number_whatever_the_count():
    few, many, other = (CORPORA.load(f"grammar:{argument}") for argument in ("3", "50,seed=0", "50,seed=1"))
    assert [few.load(number) for number in range(3)] == [many.load(number) for number in (0, 1, 2)]
    assert few.load(2) == few.load(2) != other.load(2)
    assert list(many.metadata["document"]) == list(many.keys) and len(set(many.keys)) == 50
    assert is_corpus("grammar:3")


def test_describes_what_gives_the_same_texts_again():
    corpus = CORPORA.load("grammar:7,seed=5")
    again = CORPORA.load(f"grammar:{corpus.describe()['argument']}")
    assert again.describe() == corpus.describe() and again.load(6) == corpus.load(6)


@pytest.mark.parametrize("argument", ["0", "1000001", "-3", "many", "5,seed=x", "5,sead=1", "5,seed=1,seed=2", "5,6"])
def test_refuses_what_is_no_count_or_setting(argument):
    with pytest.raises(InvalidInput) as fault:
        CORPORA.load(f"grammar:{argument}")
    assert "grammar:COUNT" in str(fault.value.hint)


def test_a_text_beyond_the_last_is_named():
    with pytest.raises(DatasetFault, match="no text 3"):
        CORPORA.load("grammar:3").load(3)


def test_the_table_is_a_distribution_and_texts_keep_to_it():
    table, vocabulary_size = chances(), len(vocabulary())
    assert table.shape == (vocabulary_size, vocabulary_size)
    assert table.sum(axis=1) == pytest.approx(1) and table.min() == 0
    seen = 0
    for number in range(200):
        tokens = text(3, number)
        assert 1 <= len(tokens) <= LONGEST
        assert all(table[before, after] > 0 for before, after in zip([0, *tokens], tokens, strict=False))
        pairs = zip(tokens, tokens[1:], strict=False)
        seen += sum(after == token(" door") for before, after in pairs if before == token(" red"))
    reds = sum(tokens[:-1].count(token(" red")) for tokens in (text(3, number) for number in range(200)))
    assert seen / reds == pytest.approx(table[token(" red"), token(" door")], abs=0.12)
