"""Texts with the activation of each token, for a terminal: colours, or figures where there are none."""

from collections.abc import Sequence

from rich.console import Console
from rich.style import Style
from rich.text import Text

from lens_server.graph_drawings.heat import INK, blue, fires, level, red
from lens_server.graph_drawings.layout import figure
from lens_server.graph_drawings.shown import isolated, shown, visible
from lens_server.text_answers import PathToken, TokenPath


def coloured(console: Console) -> bool:
    """Whether the console shows colours."""
    return console.color_system is not None and not console.no_color


def heated_text(console: Console, tokens: Sequence[str], shares: Sequence[float], pivot: int | None = None) -> Text:
    """Tokens in a line, the pivot bold; what fires is underlined, without colours followed by its share: ‹if 0.97›."""
    line, colours = Text(), coloured(console)
    for at, (token, part) in enumerate(zip(tokens, shares, strict=True)):
        said = isolated(visible(token))
        if fires(part) and not colours:
            blanks = len(said) - len(said.lstrip(" "))
            said = f"{said[:blanks]}‹{said[blanks:]} {figure(part)}›"
        line.append(said, _style(part, pivot=at == pivot))
    return line


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
    ink, paper = (INK, red(part)) if level(part) else (None, None)
    return Style(color=ink, bgcolor=paper, bold=pivot, underline=fires(part))
