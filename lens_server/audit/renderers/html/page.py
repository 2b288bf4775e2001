"""The page: its head, with a policy that forbids every request and every script, and its parts in order."""

import base64
import hashlib
from functools import cache
from importlib.resources import files

from lens_server.audit.renderers import wording
from lens_server.audit.renderers.html import rules, sections
from lens_server.audit.renderers.html.pictures import Pictures
from lens_server.audit.renderers.html.provenance import provenance
from lens_server.markup import Html, element, lines
from lens_server.report import Report

_TITLE = 70
"""Characters that a tab or a list of results shows."""


def render(report: Report) -> str:
    """The whole page."""
    report = wording.legible(report)
    page = element("html", "\n", lines(_head(report), _body(report)), "\n", lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _head(report: Report) -> Html:
    css = style()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"{wording.word(report.verdict)} · {wording.one_line(report.title) or report.ruleset}"
    parts = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title if len(title) <= _TITLE else title[: _TITLE - 1] + "…"),
        element("style", Html(css)),
    ]
    return element("head", "\n", lines(*parts), "\n")


def _body(report: Report) -> Html:
    pictures = Pictures(report)
    main = element(
        "main",
        "\n",
        lines(
            sections.distrust(report),
            sections.declared(report),
            rules.glance(report),
            sections.warnings(report),
            rules.groups(report, pictures),
            sections.baseline(report),
            sections.waivers(report),
            sections.controls(report),
            sections.concepts(report),
            sections.limitations(report),
        ),
        "\n",
        id="content",
        tabindex="-1",
    )
    skip = element("a", "Skip to the findings", class_="skip", href="#content")
    return element("body", "\n", lines(skip, pictures.store(), sections.banner(report), main, provenance(report)), "\n")


@cache
def style() -> str:
    """The style sheet, which is part of the package."""
    return files(__package__).joinpath("style.css").read_text(encoding="utf-8")
