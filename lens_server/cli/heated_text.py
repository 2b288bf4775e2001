"""Texts with the activation of each token, for a terminal: colours, or figures where there are none."""

from collections.abc import Sequence

from rich.console import Console
from rich.style import Style
from rich.text import Text

from lens_server.graph_drawings.heat import INK, blue, fires, red
from lens_server.graph_drawings.heated import as_set
from lens_server.graph_drawings.layout import figure
from lens_server.graph_drawings.shown import isolated, shown, visible
from lens_server.text_answers import PathToken, TokenPath

WARM, WARMER = "#d9534f", 0.2
"""Letters that a light and a dark terminal show, of shares from there on."""


def coloured(console: Console) -> bool:
    """Whether the console shows colours."""
    return console.color_system is not None and not console.no_color


def heated_text(
    console: Console, tokens: Sequence[str], shares: Sequence[float], pivot: int | None = None, *, lines: bool = False
) -> Text:
    """Tokens of a text in a line, or in its own lines, the pivot bold.

    What fires is underlined and, without colours, followed by its share: ‹if 0.97›.
    """
    text, colours = Text(), coloured(console)
    for at, (token, part) in enumerate(zip(tokens, shares, strict=True)):
        said = isolated(as_set(token) if lines else visible(token))
        if fires(part) and not colours:
            blanks = len(said) - len(said.lstrip(" "))
            said = f"{said[:blanks]}‹{said[blanks:]} {figure(part)}›"
        text.append(said, _style(part, pivot=at == pivot))
    return text


def path_text(path: TokenPath) -> Text:
    """A path as it is read in a text: ‹from› * ‹import›; a wildcard is the star without brackets."""
    line = Text()
    for depth, token in reversed(list(enumerate(path.tokens))):
        line.append(" " if line else "")
        line.append(*_step(token, path, activating=depth == 0))
    return line


def tokens_text(texts: Sequence[str], most: int = 12) -> str:
    """Tokens side by side, those beyond `most` counted."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return " ".join(f"‹{isolated(shown(text))}›" for text in texts[:most]) + more if texts else "none"


def _step(token: PathToken, path: TokenPath, *, activating: bool) -> tuple[str, Style]:
    if token.wildcard:
        return "*", Style(dim=True)
    said = f"‹{isolated(shown(token.text))}›"
    if activating:
        return said, Style(color=INK, bgcolor=red(path.mean), bold=True)
    return said, Style(color=INK, bgcolor=blue(token.importance))


def _style(part: float, *, pivot: bool) -> Style:
    """Light paper would glare on a dark terminal where little happens: below firing the letters are red."""
    if fires(part):
        return Style(color=INK, bgcolor=red(part), bold=pivot, underline=True)
    return Style(color=WARM if part >= WARMER else None, bold=pivot)
