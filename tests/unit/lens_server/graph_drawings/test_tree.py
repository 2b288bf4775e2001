"""Paths merged from the activating token on."""

import pytest

from lens_server.graph_drawings.tree import tree_of
from tests.unit.lens_server.graph_drawings.sample_cards import MANY, card, path, token, wildcard


def test_common_beginnings_are_one_branch():
    tree = tree_of(
        card(
            path(token("b"), token("a", 0.9), count=3, mean=0.9),
            path(token("b"), token("c", 0.8), count=1, mean=0.5),
            path(token("b"), count=4, mean=0.6),
            path(token("d"), mean=0.7),
        )
    )
    b, d = tree.roots
    assert (b.text, b.count, [each.text for each in b.before], len(b.ends)) == ("b", 8, ["a", "c"], 1)
    assert b.mean == pytest.approx((3 * 0.9 + 0.5 + 4 * 0.6) / 8)
    assert (d.text, d.before, len(d.ends)) == ("d", (), 1)


def test_a_star_is_not_a_wildcard():
    """The token * and any token are two branches."""
    tree = tree_of(
        card(path(token("a"), token("*", 0.9), token("b", 0.9)), path(token("a"), wildcard(), token("b", 0.9)))
    )
    assert sorted(each.wildcard for each in tree.roots[0].before) == [False, True]


def test_wildcards_in_a_row_are_one_unless_something_else_goes_on_between_them():
    alone = tree_of(card(path(token("a"), wildcard("x"), wildcard("y", "x"), token("b", 0.9)))).roots[0].before[0]
    assert (alone.repeated, alone.absorbed, alone.before[0].text) == (2, ("x", "y"), "b")
    forked = tree_of(
        card(path(token("a"), wildcard(), wildcard(), token("b", 0.9)), path(token("a"), wildcard(), token("c", 0.9)))
    )
    assert forked.roots[0].before[0].repeated == 1


def test_the_strongest_are_kept_and_the_rest_counted():
    tree = tree_of(MANY, 7)
    assert (tree.drawn, tree.left_out) == (7, 83)
    ends = [end.mean for root in tree.roots for end in _ends(root)]
    assert sorted(ends, reverse=True) == sorted((each.mean for each in MANY.paths), reverse=True)[:7]


def test_paths_whose_tokens_look_alike_are_both_kept():
    """Two ids of a vocabulary may stand for the same text."""
    tree = tree_of(card(path(token("a"), mean=0.9), path(token("a"), mean=0.6)))
    assert [each.mean for each in tree.roots[0].ends] == [0.9, 0.6]


def _ends(branch):
    return [*branch.ends, *(end for each in branch.before for end in _ends(each))]
