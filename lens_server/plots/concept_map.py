"""Neurons in a plane: coloured by index, marked by layer, the commonest concepts written beside them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from lens_server.overviews import ConceptMap, MapPoint
from lens_server.plots import check_colours
from lens_server.plots.paper import COLOURS, FAINT, INK, MARKERS, SMALL, TEXT, Sheet, counted, short
from lens_server.plots.placing import Box, Size, placed

NAMES: Final = 18
"""Concepts written, those of most neurons."""
_SIDE, _KEY, _FLAT, _TALL = 6.6, 2.2, 0.7, 1.1
_PAD = 3.0
_COATS = 8
_SEED = 20505
_ASKED, _MANY, _FAR = 500, 5, 240.0
_PAPER: dict[str, Any] = {"boxstyle": "square,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.88}


def draw(found: ConceptMap) -> Figure:
    """A map with its key to the right; raises InvalidInput for more indexes than there are colours."""
    check_colours(len(found.indexes))
    layers = list(dict.fromkeys(point.neuron.layer for point in found.points))
    markers = {layer: MARKERS[at] if len(layers) <= len(MARKERS) else "o" for at, layer in enumerate(layers)}
    across, up = _halves(found.points)
    sheet = Sheet(
        _SIDE + _KEY,
        _SIDE * up / across,
        "Which neurons mean alike?",
        "Each mark is an alive neuron; neighbours have alike exemplars. Names: the commonest concepts.",
        _footnote(found, len(layers)),
    )
    axes = sheet.axes(0, 0, _SIDE, _SIDE * up / across)
    axes.set_xlim(-across, across)
    axes.set_ylim(-up, up)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
    _scatter(axes, found, markers)
    _write(axes, found.points)
    _key(axes, found.indexes, markers, unnamed=any(point.label is None for point in found.points))
    return sheet.figure


def _halves(points: Sequence[MapPoint]) -> tuple[float, float]:
    """Half the width and half the height of the map, one scale for both, no flatter nor taller than is handy."""
    across, up = (
        1.06 * max(abs(value) for value in values) for values in zip(*((p.x, p.y) for p in points), strict=True)
    )
    ratio = float(np.clip(up / max(across, 1e-6), _FLAT, _TALL))
    return max(across, up / ratio), max(across, up / ratio) * ratio


def _scatter(axes: Axes, found: ConceptMap, markers: dict[str, str]) -> None:
    """Named neurons filled, the others hollow; in mixed order, or the last index would hide the first."""
    size = float(np.clip(12000 / len(found.points), 9, 42))
    colours = {index: COLOURS[at % len(COLOURS)] for at, index in enumerate(found.indexes)}
    mixed = np.random.default_rng(_SEED).permutation(len(found.points))
    for part in np.array_split(mixed, min(_COATS, len(mixed))):
        alike: defaultdict[tuple[str, str, bool], list[tuple[float, float]]] = defaultdict(list)
        for point in (found.points[at] for at in part):
            named = point.label is not None
            alike[colours[point.index], markers[point.neuron.layer], named].append((point.x, point.y))
        for (colour, marker, named), places in alike.items():
            look: dict[str, Any] = {"facecolor": colour if named else "none", "alpha": 0.85 if named else 0.6}
            x, y = np.array(places).T
            axes.scatter(x, y, s=size, marker=marker, edgecolor=colour, lw=0.8, **look)


def _write(axes: Axes, points: Sequence[MapPoint]) -> None:
    """Each name beside a neuron in the midst of those that it names."""
    commonest = Counter(point.label for point in points if point.label is not None).most_common(NAMES)
    places = axes.transData.transform(np.array([(point.x, point.y) for point in points]))
    midsts = [(text, _midsts(places[[point.label == text for point in points]])) for text, _ in commonest]
    named = [(text, at[place]) for place in (0, 1) for text, at in midsts if place < len(at)]
    frame = axes.get_window_extent()
    sizes = [_size(axes, short(text, 26)) for text, _ in named]
    boxes = placed([at for _, at in named], sizes, places, Box(frame.x0, frame.y0, frame.x1, frame.y1))
    back = axes.transData.inverted()
    for (text, anchor), box in zip(named, boxes, strict=True):
        if box is None:
            continue
        at, near = back.transform(box.centre), back.transform(anchor)
        axes.plot([near[0], at[0]], [near[1], at[1]], color=FAINT, lw=0.8, zorder=3)
        axes.text(at[0], at[1], short(text, 26), fontsize=TEXT, ha="center", va="center", bbox=_PAPER, zorder=4)


def _midsts(places: NDArray[np.float64]) -> list[tuple[float, float]]:
    """The place nearest to most of its like, and another where many of them lie far from it."""
    places = places[:: -(-len(places) // _ASKED)]
    first = _midst(places)
    far = places[np.hypot(*(places - first).T) > _FAR]
    return [first, _midst(far)] if len(far) >= max(_MANY, len(places) / 4) else [first]


def _midst(places: NDArray[np.float64]) -> tuple[float, float]:
    """One of the places: a concept may lie in two clusters, and between them is nobody."""
    apart = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
    x, y = places[int(np.exp(-apart / 60).sum(axis=1).argmax())]
    return float(x), float(y)


def _size(axes: Axes, text: str) -> Size:
    drawn = axes.text(0, 0, text, fontsize=TEXT)
    extent = drawn.get_window_extent(FigureCanvasAgg(axes.figure).get_renderer())  # type: ignore[arg-type,no-untyped-call]
    drawn.remove()
    return Size(extent.width + 2 * _PAD, extent.height + 2 * _PAD)


def _key(axes: Axes, indexes: Sequence[str], markers: dict[str, str], *, unnamed: bool) -> None:
    def dot(marker: str, colour: str, fill: str) -> Line2D:
        return Line2D([], [], ls="", marker=marker, ms=7, markeredgecolor=colour, markerfacecolor=fill)

    entries: list[tuple[str, Line2D | None]] = [("index", None)]
    entries += [
        (short(name, 24), dot("o", COLOURS[at % len(COLOURS)], COLOURS[at % len(COLOURS)]))
        for at, name in enumerate(indexes)
    ]
    if len(markers) <= len(MARKERS):
        entries += [("layer", None)]
        entries += [(short(name, 24), dot(marker, FAINT, FAINT)) for name, marker in markers.items()]
    if unnamed:
        entries += [("hollow: no name", dot("o", FAINT, "none"))]
    blank = Line2D([], [], ls="")
    legend = axes.legend(
        [handle or blank for _, handle in entries], [text for text, _ in entries],
        loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=SMALL, borderaxespad=0, labelspacing=0.55,
    )  # fmt: skip
    for text, (_, handle) in zip(legend.get_texts(), entries, strict=True):
        text.set_fontweight("bold" if handle is None else "normal")
        text.set_color(INK)


def _footnote(found: ConceptMap, layers: int) -> str:
    drawn = len(found.points)
    shown = f"{counted(drawn, 'alive neuron')}"
    if drawn < found.alive:
        shown = f"A uniform sample of {drawn:,} of {found.alive:,} alive neurons"
    parts = [f"{shown}, by t-SNE of concept vectors (cosine, perplexity {found.perplexity:.0f})."]
    parts.append("Only who is near whom counts: axes, sizes of clusters and great distances mean nothing.")
    if layers > len(MARKERS):
        parts.append(f"{layers} layers are too many for marks of their own.")
    return " ".join(parts)
