"""HTML made of elements: every text is escaped unless it is `Html` already, so that none can be forgotten."""

from collections.abc import Iterable
from html import escape

VOID = frozenset({"br", "hr", "img", "meta"})


class Html(str):
    """Markup, safe to put into a page."""

    __slots__ = ()


Child = str | None | Iterable["Child"]
"""Text, markup, nothing, or several of them."""


def element(name: str, /, *children: Child, **attributes: str | int | None) -> Html:
    """`<name attribute="…">children</name>`; a final underscore is dropped, others become hyphens, None is left out."""
    given = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    if name in VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(children)}</{name}>")


def _attribute(key: str, value: str | int) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def joined(children: Child) -> Html:
    """Children one after the other, texts escaped."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, str):
        return Html(escape(children, quote=False))
    return Html("".join(joined(each) for each in children))


def lines(*children: Child) -> Html:
    """Children on lines of their own; nothing for an empty one."""
    return Html("\n".join(each for each in map(joined, children) if each))


def named(name: str, text: Child) -> Html:
    """A term and what it is, for a description list."""
    return element("div", element("dt", name), element("dd", text))
