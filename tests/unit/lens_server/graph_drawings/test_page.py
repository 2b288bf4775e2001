"""The card of a text neuron as a page: whole, escaped, asking for nothing, saying in words what its colours say."""

import base64
import dataclasses
import hashlib
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from lens_server.answers import Hit, NeuronCard
from lens_server.graph_drawings.heated import firing, heated, shares_of
from lens_server.graph_drawings.page import NOT_MADE, page, style
from lens_server.text_answers import GraphHit
from tests.unit.lens_server.graph_drawings.sample_cards import (
    FAILED,
    MANY,
    NEURON,
    PREDICTION,
    SMALL,
    SNIPPET,
    STRANGE,
    TOKENS,
)

OTHER = dataclasses.replace(NEURON, id="blocks.0.mlp.act/3", label="<b>")
CARD = NeuronCard(NEURON, (), (), (Hit(OTHER, 0.81, None, None),), (), (SNIPPET,))
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Checks that what opens closes, and gathers the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(text):
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


@pytest.mark.parametrize(
    "graph", [SMALL, STRANGE, MANY, FAILED, None], ids=["small", "strange", "many", "failed", "none"]
)
def test_it_is_whole_and_asks_for_nothing(graph):
    reader = read(page(CARD, graph, PREDICTION, (GraphHit(OTHER, 0.4, 0.5, 0.3),)))
    names = {name for name, _ in reader.attributes}
    assert not names & {"src", "href", "style"} and not any(name.startswith("on") for name in names)
    assert "Prediction for your text" in reader.text


def test_the_policy_lets_its_own_style_through_alone():
    text = page(CARD, SMALL)
    css = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert css == style() and f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;" in text


def test_texts_are_escaped():
    text = page(CARD, STRANGE, PREDICTION, (GraphHit(OTHER, 0.4, 0.5, 0.3),))
    assert "</svg>&lt;" not in text
    assert "&lt;/svg&gt;" in text and "&lt;&amp;&gt;" in text
    assert "\u202e" not in text and "\x00" not in text and "\x1b" not in text
    assert text.count("</svg>") == 1


def test_without_a_graph_it_says_so():
    assert NOT_MADE in page(CARD)
    assert "its pivot does not fire alone" in page(CARD, FAILED)
    assert "it never fires" in page(dataclasses.replace(CARD, snippets=()))


def test_what_the_colours_say_is_said_in_words_too():
    shares = shares_of(SNIPPET, NEURON.strongest)
    assert shares[3] == 1 and shares[5] == 0 and shares[12] == pytest.approx(3 / 4.2)
    assert firing(TOKENS, shares) == "fires on ‹␣import› 1.00, ‹␣path› 0.52, ‹\u2068שלום\u2069› 0.71"
    text = heated(TOKENS, shares, SNIPPET.pivot)
    assert '<b class="h10 fires" title="␣import: 1.00"> import</b>' in text
    assert text.count("fires") == 3
    assert '<span title="↵: 0.00">↵\n</span>' in text


def test_of_a_negative_end_the_most_negative_is_the_hottest():
    negative = dataclasses.replace(
        SNIPPET, activation=-2.0, activations=tuple(-each / 2.1 for each in SNIPPET.activations)
    )
    assert shares_of(negative, -2.0) == pytest.approx(shares_of(SNIPPET, 4.2))


def test_a_silent_text_says_so():
    assert firing(("a",), (0.4,)) == "silent"


@pytest.mark.skipif(shutil.which("chromium") is None, reason="No Chromium here.")
def test_a_browser_draws_it(tmp_path):
    """The style is let through and the drawing has its size: what it shows is not white."""
    from PIL import Image

    (tmp_path / "card.html").write_text(page(CARD, SMALL, PREDICTION), encoding="utf-8")
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=900,1400"]
    subprocess.run(
        [
            *command,
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={tmp_path / 'card.png'}",
            (tmp_path / "card.html").as_uri(),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    colours = {colour for _, colour in Image.open(tmp_path / "card.png").convert("RGB").getcolors(1 << 24)}
    assert {(0xB3, 0x26, 0x1E), (0x1D, 0x4F, 0x91)} <= colours


def test_the_first_five_snippets_are_seen_and_the_rest_unfolds():
    many = dataclasses.replace(CARD, snippets=(SNIPPET,) * 13)
    text = page(many, SMALL)
    assert "<summary>8 more</summary>" in text and text.count('class="heat"') == 13
    assert " more</summary>" not in page(dataclasses.replace(CARD, snippets=(SNIPPET,) * 5), SMALL)
