"""SVG and DOT of token graphs: well-formed, whole, legible, the same bytes."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lens_server.graph_drawings.dot import dot
from lens_server.graph_drawings.heat import INK, blue, fires, level, red, share
from lens_server.graph_drawings.layout import lay_out
from lens_server.graph_drawings.shown import shown
from lens_server.graph_drawings.svg import svg
from lens_server.graph_drawings.tree import tree_of
from tests.unit.lens_server.graph_drawings.sample_cards import FAILED, MANY, SMALL, STRANGE, card, path, token, wildcard

CARDS = {"small": SMALL, "strange": STRANGE, "many": MANY, "failed": FAILED}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", CARDS)
def test_it_is_well_formed_and_asks_for_nothing(name):
    drawn = svg(CARDS[name])
    root = ElementTree.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    kinds = {each.tag.removeprefix(SVG) for each in root.iter()}
    assert kinds <= {"svg", "title", "g", "rect", "path", "text"}
    assert not re.search(r"href|url\(|@import|<script|\bon\w+=", drawn)


def test_every_token_is_shown_and_told():
    root = ElementTree.fromstring(svg(STRANGE))
    titles = " ".join(each.text for each in root.iter(f"{SVG}title"))
    for each in STRANGE.paths:
        for step in each.tokens:
            assert shown(step.text) in titles


@pytest.mark.parametrize("name", ["small", "strange", "many"])
def test_nothing_lies_over_anything_else(name):
    laid = lay_out(tree_of(CARDS[name]))
    boxes = [(box.x, box.x + box.width, box.y) for box in laid.boxes]
    for at, (left, right, y) in enumerate(boxes):
        assert left >= -0.01 and right <= laid.width + 0.01 and 0 < y < laid.height
        for other_left, other_right, other_y in boxes[at + 1 :]:
            assert abs(y - other_y) >= 22 or right <= other_left or other_right <= left
    for end in laid.ends:
        assert end.x >= 111.99


def test_activating_tokens_stand_at_the_right_and_context_goes_left():
    laid = lay_out(tree_of(SMALL))
    for box in laid.boxes:
        right = box.x + box.width
        assert (right == pytest.approx(laid.width)) == (box.depth == 0)
    for edge in laid.edges:
        assert edge.start[0] < edge.stop[0]


def test_what_is_left_out_is_said():
    assert "60 paths; 30 more, the weakest, are left out" in svg(MANY)
    assert "90 paths ·" in svg(MANY, most=90)
    assert "60 paths; 30 more" in dot(MANY)
    assert "1 path ·" in svg(card(path(token("a"))))


def test_a_failure_says_why():
    assert "No graph: its pivot does not fire alone" in svg(FAILED)
    assert "No graph: its pivot does not fire alone" in dot(FAILED)


def test_stronger_is_redder_and_a_wildcard_has_no_colour():
    drawn = svg(card(path(token("a"), mean=1.0), path(token("b"), wildcard("w"), token("c", 0.76), mean=0.5)))
    assert f'fill="{red(1)}"' in drawn and f'fill="{red(0.5)}"' in drawn and f'fill="{blue(0.76)}"' in drawn
    assert drawn.count("stroke-dasharray") == 2, "one wildcard and the legend's"


@pytest.mark.parametrize("ramp", [red, blue])
def test_letters_stand_out_of_every_colour(ramp):
    """WCAG AA: a contrast of 4.5 at least, here 6."""
    for step in range(11):
        assert _contrast(ramp(step / 10), INK) >= 6


def test_shares_are_held():
    assert share(2.1, 4.2) == 0.5 and share(-2.0, -4.0) == 0.5 and share(-1.0, 4.0) == 0
    assert share(9.0, 4.0) == 1 and share(float("nan")) == 0 and share(1.0, 0.0) == 0
    assert [level(each) for each in (0, 0.001, 0.5, 1)] == [0, 1, 5, 10]
    assert fires(0.5) and not fires(0.49)


def test_dot_quotes_what_graphviz_would_read():
    drawn = dot(card(path(token('a"\\'), token("&lt;", 0.9))))
    assert '"a\\"\\\\\\n0.80"' in drawn and '"&amp;lt;\\n0.90"' in drawn
    assert drawn.count("{") == drawn.count("}") == 1


def test_dot_goes_from_what_comes_first_to_what_fires():
    drawn = dot(card(path(token("b"), token("a", 0.9))))
    labels = dict(re.findall(r'(n\d+) \[.*?label="(\w+)', drawn))
    assert [(labels[a], labels[b]) for a, b in re.findall(r"(n\d+) -> (n\d+);", drawn)] == [("a", "b")]


def test_the_same_card_gives_the_same_bytes_in_any_process(tmp_path):
    root = Path(__file__).parents[4]
    code = (
        "import sys, hashlib; from tests.unit.lens_server.graph_drawings.sample_cards import STRANGE, SMALL; "
        "from lens_server.graph_drawings.svg import svg; from lens_server.graph_drawings.dot import dot; "
        "print(hashlib.sha256((svg(STRANGE) + dot(SMALL)).encode()).hexdigest())"
    )
    ran = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(ran) == 1


def _contrast(a, b):
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
