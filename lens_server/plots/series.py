"""Concepts over the checkpoints of a training, and below them what the checkpoints have in common."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from indexer.errors import InvalidInput
from lens_server.overviews import Checkpoint, ConceptCourse, LayerHealth, Series
from lens_server.plots.paper import COLOURS, FAINT, MARKERS, RULE, SMALL, TEXT, Sheet, short
from lens_server.plots.placing import apart

CONCEPTS: Final = 8
"""Lines that have a name; the others are grey."""
CHECKPOINTS: Final = 60
_GREY_LINES = 60
_LEAST_SPAN = 0.05
_LETTERS_HIGH = 0.165
"""Inches from one name to the next."""
_LEFT, _NAMES, _TALL, _LOW, _GAP = 0.75, 2.3, 3.9, 1.5, 0.62


class _Line(NamedTuple):
    name: str
    values: Sequence[float | None]


class _End(NamedTuple):
    """Where a line ends."""

    name: str
    x: float
    y: float
    colour: str


def draw(series: Series) -> Figure:
    """Four panels over the same checkpoints; raises InvalidInput for more of them than a picture holds."""
    count = len(series.checkpoints)
    if count > CHECKPOINTS:
        raise InvalidInput(
            f"{count} checkpoints do not fit into one picture; {CHECKPOINTS} do.", hint="Plot every other one."
        )
    wide = min(max(5.2, 0.55 * count), 14.0)
    ranked = sorted(series.concepts, key=lambda each: -max(point.strength.share for point in each.points))
    sheet = Sheet(
        _LEFT + wide + _NAMES,
        _TALL + 3 * (_LOW + _GAP) + _foot(series.checkpoints),
        "What does the network learn, checkpoint by checkpoint?",
        "Top: share of alive neurons that each concept names. A ring marks the first rise beyond chance.",
        _footnote(ranked, series.absent),
    )
    tops = [0.3] + [_TALL + _GAP + at * (_LOW + _GAP) for at in range(3)]
    panels = [sheet.axes(_LEFT, top, wide, _LOW if at else _TALL - 0.3) for at, top in enumerate(tops)]
    _concepts(panels[0], ranked, [each.index for each in series.checkpoints])
    _steps(panels[1], series)
    _layers(panels[2], series.checkpoints, "mean clarity of alive neurons", lambda layer: layer.mean_clarity)
    _layers(panels[3], series.checkpoints, "share of neurons that are alive", lambda layer: layer.alive_share)
    for panel in panels:
        _frame(panel, [each.index for each in series.checkpoints], last=panel is panels[-1])
    for panel in (panels[0], panels[3]):
        panel.yaxis.set_major_formatter(lambda share, _: f"{round(100 * share, 3):g}%")
    return sheet.figure


def _concepts(axes: Axes, ranked: Sequence[ConceptCourse], names: Sequence[str]) -> None:
    axes.set_title("concepts", loc="left", fontsize=TEXT, fontweight="bold")
    for course in ranked[CONCEPTS : CONCEPTS + _GREY_LINES]:
        shares = [point.strength.share for point in course.points]
        axes.plot(range(len(shares)), shares, color="#afb8c1", lw=0.9, zorder=1)
    for at, course in enumerate(ranked[:CONCEPTS]):
        if course.first_rise is not None:
            place = names.index(course.first_rise)
            ring: dict[str, Any] = {"s": 190, "facecolor": "none", "edgecolor": COLOURS[at], "lw": 1.6, "zorder": 4}
            axes.scatter([place], [course.points[place].strength.share], **ring)
    _lines(axes, [_Line(each.text, [point.strength.share for point in each.points]) for each in ranked[:CONCEPTS]])
    if not ranked:
        axes.text(0.5, 0.5, "no concept names a neuron", transform=axes.transAxes, ha="center", color=FAINT)


def _steps(axes: Axes, series: Series) -> None:
    """Between two checkpoints, where their steps are."""
    axes.set_title("concepts in common with the next checkpoint: S", loc="left", fontsize=TEXT, fontweight="bold")
    places = [at + 0.5 for at in range(len(series.steps))]
    still, already = [each.a_in_b for each in series.steps], [each.b_in_a for each in series.steps]
    _lines(axes, [_Line("earlier ones still known", still), _Line("later ones known already", already)], places)


def _layers(
    axes: Axes, checkpoints: Sequence[Checkpoint], title: str, measure: Callable[[LayerHealth], float | None]
) -> None:
    names = list(dict.fromkeys(layer.layer for each in checkpoints for layer in each.layers))
    some = f" (the last {len(COLOURS)} of {len(names)} layers)" if len(names) > len(COLOURS) else ""
    axes.set_title(title + some, loc="left", fontsize=TEXT, fontweight="bold")
    found = [{layer.layer: measure(layer) for layer in each.layers} for each in checkpoints]
    _lines(axes, [_Line(name, [each.get(name) for each in found]) for name in names[-len(COLOURS) :]])


def _lines(axes: Axes, lines: Sequence[_Line], places: Sequence[float] | None = None) -> None:
    """Lines with their names at their right ends, moved apart where they would overlap."""
    ends = []
    for at, line in enumerate(lines):
        where = list(range(len(line.values))) if places is None else places
        known = [(x, value) for x, value in zip(where, line.values, strict=True) if value is not None]
        colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
        values = [value for _, value in known]
        axes.plot([x for x, _ in known], values, color=colour, marker=marker, ms=5.5, lw=1.8, zorder=3, clip_on=False)
        if known:
            ends.append(_End(line.name, *known[-1], colour))
    _name_ends(axes, ends)


def _name_ends(axes: Axes, ends: Sequence[_End]) -> None:
    low, high = _limits(axes)
    axes.set_ylim(low, high)
    inches = axes.get_position().height * axes.figure.get_size_inches()[1]  # type: ignore[union-attr]
    ranked = sorted(ends, key=lambda end: end.y)
    places = apart([(end.y - low) / (high - low) for end in ranked], _LETTERS_HIGH / inches)
    last = max((end.x for end in ends), default=0.0)
    for end, place in zip(ranked, places, strict=True):
        # A line to a name far off would look like one of values.
        drawn = "-" if end.x == last and last == round(last) else (0, (1, 3))
        axes.annotate(
            short(end.name, 27), (end.x, end.y), (1.05, place), xycoords="data", textcoords="axes fraction",
            fontsize=SMALL, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": end.colour, "lw": 0.9, "ls": drawn, "shrinkA": 1, "shrinkB": 5},
        )  # fmt: skip


def _limits(axes: Axes) -> tuple[float, float]:
    """Those of the values, but wide enough that a hair's breadth looks like one."""
    low, high = axes.get_ylim()
    missing = max(_LEAST_SPAN - (high - low), 0.0)
    return low - missing / 2, high + missing / 2


def _frame(axes: Axes, names: Sequence[str], *, last: bool) -> None:
    axes.set_xlim(-0.3, len(names) - 0.85)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.grid(axis="y", color=RULE, lw=0.6)
    axes.set_axisbelow(True)
    turned: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if _turned(names) else {}
    axes.set_xticks(range(len(names)), [short(name, 24) for name in names] if last else [""] * len(names), **turned)


def _turned(names: Sequence[str]) -> bool:
    return len(names) > 8 or sum(min(len(name), 24) for name in names) > 55


def _foot(checkpoints: Sequence[Checkpoint]) -> float:
    names = [each.index for each in checkpoints]
    return 0.2 + (0.055 * max(min(len(name), 24) for name in names) if _turned(names) else 0.0)


def _footnote(ranked: Sequence[ConceptCourse], absent: int) -> str:
    parts = []
    if len(ranked) > CONCEPTS:
        grey = min(len(ranked) - CONCEPTS, _GREY_LINES)
        parts.append(f"Named: the {CONCEPTS} concepts with the greatest share; grey: {grey} others.")
    if absent:
        parts.append(f"{absent:,} of the vocabulary name no neuron of any checkpoint.")
    parts.append("S: mean over a checkpoint's neurons of the highest cosine to one of the other's.")
    return " ".join(parts)
