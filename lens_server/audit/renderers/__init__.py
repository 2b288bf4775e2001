"""Renderers: a report as text for people and machines; the contract is renderer.py."""

from importlib import import_module

from indexer.errors import UnknownName
from lens_server.report import Report

RENDERERS: dict[str, str] = {
    "text": "lens_server.audit.renderers.text",
    "json": "lens_server.audit.renderers.audit_json",
    "junit": "lens_server.audit.renderers.junit",
    "sarif": "lens_server.audit.renderers.sarif",
    "md": "lens_server.audit.renderers.markdown",
    "github": "lens_server.audit.renderers.github",
    "html": "lens_server.audit.renderers.html.page",
}
"""Format → the module whose `render` draws it, imported when first asked for."""


def render(report: Report, format: str) -> str:
    """The report in one of the formats of `RENDERERS`; raises UnknownName."""
    if format not in RENDERERS:
        raise UnknownName("report format", format, RENDERERS)
    drawn: str = import_module(RENDERERS[format]).render(report)
    return drawn
