"""What all plots share: paper, type, colours, and a file that is the same each time."""

import io
import textwrap
import warnings
from collections.abc import Callable
from typing import Any, Final

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from indexer.errors import InvalidInput

INK: Final = "#1f2328"
FAINT: Final = "#57606a"
RULE: Final = "#d0d7de"
NOTHING: Final = "#eaeef2"
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#000000")
"""Told apart by colour-blind readers (Okabe & Ito 2008, without its yellow, which is faint on white)."""
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")
TITLE, TEXT, SMALL = 14.0, 10.0, 9.0
_DOTS_PER_INCH = 120
_MARGIN = 0.3
_LINE = 0.2
_STYLE: dict[str, Any] = {
    "axes.edgecolor": RULE,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "font.size": TEXT,
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "lens",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": SMALL,
}


class Sheet:
    """A figure with a title, a line that explains it and a footnote; places are in inches from the body's top left."""

    def __init__(self, width: float, height: float, title: str, explained: str, footnote: str = "") -> None:
        explained, footnote = wrapped(explained, width, TEXT), wrapped(footnote, width, SMALL)
        head = 0.32 + _LINE * (explained.count("\n") + 1) + 0.15
        foot = (_LINE * (footnote.count("\n") + 1) + 0.1) if footnote else 0.0
        self._top = _MARGIN + head
        self._width, self._height = width + 2 * _MARGIN, self._top + height + foot + _MARGIN
        self.figure = Figure(figsize=(self._width, self._height), dpi=_DOTS_PER_INCH, facecolor="white")
        self._write(0, -head, title, fontsize=TITLE, fontweight="bold", va="top")
        self._write(0, 0.32 - head, explained, fontsize=TEXT, color=FAINT, va="top", linespacing=1.35)
        if footnote:
            self._write(0, height + foot, footnote, fontsize=SMALL, color=FAINT, va="bottom", linespacing=1.35)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes of this place and size."""
        x, y = self._at(left, top + height)
        made: Axes = self.figure.add_axes((x, y, width / self._width, height / self._height))
        return made

    def _write(self, left: float, top: float, text: str, **style: Any) -> None:  # noqa: ANN401 - of matplotlib
        x, y = self._at(left, top)
        self.figure.text(x, y, text, ha="left", **style)

    def _at(self, left: float, top: float) -> tuple[float, float]:
        return (_MARGIN + left) / self._width, 1 - (self._top + top) / self._height


def rendered(draw: Callable[[], Figure], form: str) -> bytes:
    """The figure that `draw` makes, as a file without date or version; neither the user's settings nor a display."""
    out = io.BytesIO()
    with matplotlib.style.context(["default", _STYLE], after_reset=True), warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        figure = draw()
        if form == "svg":
            FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
        else:
            FigureCanvasAgg(figure).print_png(out, metadata={"Software": None})  # type: ignore[no-untyped-call]
    if form == "png" and any("missing from font" in str(each.message) for each in told):
        raise InvalidInput(
            "A name has letters that the picture's font does not have.",
            hint="End the file in .svg: it is shown in the fonts of your system.",
        )
    return out.getvalue()


def short(text: str, most: int = 30) -> str:
    """The text on one line of at most `most` characters, the middle left out, fit to stand in XML."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(plain.split())
    if len(line) <= most:
        return line
    front = (most - 1) // 2
    return f"{line[:front].rstrip()}…{line[front + 1 - most :].lstrip()}"


def wrapped(text: str, width: float, size: float) -> str:
    """The text in lines of at most this many inches, roughly."""
    return "\n".join(textwrap.wrap(text, max(int(width * 72 / (size * 0.53)), 20)))


def percent(share: float) -> str:
    """12.3 % as `12%`, and a little as `<1%`."""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def counted(number: int, noun: str) -> str:
    """`1 layer`, `2 layers`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
