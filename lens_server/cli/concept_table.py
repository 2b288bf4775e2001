"""Two indexes by concepts, as a table for people."""

from rich.markup import escape

from lens_server.changes import ConceptDiff, ConceptStrength, Trend
from lens_server.cli.output import new_console, new_table

_STYLES = {
    Trend.APPEARED: "green",
    Trend.VANISHED: "red",
    Trend.STRENGTHENED: "green",
    Trend.WEAKENED: "red",
    Trend.SAME: "dim",
}


def print_concepts(diff: ConceptDiff, limit: int) -> None:
    """Every change, then the first `limit` of what stayed the same, with the neurons that match best."""
    a, b = escape(diff.a), escape(diff.b)
    shown = new_console()
    shown.print(f"{a}: {diff.alive_a:,} alive neurons, {diff.named_a:,} named")
    shown.print(f"{b}: {diff.alive_b:,} alive neurons, {diff.named_b:,} named")
    headings = ("concept", "change", f">neurons of {a}", f">of {b}", f">best z in {a}", f">in {b}", ">p", "best match")
    made = new_table(f"What became of concepts from {a} to {b}", *headings)
    same = 0
    for each in diff.concepts:
        same += each.trend is Trend.SAME
        if each.trend is Trend.SAME and same > limit:
            continue
        match = f"{each.matches[0].a} – {each.matches[0].b} {each.matches[0].similarity:.2f}" if each.matches else "-"
        trend = f"[{_STYLES[each.trend]}]{each.trend}[/]"
        counts, best = (_count(each.a), _count(each.b)), (_z(each.a), _z(each.b))
        made.add_row(escape(each.text), trend, *counts, *best, f"{each.p_corrected:.4f}", escape(match))
    shown.print(made)
    counted = ", ".join(f"{sum(each.trend is trend for each in diff.concepts):,} {trend}" for trend in Trend)
    shown.print(f"{counted}; {diff.absent:,} entries name no neuron of either")


def _count(strength: ConceptStrength) -> str:
    return f"{strength.neurons:,} ({strength.share:.1%})" if strength.neurons else "-"


def _z(strength: ConceptStrength) -> str:
    return "-" if strength.z is None else f"{strength.z:.1f}"
