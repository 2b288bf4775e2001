"""What tokens are written as, and which are meant."""

import time

import pytest

from indexer.errors import InvalidInput, UnknownName
from lens_server.queries.pieces import Pieces, bare, shown

PIECES = (
    b"",
    b"import",
    b" import",
    b"Import",
    b" ",
    b"  ",
    b"\xe2\x80",
    "caf\u00e9".encode(),
    b"\n",
    b"a.b",
    b"aXb",
    b"",
    b"-" * 60,
)
TOKENS = {piece: number for number, piece in enumerate(PIECES)}


@pytest.fixture(scope="module")
def pieces():
    return Pieces(PIECES)


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        (b" if", " if"),
        ("\u00e9".encode(), "\u00e9"),
        (b"\xe2", "\\xE2"),
        (b"a\xff", "a\\xFF"),
        (b"\xc3\xa9\xc3", "\u00e9\\xC3"),
    ],
)
def test_bytes_that_are_no_text_are_written(piece, text):
    assert shown(piece) == text


def test_one_blank_before_is_taken_off_and_a_blank_alone_stays():
    assert [bare(text) for text in (" if", "  if", " ", "if ", "")] == ["if", " if", " ", "if ", ""]


@pytest.mark.parametrize("term", ["import", " import"])
def test_a_token_is_meant_with_and_without_the_blank_before_it(pieces, term):
    assert pieces.meant(term).tolist() == [1, 2]


def test_case_matters_and_bytes_are_found_as_they_are_shown(pieces):
    assert pieces.meant("Import").tolist() == [3]
    assert pieces.meant("\\xE2\\x80").tolist() == [6]
    assert pieces.meant(" ").tolist() == [4, 5]  # a blank, and a blank with one before it
    assert pieces.meant("\n").tolist() == [8]


@pytest.mark.parametrize("term", ["imprt", "caf", ""])
def test_an_unknown_token_is_refused(pieces, term):
    with pytest.raises(UnknownName):
        pieces.meant(term)


def test_the_nearest_tokens_are_named(pieces):
    with pytest.raises(UnknownName, match="imprt") as refused:
        pieces.meant("imprt")
    assert "'import'" in refused.value.hint


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("import", [1, 2]),
        ("(?i)import", [1, 2, 3]),
        ("impor", []),
        ("a.b", [9, 10]),
        (r"a\.b", [9]),
        ("import|Import", [1, 2, 3]),
        (r"\s", [4, 5, 8]),
        (r"\\x..\\x..", [6]),
        ("", []),
        (".*", [number for number, piece in enumerate(PIECES) if piece and piece != b"\n"]),
        ("$", []),
    ],
)
def test_a_pattern_matches_whole_tokens(pieces, pattern, found):
    assert pieces.matching(pattern).tolist() == found


def test_special_tokens_are_no_text(pieces):
    assert not {0, 11} & set(pieces.matching("(?s).*").tolist())


@pytest.mark.parametrize(
    ("pattern", "place"), [("(a", "position 0"), ("ab)", "position 2"), ("*", "position 0"), ("[z-a]", "position 1")]
)
def test_the_place_of_a_fault_is_told(pieces, pattern, place):
    with pytest.raises(InvalidInput, match=place):
        pieces.matching(pattern)


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?=a)a", "(?<!a)b", "(?x)a # b", "(" * 500 + "a" + ")" * 500, "((a{900}){900}){900}"]
)
def test_what_the_engine_does_not_take_is_refused(pieces, pattern):
    with pytest.raises(InvalidInput):
        pieces.matching(pattern)


@pytest.mark.parametrize("pattern", ["(-+)+x", "(-|-)*x", "(-*)*(-*)*(-*)*x", ".*.*.*.*.*.*.*.*.*.*x"])
def test_no_pattern_takes_long(pieces, pattern):
    started = time.perf_counter()
    assert pieces.matching(pattern).tolist() == []
    assert time.perf_counter() - started < 2


def test_tokens_that_differ_in_case_and_blank_only_are_one():
    cases = Pieces((b"import", b" import", b" IMPORT", b"imports", b"  import")).cases.tolist()
    assert cases[0] == cases[1] == cases[2]
    assert len(set(cases)) == 3
