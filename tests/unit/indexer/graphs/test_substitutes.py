"""Tokens that may stand in the place of another."""

import pytest

from indexer.errors import InvalidInput
from indexer.graphs.substitutes import MaskedSubstitutes, OwnSubstitutes, recased, text_of
from tests.oracles.graph_rules import ALPHABET, BEGIN, MASK, ids, rules

HALF = ALPHABET.index(b"\xe2\x80")
THE, CAPITAL, UPPER = (ALPHABET.index(each) for each in (b" the", b" The", b" THE"))


def proposed(tokens, place, count=5, **options):
    return OwnSubstitutes(rules(**options)).propose([(tuple(tokens), place)], count)[0]


@pytest.mark.parametrize(
    ("text", "like", "expected"),
    [
        ("the", "cat", "the"),
        ("the", "Cat", "The"),
        (" the", " CAT", " THE"),
        ("The", "cat", "the"),
        ("the", "C", "The"),
        ("the", "(", "the"),
        ("The", "camelCase", "The"),
        ("NONE", "Cat", "None"),
        ("ñandú", "CAT", "ÑANDÚ"),
        ("x", "日", "x"),
        ("", "Cat", ""),
    ],
)
def test_casing_is_that_of_the_token_replaced(text, like, expected):
    assert recased(text, like) == expected


def test_the_likeliest_other_tokens_come_first():
    tokens = ids("abx")
    # After b the model expects c, d, e, …; each is whole text and in the same casing.
    assert proposed(tokens, 2) == ids("cdefg")


def test_the_token_itself_is_none_of_them():
    assert proposed(ids("abd"), 2) == ids("cefgh")


def test_special_tokens_are_never_proposed():
    everything = proposed(ids("yz"), 1, count=len(ALPHABET))
    assert everything and not {MASK, BEGIN} & set(everything)


def test_substitutes_keep_the_casing_of_the_token():
    found = proposed((*ids("a\n"), CAPITAL), 2)
    assert CAPITAL not in found and THE not in found and UPPER not in found
    assert all(not text_of(ALPHABET[each]).strip().isupper() for each in proposed((*ids("a\n"), THE), 2))


def test_parts_of_characters_stand_for_parts_of_characters_only():
    assert HALF not in proposed((*ids("a"), UPPER), 1, count=len(ALPHABET))
    assert proposed((*ids("a"), HALF), 1, count=len(ALPHABET)) == ()


def test_where_nothing_precedes_there_is_nothing_to_propose():
    assert proposed(ids("abc"), 0, prefix=()) == () and proposed(ids("abc"), 0) != ()


def test_a_model_that_sees_both_sides_is_asked_under_a_mask():
    # It expects the tokens after the mask's own number, whatever stood there and before it.
    assert proposed(ids("abc"), 1, causal=False) == ids("acdef")
    assert proposed(ids("xzc"), 1, causal=False) == ids("abcde")


def masked(tokens, place, count=5, **options):
    return MaskedSubstitutes(rules(), rules(causal=False, **options)).propose([(tuple(tokens), place)], count)[0]


def test_another_model_is_asked_under_its_mask():
    assert masked(ids("abc"), 1) == ids("acdef")
    assert masked(ids("xzc"), 1) == ids("abcde")
    assert masked(ids("b"), 0) == ids("acdef")


def test_its_words_take_the_blank_and_the_casing_of_the_token():
    found = masked((*ids("a"), CAPITAL), 1, count=len(ALPHABET))
    assert CAPITAL not in found
    assert {ALPHABET[each] for each in found} <= {b" The", b" the", b" THE"}


def test_parts_of_characters_and_blanks_are_not_masked():
    assert masked((*ids("a"), HALF), 1) == ()
    assert masked(ids("a\n"), 1) == ()


def test_a_long_text_is_cut_around_its_place():
    assert masked(ids("abcdefghijklmnopqrst"), 10, context=8) == masked(ids("hijklmn"), 3)


def test_a_model_that_sees_one_side_proposes_under_no_mask():
    with pytest.raises(InvalidInput, match="before a place only"):
        MaskedSubstitutes(rules(), rules())
