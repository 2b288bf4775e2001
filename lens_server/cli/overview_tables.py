"""Coverage and series as tables for people."""

from rich.markup import escape

from lens_server.changes import Trend
from lens_server.cli.output import new_console, new_table
from lens_server.overviews import Checkpoint, ConceptPoint, Coverage, LayerCoverage, Series

_ARROWS = {
    Trend.APPEARED: "[green]+[/]",
    Trend.VANISHED: "[red]-[/]",
    Trend.STRENGTHENED: "[green]↑[/]",
    Trend.WEAKENED: "[red]↓[/]",
    Trend.SAME: " ",
}


def print_coverage(coverage: Coverage, limit: int) -> None:
    """A table an index: each layer with the first `limit` of its concepts."""
    shown = new_console()
    for index in coverage.indexes:
        title = f"What the layers of {escape(index.index)} know: {index.named:,} of {index.alive:,} alive neurons named"
        headings = ("layer", ">alive", ">named", "concept", ">neurons", ">share", "best", ">alignment", ">p")
        made = new_table(title, *headings)
        for layer in index.layers:
            rows = _concepts(layer, limit)
            for at, row in enumerate(rows):
                first = (escape(layer.layer), f"{layer.alive:,}", f"{layer.named:,}")
                made.add_row(*(("", "", "") if at else first), *row)
        shown.print(made)
    shown.print(f"{len(coverage.concepts):,} entries name some neuron; {coverage.absent:,} name none")


def print_series(series: Series, limit: int) -> None:
    """Concepts over checkpoints, steps between them, and the layers at each."""
    shown = new_console()
    names = [escape(each.index) for each in series.checkpoints]
    made = new_table("What became of concepts", "concept", "first named", "first rise", *(f">{name}" for name in names))
    for course in series.concepts[:limit]:
        rise = escape(course.first_rise) if course.first_rise else "-"
        cells = (_point(each) for each in course.points)
        made.add_row(escape(course.text), escape(course.first_named), rise, *cells)
    shown.print(made)
    more = f"{len(series.concepts) - limit:,} more with --json; " if len(series.concepts) > limit else ""
    shown.print(
        f"{more}+ appeared  - vanished  ↑ ↓ by more than chance; {series.absent:,} entries name no neuron of any"
    )
    steps = new_table("From one to the next", "from", "to", ">S(from → to)", ">S(to → from)")
    for step in series.steps:
        steps.add_row(escape(step.a), escape(step.b), f"{step.a_in_b:.3f}", f"{step.b_in_a:.3f}")
    shown.print(steps)
    layers = new_table("Layers: mean clarity, share alive", "layer", *(f">{name}" for name in names))
    for layer in dict.fromkeys(layer.layer for each in series.checkpoints for layer in each.layers):
        layers.add_row(escape(layer), *(_health(each, layer) for each in series.checkpoints))
    shown.print(layers)


def _concepts(layer: LayerCoverage, limit: int) -> list[tuple[str, ...]]:
    """The rows of a layer, at least one."""
    rows: list[tuple[str, ...]] = [
        (
            escape(each.text),
            f"{each.neurons:,}",
            "-" if each.share is None else f"{each.share:.1%}",
            escape(each.best),
            f"{each.alignment:.3f}",
            f"{each.p_corrected:.4f}",
        )
        for each in layer.concepts[:limit]
    ]
    if layer.too_few:
        rows.insert(0, ("[dim]too few alive neurons for a share[/]", "", "", "", "", ""))
    if len(layer.concepts) > limit:
        rows.append((f"[dim]and {len(layer.concepts) - limit:,} more[/]", "", "", "", "", ""))
    return rows or [("[dim]none[/]", "", "", "", "", "")]


def _point(point: ConceptPoint) -> str:
    strength = point.strength
    mark = " " if point.trend is None else _ARROWS[point.trend]
    return f"{strength.share:.1%} ({strength.neurons:,}) {mark}" if strength.neurons else f"- {mark}"


def _health(checkpoint: Checkpoint, layer: str) -> str:
    own = next((each for each in checkpoint.layers if each.layer == layer), None)
    if own is None:
        return "-"
    clarity = "-" if own.mean_clarity is None else f"{own.mean_clarity:.3f}"
    return f"{clarity}, {own.alive_share:.0%}"
