"""Tokens as people read them."""

import pytest

from lens_server.graph_drawings.shown import cells, right_to_left, shown, visible


@pytest.mark.parametrize(
    ("text", "legible"),
    [
        (" import", "␣import"),
        ("import ", "import␣"),
        ("a b", "a b"),
        (" ", "␣"),
        (" " * 8, "␣×8"),
        ("\n", "↵"),
        ("\r\n\t", "\\r↵→"),
        ("\\xE2", "\\xE2"),
        ("\x00\x1b[0m", "\\x00\\x1B[0m"),
        ("\u202eevil", "\\u202eevil"),
        ("\u00a0\u2028", "\\u00a0\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("שלום", "שלום"),
        ("<&>\"'", "<&>\"'"),
        ("", ""),
    ],
)
def test_nothing_unseen_is_left(text, legible):
    assert shown(text) == legible


def test_long_tokens_are_cut_in_their_middle():
    assert shown("abcdefghij", 5) == "ab…ij"
    assert shown("abcde", 5) == "abcde"
    assert len(shown("x" * 100, 24)) == 24


def test_two_tokens_that_differ_look_different():
    tokens = ["a", " a", "a ", "\n", " \n", "\t", "  ", " ", "\u200ba", "\\n"]
    assert len({shown(each) for each in tokens}) == len(tokens)


def test_blanks_within_a_text_stay():
    assert visible("  a\n") == "  a↵"


def test_widths_and_directions():
    assert cells("ab") == 2 and cells("日本") == 4 and cells("e\u0301") == 1
    assert right_to_left("aש") and not right_to_left("abc 1")
