"""Layers × concepts: how many of a layer's neurons each concept names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from indexer.errors import InvalidInput
from lens_server.overviews import Coverage, LayerCoverage
from lens_server.plots.paper import FAINT, INK, NOTHING, RULE, SMALL, TEXT, Sheet, counted, percent, short

CONCEPTS: Final = 30
"""Rows at most."""
COLUMNS: Final = 120
_WRITTEN = 16
"""Up to so many columns, cells are wide enough for their number."""
_BLUES = LinearSegmentedColormap.from_list("lens blues", ["#e8f1fa", "#9ec9e8", "#4a90c8", "#1b5a96", "#08305f"])
_HATCH = "#8c959f"
_ROW, _BAR, _WIDE, _NARROW = 0.3, 0.9, 0.62, 0.3
_GAP, _NAME = 0.35, 24
_LETTER = 0.08
"""Inches of an average letter."""


@dataclass(frozen=True)
class _Column:
    index: str
    layer: LayerCoverage
    left: float
    """In columns; a gap stands between two indexes."""


def draw(coverage: Coverage) -> Figure:
    """A heat map; raises InvalidInput for more layers than a picture holds."""
    count = sum(len(index.layers) for index in coverage.indexes)
    if count > COLUMNS:
        raise InvalidInput(
            f"{count:,} layers do not fit into one picture; {COLUMNS} do.",
            hint="Plot fewer indexes at once, or ask for --coverage --json.",
        )
    shown = coverage.concepts[:CONCEPTS]
    written = count <= _WRITTEN
    step = _WIDE if written else _NARROW
    columns = _columns(coverage, step)
    extent = columns[-1].left + 1
    foot = 0.15 + _LETTER * max(len(_foot(each)) for each in columns)
    names = 0.2 + 0.09 * max((len(short(text, 32)) for text in shown), default=0)
    width, height = extent * step, max(len(shown), 1) * _ROW
    sheet = Sheet(
        names + max(width + _BAR, columns[-1].left * step + _wide(columns[-1].index), 7.2 - names),
        0.35 + height + foot,
        "Which concepts does each layer know?",
        "Share of a layer's alive neurons that each concept names. White: none.",
        _footnote(coverage, len(shown), any(each.layer.too_few for each in columns)),
    )
    axes = sheet.axes(names, 0.35, width, height)
    greatest = max((each.share or 0.0 for column in columns for each in column.layer.concepts), default=0.0)
    scale = Normalize(0, greatest or 1.0)
    for column in columns:
        _draw_column(axes, column, shown, scale, written=written)
    _frame(axes, columns, shown, extent)
    bar = Colorbar(sheet.axes(names + width + 0.25, 0.35, 0.16, min(height, 2.4)), ScalarMappable(scale, _BLUES))
    bar.outline.set_edgecolor(RULE)
    bar.ax.yaxis.set_major_formatter(lambda share, _: percent(share))
    return sheet.figure


def _columns(coverage: Coverage, step: float) -> list[_Column]:
    """Where they stand: a gap after each index, or more where its name is longer than its layers are wide."""
    columns: list[_Column] = []
    left = 0.0
    for index in coverage.indexes:
        columns += [_Column(index.index, layer, left + at) for at, layer in enumerate(index.layers)]
        left += max(len(index.layers), _wide(index.index) / step) + _GAP
    return columns


def _wide(index: str) -> float:
    """Inches that an index's name takes."""
    return 1.2 * _LETTER * len(short(index, _NAME))


def _draw_column(axes: Axes, column: _Column, shown: Sequence[str], scale: Normalize, *, written: bool) -> None:
    if column.layer.too_few:
        height = max(len(shown), 1)
        axes.add_patch(
            Rectangle((column.left, 0), 1, height, facecolor=NOTHING, edgecolor="#8c959f", hatch="////", lw=0)
        )
        return
    found = {each.text: each.share or 0.0 for each in column.layer.concepts}
    for row, text in enumerate(shown):
        share = found.get(text)
        colour = "white" if share is None else _BLUES(scale(share))
        axes.add_patch(Rectangle((column.left, row), 1, 1, facecolor=colour, edgecolor=RULE, lw=0.6, clip_on=False))
        if share is not None and written:
            ink = "white" if scale(share) > 0.45 else INK
            axes.text(column.left + 0.5, row + 0.5, percent(share), ha="center", va="center", fontsize=SMALL, color=ink)


def _frame(axes: Axes, columns: Sequence[_Column], shown: Sequence[str], extent: float) -> None:
    axes.set_xlim(0, extent)
    axes.set_ylim(max(len(shown), 1), 0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks([row + 0.5 for row in range(len(shown))], [short(text, 32) for text in shown], fontsize=TEXT)
    axes.set_xticks([each.left + 0.5 for each in columns], [_foot(each) for each in columns], rotation=90)
    for index, left in {each.index: each.left for each in reversed(columns)}.items():
        axes.text(left, -0.35, short(index, _NAME), fontsize=TEXT, fontweight="bold", va="bottom")
    if not shown:
        axes.text(0.1, 0.5, "no concept names a neuron", color=FAINT, va="center")


def _foot(column: _Column) -> str:
    """What stands under a column: the layer and how many neurons are alive."""
    return f"{short(column.layer.layer, 26)} · {column.layer.alive:,}"


def _footnote(coverage: Coverage, shown: int, too_few: bool) -> str:  # noqa: FBT001 - one of a kind
    parts = ["Under each column: the layer and the number of its alive neurons."]
    if too_few:
        parts.append("Hatched: too few of them for a share.")
    if shown < len(coverage.concepts):
        parts.append(f"Shown: the {shown} concepts that name most neurons, of {len(coverage.concepts):,}.")
    if coverage.absent:
        parts.append(
            f"{counted(coverage.absent, 'more concept')} of the vocabulary name{'s' * (coverage.absent == 1)} none."
        )
    return " ".join(parts)
