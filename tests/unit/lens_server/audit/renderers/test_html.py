"""The page: whole, well formed, inert, complete, and in the order that an auditor reads."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from lens_server.audit.renderers.html.page import render
from lens_server.markup import Html, element, joined, lines
from tests.unit.lens_server.audit.sample_reports import (
    against_baseline,
    all_inconclusive,
    every_report,
    failed_controls,
    failing_shortcut,
    hostile,
    waived,
)

REPORTS = every_report()
PAGES = {name: render(report) for name, report in REPORTS.items()}
VOID = {"meta", "img", "br", "hr"}
LOADS = {"src", "srcset", "action", "data", "poster", "background", "ping"}


class Reading(HTMLParser):
    """What a browser would find: tags, attributes, text."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text, self.style = [], [], [], ""
        self.feed(page)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> out of place"

    def handle_data(self, text):
        if self.open and self.open[-1] == "style":
            self.style += text
        else:
            self.text.append(text)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(params=REPORTS)
def name(request):
    return request.param


def test_every_tag_is_closed_and_every_id_is_its_own(name):
    ids = [given["id"] for _, given in Reading(PAGES[name]).tags if "id" in given]
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_and_nothing_runs(name):
    for tag, given in Reading(PAGES[name]).tags:
        assert tag not in {"script", "link", "iframe", "object", "embed", "form", "base", "img"}
        assert not LOADS & set(given) and "style" not in given
        assert not any(key.startswith("on") for key in given)
        assert given.get("href", "#").startswith(("#", "data:image/jpeg;base64,"))


def test_every_link_has_its_target(name):
    tags = Reading(PAGES[name]).tags
    ids = {given["id"] for _, given in tags if "id" in given}
    assert {given["href"][1:] for _, given in tags if given.get("href", "").startswith("#")} <= ids


def test_the_policy_allows_this_style_and_nothing_else(name):
    page = Reading(PAGES[name])
    policy = next(given["content"] for _, given in page.tags if given.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ") and f"style-src 'sha256-{digest}'" in policy
    assert "url(" not in page.style.replace("url(#hatch)", "") and "@import" not in page.style


def test_headings_go_down_one_by_one(name):
    levels = [int(tag[1]) for tag, _ in Reading(PAGES[name]).tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_landmarks_and_the_way_to_the_findings(name):
    tags = Reading(PAGES[name]).tags
    assert [tag for tag, _ in tags if tag in {"header", "main", "footer"}] == ["header", "main", "footer"]
    assert next(given for tag, given in tags if tag == "a") == {"class": "skip", "href": "#content"}
    assert ("html", {"lang": "en"}) in tags


def test_every_drawing_says_what_it_shows(name):
    for tag, given in Reading(PAGES[name]).tags:
        if tag == "svg":
            assert given.get("aria-hidden") == "true" or (given["role"] == "img" and given["aria-label"])


def test_everything_is_open_so_that_paper_holds_it(name):
    assert all("open" in given for tag, given in Reading(PAGES[name]).tags if tag == "details")


def test_every_rule_number_and_limit_is_there(name):
    words = Reading(PAGES[name]).words
    for finding in REPORTS[name].findings:
        assert finding.rule in words
        assert " ".join(finding.sentence.split())[:8] in words
    for text in (*REPORTS[name].limitations, *(each.sentence for each in REPORTS[name].controls)):
        assert text in words


def test_the_number_its_interval_its_limit_and_its_drawing():
    page = Reading(PAGES["failing_shortcut"])
    assert "0.412 [0.341, 0.480] limit ≤ 0.100" in page.words
    plots = [given.get("aria-label") for tag, given in page.tags if tag == "svg" and given.get("class") == "plot"]
    assert "0.412 [0.341, 0.480], limit ≤ 0.100" in plots


def test_the_order_on_the_page():
    words = Reading(render(waived())).words
    words = words[words.index("How to read the intervals") :]
    headings = ["Inconclusive (", "Not assessable (", "Waived (", "Passed (", "Against the baseline", "Controls of"]
    assert sorted(headings, key=words.index) == headings
    failing = Reading(render(failing_shortcut())).words
    assert failing.index("ABCDE: 3 of 5") < failing.index("Rules at a glance") < failing.index("Failed (1)")


def test_pairs_show_both_decisions_and_margins_flips_first():
    words = Reading(render(failing_shortcut())).words
    assert "without benign margin −1.25 with melanoma margin 2.75 ⇄ decision flips lesion-00900.jpg" in words
    assert words.index("⇄ decision flips") < words.index("= decision stays")


def test_strips_waivers_changes_controls():
    page = Reading(render(failing_shortcut()))
    said = [given.get("aria-label", "") for tag, given in page.tags if tag == "svg"]
    assert "Exemplar 6 of block4/17" in said and "lesion-00900.jpg with patch: decided melanoma" in said
    assert "12 days left" in Reading(render(waived())).words
    assert "worse than the baseline" in Reading(render(against_baseline())).words
    assert "Controls failed: do not rely on this audit" in Reading(render(failed_controls())).words
    assert "not measured" in Reading(render(all_inconclusive())).words


def test_a_picture_is_held_once_however_often_it_is_shown():
    page = render(failing_shortcut())
    shown = re.findall(r'href="#picture-(\w+)"', page)
    assert len(shown) > len(set(shown)) and len(failing_shortcut().pictures) == page.count("data:image/jpeg")


def test_a_picture_that_is_not_held_leaves_an_empty_frame():
    page = Reading(render(replace(failing_shortcut(), pictures=())))
    assert "no picture" in page.words and "#picture-" not in render(replace(failing_shortcut(), pictures=()))


def test_texts_stay_texts():
    page = render(hostile())
    assert "<script" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\x1b" not in page and "\u202e" not in page


def test_elements_escape_what_is_not_markup():
    assert element("b", '<i>&"', class_='x"y') == '<b class="x&quot;y">&lt;i&gt;&amp;"</b>'
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
    assert element("details", Html("<i></i>"), open=True, id=None) == "<details open><i></i></details>"
    assert joined(["a", None, ["<", Html("<br>")]]) == "a&lt;<br>" and lines("a", None, "b") == "a\nb"
