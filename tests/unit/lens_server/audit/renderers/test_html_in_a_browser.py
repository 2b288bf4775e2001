"""The page in a real browser, where one is found: nothing is asked for, nothing complains, nothing is cut off.

Needs playwright (`pip install playwright`) and its Chromium, or a Chromium or Chrome on the PATH.
"""

import shutil

import pytest

from lens_server.audit.renderers.html.page import render
from tests.unit.lens_server.audit.sample_reports import every_report

REPORTS = every_report()
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    with sync.sync_playwright() as playwright:
        try:
            opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except sync.Error as failed:
            pytest.skip(f"No browser could be started: {failed.message.splitlines()[0]}")
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser, tmp_path):
    contexts = []

    def opened(name, width=1280, scheme="light"):
        path = tmp_path / f"{name}.html"
        path.write_text(render(REPORTS[name]), encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.heard, page.asked = [], []
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield opened
    for each in contexts:
        each.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_it_fits_is_silent_and_asks_for_nothing(open_page, width, scheme):
    for name in REPORTS:
        page = open_page(name, width, scheme)
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), f"{name} is wider than {width} px"
        assert page.heard == []
        assert [each for each in page.asked if not each.startswith("data:")] == [page.url]


def test_the_style_sheet_is_let_through(open_page):
    page = open_page("failing_shortcut")
    assert page.evaluate("getComputedStyle(document.querySelector('.banner')).borderLeftWidth") != "0px"


def test_pictures_are_drawn(open_page):
    page = open_page("failing_shortcut")
    box = page.evaluate("(({width, height}) => [width, height])(document.querySelector('.picture use').getBBox())")
    assert min(box) > 0


def test_the_first_key_leads_to_the_findings(open_page):
    page = open_page("failing_shortcut")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_paper_holds_what_was_folded(open_page):
    page = open_page("failing_shortcut")
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = false })")
    page.emulate_media(media="print")
    assert page.evaluate("document.querySelector('.pairs').getBoundingClientRect().height") > 100
