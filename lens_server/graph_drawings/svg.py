"""A token graph as SVG: no script, no font from elsewhere, read by screen readers through its title and text."""

from lens_server.graph_drawings import heat
from lens_server.graph_drawings.layout import END_WIDTH, GAP, HEIGHT, PAD, Box, Edge, End, Layout, figure, lay_out
from lens_server.graph_drawings.shown import cells, right_to_left, shown, visible
from lens_server.graph_drawings.tree import MOST, Branch, Tree, tree_of
from lens_server.markup import Html, element, lines
from lens_server.text_answers import GraphScores, TokenGraphCard

FONT = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
_MARGIN, _HEAD, _FOOT = 18.0, 54.0, 54.0
_LEAST = 690.0
"""So wide is the legend."""


def svg(card: TokenGraphCard, most: int = MOST) -> str:
    """The whole file."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing(card, most)}\n'


def drawing(card: TokenGraphCard, most: int = MOST) -> Html:
    """The `<svg>` element, for a file or a page."""
    tree = tree_of(card, most)
    laid = lay_out(tree)
    written = max(cells(title(card)) * 9.4, cells(_about(card, tree)) * 7.5)
    width, height = max(laid.width, written, _LEAST) + 2 * _MARGIN, laid.height + _HEAD + _FOOT
    body = [
        element("rect", width=_px(width), height=_px(height), fill=heat.PAPER),
        _text(_MARGIN, 24, title(card), weight="bold", size=15),
        _text(_MARGIN, 42, _about(card, tree), fill=heat.SOFT, size=12),
        element("g", lines(*_graph(laid)), transform=f"translate({_px(_MARGIN)},{_px(_HEAD)})"),
        _legend(_MARGIN, height - _FOOT + 14),
    ]
    return element(
        "svg",
        "\n",
        lines(element("title", f"{title(card)}. {_about(card, tree)}"), *body),
        "\n",
        xmlns="http://www.w3.org/2000/svg",
        width=_px(width),
        height=_px(height),
        viewBox=f"0 0 {_px(width)} {_px(height)}",
        font_family=FONT,
        role="img",
    )


def title(card: TokenGraphCard) -> str:
    """What the graph is of."""
    label = f" “{visible(card.neuron.label)}”" if card.neuron.label else ""
    return f"Token graph of {visible(card.neuron.id)}{label}"


def scored(scores: GraphScores | None) -> str:
    """Scores in a line, beside what tokens alone reach."""
    if scores is None:
        return "not scored"
    return (
        f"firing F1 {figure(scores.f1)} (tokens alone {figure(scores.baseline_f1)}), "
        f"Pearson {figure(scores.pearson)} ({figure(scores.baseline_pearson)}), "
        f"on {scores.examples} held-out examples"
    )


def left_out(tree: Tree) -> str:
    """How many paths are drawn, and how many are not."""
    paths = f"{tree.drawn:,} path{'' if tree.drawn == 1 else 's'}"
    return f"{paths}; {tree.left_out:,} more, the weakest, are left out" if tree.left_out else paths


def _about(card: TokenGraphCard, tree: Tree) -> str:
    if not tree.drawn:
        return f"No graph: {visible(card.failed) or 'it has no paths'}"
    return f"{left_out(tree)} · {scored(card.scores)}"


def _graph(laid: Layout) -> list[Html]:
    return [*map(_edge, laid.edges), *map(_end, laid.ends), *map(_box, laid.boxes)]


def _edge(edge: Edge) -> Html:
    (x, y), (to_x, to_y) = edge.start, edge.stop
    bend = GAP / 2
    d = f"M{_px(x)},{_px(y)} H{_px(to_x - GAP)} C{_px(to_x - bend)},{_px(y)} {_px(to_x - bend)},{_px(to_y)} "
    stroke = min(1.0 + edge.count**0.5 / 4, 3.5)
    return element("path", d=f"{d}{_px(to_x)},{_px(to_y)}", fill="none", stroke=heat.LINE, stroke_width=_px(stroke))


def _end(end: End) -> Html:
    """A bar of the mean, and how often it was seen."""
    path, left, bar = end.path, end.x - END_WIDTH, 26.0
    seen = f"{path.count:,} ×"
    told = f"ends here: mean activation {figure(path.mean)}, highest {figure(path.maximum)}, seen {seen}"
    return element(
        "g",
        element("title", told),
        element(
            "rect", x=_px(left), y=_px(end.y - 9), width=_px(END_WIDTH), height=18, fill=heat.PAPER, fill_opacity="0"
        ),
        _text(end.x - bar - 6, end.y + 4, f"{seen} {figure(path.mean)}", fill=heat.SOFT, size=10.5, anchor="end"),
        element("rect", x=_px(end.x - bar), y=_px(end.y - 4), width=_px(bar), height=8, fill="#efece6"),
        element(
            "rect",
            x=_px(end.x - bar),
            y=_px(end.y - 4),
            width=_px(bar * heat.share(path.mean)),
            height=8,
            fill=heat.ACTIVATION,
        ),
    )


def _box(box: Box) -> Html:
    branch, activates = box.branch, box.depth == 0
    frame, fill = _colours(branch, activates=activates)
    top = box.y - HEIGHT / 2
    shape = element(
        "rect",
        x=_px(box.x),
        y=_px(top),
        width=_px(box.width),
        height=_px(HEIGHT),
        rx=11 if branch.wildcard else 4,
        fill=fill,
        stroke=frame,
        stroke_width="2" if activates else "1.2",
        stroke_dasharray="3 2" if branch.wildcard else None,
    )
    parts = [element("title", _told(branch, activates=activates)), shape]
    parts.append(_text(box.x + PAD, box.y + 4.5, box.label, weight="bold" if activates else None))
    if box.detail:
        right = box.x + box.width - PAD
        parts.append(_text(right, box.y + 4, box.detail, size=10.5, anchor="end"))
    return element("g", *parts)


def _colours(branch: Branch, *, activates: bool) -> tuple[str, str]:
    """Of the frame and within."""
    if branch.wildcard:
        return heat.SOFT, heat.PAPER
    if activates:
        return heat.ACTIVATION, heat.red(branch.mean)
    return heat.IMPORTANCE, heat.blue(branch.importance)


def _told(branch: Branch, *, activates: bool) -> str:
    if branch.wildcard:
        times = "any token" if branch.repeated == 1 else f"any {branch.repeated} tokens"
        named = " ".join(map(shown, branch.absorbed))
        return times + (f"; seen here: {named}" if named else "")
    of = f"mean activation {figure(branch.mean)}" if activates else f"importance {figure(branch.importance)}"
    return f"{shown(branch.text)}: {of}, seen {branch.count:,} ×"


def _legend(x: float, y: float) -> Html:
    marks = [
        _swatch(x, y, heat.red(0.8), heat.ACTIVATION),
        _text(x + 24, y + 10, "fires on it, mean activation", fill=heat.SOFT, size=11),
        _swatch(x + 228, y, heat.blue(0.8), heat.IMPORTANCE),
        _text(x + 252, y + 10, "needed before it, importance", fill=heat.SOFT, size=11),
        _swatch(x + 456, y, heat.PAPER, heat.SOFT, dashed=True),
        _text(x + 480, y + 10, "* any token (seen there)", fill=heat.SOFT, size=11),
        _text(
            x,
            y + 29,
            "Read from the right, back in the text; at a path's end: times seen, mean share of the highest activation.",
            fill=heat.SOFT,
            size=10.5,
        ),
    ]
    return element("g", *marks)


def _swatch(x: float, y: float, fill: str, frame: str, *, dashed: bool = False) -> Html:
    return element(
        "rect",
        x=_px(x),
        y=_px(y),
        width=16,
        height=13,
        rx=6 if dashed else 3,
        fill=fill,
        stroke=frame,
        stroke_width="1.5",
        stroke_dasharray="3 2" if dashed else None,
    )


def _text(  # noqa: PLR0913 - a place and a text, the rest by name
    x: float,
    y: float,
    text: str,
    *,
    fill: str = heat.INK,
    size: float = 13,
    weight: str | None = None,
    anchor: str | None = None,
) -> Html:
    return element(
        "text",
        text.replace("  ", "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}"),
        x=_px(x),
        y=_px(y),
        fill=fill,
        font_size=_px(size),
        font_weight=weight,
        text_anchor=anchor,
        unicode_bidi="isolate" if right_to_left(text) else None,
    )


def _px(value: float) -> str:
    """To a tenth, so that equal graphs have equal bytes."""
    return f"{value:.1f}".removesuffix(".0")
