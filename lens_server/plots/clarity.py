"""How clear the neurons of each layer are: every neuron a dot, the middle half a box."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from indexer.errors import InvalidInput
from lens_server.answers import IndexSummary, Neuron
from lens_server.plots.paper import COLOURS, FAINT, INK, RULE, TEXT, Sheet, short

ROWS: Final = 120
_DOTS = 1500
"""Of one layer at most, a uniform sample; the box is of all."""
_BOXED = 5
"""Fewer are dots alone."""
_ROW, _WIDE, _LETTER = 0.36, 5.2, 0.09
_SEED = 20504


@dataclass(frozen=True)
class _Row:
    index: int
    layer: str
    clarity: NDArray[np.float64]


def draw(indexes: Sequence[tuple[IndexSummary, Sequence[Neuron]]]) -> Figure:
    """One strip a layer and index; raises InvalidInput for more layers than a picture holds."""
    rows = _rows(indexes)
    if len(rows) > ROWS:
        raise InvalidInput(
            f"{len(rows):,} layers do not fit into one picture; {ROWS} do.", hint="Plot fewer indexes at once."
        )
    names = [short(summary.name, 24) for summary, _ in indexes]
    layers = _LETTER * max((len(short(row.layer, 24)) for row in rows), default=0) + 0.2
    left = layers + (_LETTER * (max(map(len, names)) + 8) if len(names) > 1 else 0.5)
    height = len(rows) * _ROW
    sheet = Sheet(
        max(left + _WIDE, 7.2),
        height + 0.5,
        "How clear are the neurons of each layer?",
        "A dot is an alive neuron; clear ones show one thing. Box: the middle half, bar: the median.",
        "Clarity is the mean cosine over pairs of a neuron's exemplars. In brackets: alive neurons."
        + (f" At most {_DOTS:,} dots a layer are drawn, a uniform sample." if _crowded(rows) else ""),
    )
    axes = sheet.axes(left, 0, _WIDE, height)
    for at, row in enumerate(rows):
        _strip(axes, at, row)
    _frame(axes, rows, names, -left / _WIDE)
    return sheet.figure


def _rows(indexes: Sequence[tuple[IndexSummary, Sequence[Neuron]]]) -> list[_Row]:
    """By layer, in the order of the first index that has it; within a layer by index."""
    clarities: dict[str, list[list[float] | None]] = {}
    for at, (summary, neurons) in enumerate(indexes):
        for layer in summary.layers:
            clarities.setdefault(layer.name, [None] * len(indexes))[at] = []
        for each in neurons:
            own = clarities[each.layer][at]
            if own is not None and each.clarity is not None:
                own.append(each.clarity)
    return [
        _Row(at, layer, np.array(values))
        for layer, by_index in clarities.items()
        for at, values in enumerate(by_index)
        if values is not None
    ]


def _strip(axes: Axes, at: int, row: _Row) -> None:
    if not len(row.clarity):
        axes.annotate(
            "no alive neuron", (0.01, at + 0.5), xycoords=("axes fraction", "data"), color=FAINT, va="center_baseline"
        )
        return
    colour = COLOURS[row.index % len(COLOURS)]
    rng = np.random.default_rng([_SEED, at])
    values = row.clarity if len(row.clarity) <= _DOTS else rng.choice(row.clarity, _DOTS, replace=False)
    places = at + 0.5 + rng.uniform(-0.22, 0.22, len(values))
    opacity = float(np.clip(120 / len(values), 0.15, 0.6))
    axes.scatter(values, places, s=11, color=colour, alpha=opacity, lw=0, rasterized=False)
    if len(row.clarity) < _BOXED:
        return
    low, middle, high = np.quantile(row.clarity, (0.25, 0.5, 0.75))
    axes.add_patch(Rectangle((low, at + 0.2), high - low, 0.6, facecolor="none", edgecolor=INK, lw=1.1, zorder=3))
    axes.plot([middle, middle], [at + 0.14, at + 0.86], color=INK, lw=2.6, solid_capstyle="butt", zorder=4)


def _frame(axes: Axes, rows: Sequence[_Row], names: Sequence[str], edge: float) -> None:
    """Layers from the edge on; beside them, where there are several, the indexes."""
    every = np.concatenate([row.clarity for row in rows]) if rows else np.zeros(0)
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    margin = max(0.05 * (high - low), 0.02)
    axes.set_xlim(min(low - margin, 0.0), min(high + margin, 1.02))
    axes.set_ylim(len(rows), 0)
    axes.set_xlabel("clarity")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=RULE, lw=0.6)
    axes.set_axisbelow(True)
    ticks = [
        f"{names[row.index]} ({len(row.clarity):,})" if len(names) > 1 else f"({len(row.clarity):,})" for row in rows
    ]
    axes.set_yticks([at + 0.5 for at in range(len(rows))], ticks, fontsize=TEXT)
    beside = axes.get_yaxis_transform()
    for at, row in enumerate(rows):
        if at == 0 or row.layer != rows[at - 1].layer:
            axes.text(edge, at + 0.5, short(row.layer, 24), fontweight="bold", va="center_baseline", transform=beside)
            if at:
                axes.plot([edge, 1], [at, at], color=RULE, lw=0.8, clip_on=False, transform=beside)


def _crowded(rows: Sequence[_Row]) -> bool:
    return any(len(row.clarity) > _DOTS for row in rows)
