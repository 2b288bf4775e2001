"""Texts cut into passages: nothing but blanks is lost, and lines are where an editor shows them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.corpora import passages
from indexer.corpora.passages import LONGEST, Passages, cut, decoded
from indexer.errors import DatasetFault, InvalidInput

ABOUT = {"adapter": "test", "argument": "somewhere"}
TEXTS = st.text(st.sampled_from("ab \n\t\x0b\x0c\x1c\x85\u2028\u2029\u00e9\U0001f600"), max_size=400)


def of(*texts, size=16, names=None):
    names = names or [f"text {number}" for number in range(len(texts))]
    return Passages(names, lambda number: texts[number], ABOUT, size=size)


@given(TEXTS, st.integers(2, 40))
def test_passages_are_the_text_but_for_blanks(text, size):
    places = list(cut(text, size))
    assert all(before.stop <= after.start for before, after in pairwise(places)), "in order, without overlap"
    kept = {position for place in places for position in range(place.start, place.stop)}
    assert not "".join(letter for position, letter in enumerate(text) if position not in kept).strip()
    for place in places:
        assert text[place.start : place.stop].strip()
        assert place.stop - place.start <= size * LONGEST
        assert place.line == text.count("\n", 0, place.start) + 1


@given(TEXTS.map(lambda text: "x" + text.replace("\n", "\nx").replace(" ", "y")), st.integers(2, 40))
def test_whole_lines_without_blank_ones_joined_are_the_text(text, size):
    size = max(size, *map(len, text.split("\n")))  # longer lines are cut, and what is cut off may be blank
    assert "".join(text[place.start : place.stop] for place in cut(text, size)).strip() == text.strip()


def test_whole_lines_until_long_enough():
    text = "one\ntwo three\nfour\nfive six seven\nlast"
    assert [text[place.start : place.stop] for place in cut(text, 10)] == [
        "one\ntwo three\n", "four\nfive six seven\n", "last",
    ]  # fmt: skip
    assert [place.line for place in cut(text, 10)] == [1, 3, 5]


def test_blank_passages_are_left_out_and_counted_as_lines():
    corpus = of("\n" * 40 + "a word\n" * 3)
    assert "".join(corpus.load(number) for number in range(len(corpus.keys))).strip() == "a word\n" * 2 + "a word"
    first = corpus.load(0)
    assert corpus.metadata["line"][0] + first.count("\n", 0, first.index("a")) == 41


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_separators_that_are_no_ends_of_lines(separator):
    corpus = of(f"first{separator}still the first\nsecond line is here\nthird line is here")
    assert corpus.metadata["line"].tolist() == [1, 2, 3]
    assert corpus.load(0) == f"first{separator}still the first\n"


def test_a_long_line_is_cut_at_spaces():
    text = "word " * 100
    corpus = of(text, size=16)
    assert "".join(corpus.load(number) for number in range(len(corpus.keys))) == text
    assert corpus.keys[:3] == ["text 0:1", "text 0:1+1", "text 0:1+2"]
    assert all(corpus.load(number).startswith(" word") for number in range(1, len(corpus.keys) - 1))
    whole = "x" * 1000
    assert {len(of(whole).load(number)) for number in range(15)} == {16 * LONGEST}


def test_keys_are_unique_whatever_texts_are_called():
    """A plus or a colon in a name is no number of a piece."""
    text = "word " * 60
    corpus = of(text, text, text, text, names=["c++/a", "c", "c:1", "c++/a:1+1"])
    assert len(set(corpus.keys)) == len(corpus.keys)
    assert corpus.keys[1] == "c++/a:1+1"


def test_texts_are_read_again_and_only_some_are_remembered(monkeypatch):
    monkeypatch.setattr(passages, "REMEMBERED", 100)
    reads = []

    def read(number):
        reads.append(number)
        return f"text {number} " + "x" * 40

    corpus = Passages([str(number) for number in range(10)], read, ABOUT)
    del reads[:]
    for number in (0, 1, 0, 1, 2, 3, 0):
        assert corpus.load(number).startswith(f"text {number} ")
    assert reads == [0, 1, 2, 3, 0]
    assert sum(map(len, corpus._texts.values())) <= 100


def test_a_text_that_changed_is_told():
    texts = ["a text of some length"]
    corpus = Passages(["one"], lambda number: texts[number], ABOUT)
    texts[0] = "a text of same length"
    with pytest.raises(DatasetFault, match="'one:1' is no longer what it was"):
        corpus.load(0)


def test_what_cannot_be_read_is_counted():
    def read(number):
        if number == 1:
            raise DatasetFault("two is not UTF-8.")
        return "a text"

    corpus = Passages(["one", "two"], read, ABOUT)
    assert corpus.faults == {"two": "two is not UTF-8."} and corpus.keys == ["one:1"]
    assert corpus.describe()["unreadable"] == ["two"]
    with pytest.raises(DatasetFault, match="nothing to read in 'somewhere': two is not UTF-8"):
        Passages(["zero", "two"][1:], lambda _number: read(1), ABOUT)


def test_texts_change_what_is_described():
    assert of("one text").describe() == of("one text").describe() != of("two text").describe()
    assert of("one text").describe() != of("one text", size=17).describe()


def test_ends_of_lines_and_marks_of_order():
    assert decoded("\ufeffone\r\ntwo\rthree\n".encode(), "x") == "one\ntwo\nthree\n"
    with pytest.raises(DatasetFault, match=r"x is not UTF-8 \(byte 2\)"):
        decoded(b"ab\xff", "x")


@pytest.mark.parametrize("text", ["", "15", "-20", "1e3", "100001", "\u0662\u0660"])
def test_sizes_that_are_none(text):
    with pytest.raises(InvalidInput, match="is no number of characters"):
        passages.passage_size(text)
