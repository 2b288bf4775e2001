"""Token graphs, text neurons and predictions as text for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lens_server.answers import NeuronCard
from lens_server.cli.heated_text import heated_text, path_text, tokens_text
from lens_server.cli.output import new_console, new_table, print_facts
from lens_server.graph_drawings.heated import shares_of
from lens_server.graph_drawings.layout import figure
from lens_server.graph_drawings.shown import visible
from lens_server.text_answers import (
    Estimate,
    GraphHit,
    GraphLayer,
    GraphScores,
    GraphSummary,
    Prediction,
    TokenGraphCard,
)

SNIPPETS = 10


def print_text_card(card: NeuronCard, graph: TokenGraphCard | None) -> None:
    """A text neuron: its facts, snippets, and its graph where there is one."""
    console = new_console()
    print_facts(console, card)
    _print_snippets(console, card)
    if graph is not None:
        console.print("[bold]Token graph[/]")
        _print_graph(console, graph, SNIPPETS)
    if card.similar:
        told = ", ".join(f"{hit.neuron.id} {hit.alignment:.2f}" for hit in card.similar)
        console.print(f"  similar: {escape(told)}")


def print_graph(graph: TokenGraphCard, limit: int) -> None:
    """A token graph, the strongest paths first."""
    console = new_console()
    label = f"  {escape(repr(graph.neuron.label))}" if graph.neuron.label else ""
    console.print(f"[bold]{escape(graph.neuron.id)}[/]{label}")
    _print_graph(console, graph, limit)


def _print_graph(console: Console, graph: TokenGraphCard, limit: int) -> None:
    if not graph.paths:
        console.print(f"  no graph: {escape(graph.failed or 'it has no paths')}")
        return
    for name, fact in (
        ("fires on", tokens_text(graph.activating)),
        ("after", tokens_text(graph.context)),
        ("both", tokens_text(graph.in_context)),
        ("parts", f"{graph.parts} that share no token" if graph.parts > 1 else "1"),
        ("predicts", _scores(graph.scores)),
    ):
        console.print(f"  {name:<10}{escape(fact)}")
    table = new_table("", ">mean", ">highest", ">seen", "path: context … what it fires on")
    ranked = sorted(graph.paths, key=lambda path: (-path.mean, -path.count))
    for path in ranked[:limit]:
        table.add_row(figure(path.mean), figure(path.maximum), str(path.count), path_text(path))
    console.print(table)
    if len(ranked) > limit:
        console.print(f"  and {len(ranked) - limit:,} weaker paths (--limit shows more)")


def print_prediction(prediction: Prediction) -> None:
    """What a graph expects on a text, and what the subject does where that was asked."""
    console = new_console()
    console.print(f"[bold]{escape(prediction.neuron)}[/] on the text, as shares of its highest activation")
    console.print(heated_text(console, prediction.tokens, prediction.predicted, lines=True), soft_wrap=True)
    if prediction.measured:
        console.print("measured:")
        console.print(heated_text(console, prediction.tokens, prediction.measured, lines=True), soft_wrap=True)
    table = new_table("", ">token", "", ">predicted", *([">measured"] if prediction.measured else []))
    measured = prediction.measured or (0.0,) * len(prediction.tokens)
    rows = zip(prediction.tokens, prediction.predicted, measured, strict=True)
    for number, (token, expected, found) in enumerate(rows):
        if expected or found >= 0.1:
            figures = [figure(expected), *([figure(found)] if prediction.measured else [])]
            table.add_row(str(number), escape(tokens_text([token])), *figures)
    if table.row_count:
        console.print(table)
    else:
        console.print("  It fires on no token of it.")


def print_layers(layers: Sequence[GraphLayer]) -> None:
    """Scores of each layer, with intervals."""
    table = new_table(
        "Graphs on held-out examples: mean over neurons ± half its 95 % interval; what failed counts as 0",
        "layer",
        ">neurons",
        ">dead",
        ">failed",
        ">firing F1",
        ">tokens alone",
        ">gain",
        ">Pearson",
        ">tokens alone",
    )
    for each in layers:
        counts = (f"{count:,}" for count in (each.neurons, each.dead, each.failed))
        table.add_row(
            escape(each.layer),
            *counts,
            _estimate(each.f1),
            f"{each.baseline_f1.mean:.3f}",
            _estimate(each.gain, "+.3f"),
            _estimate(each.pearson),
            f"{each.baseline_pearson.mean:.3f}",
        )
    new_console().print(table)


def print_listing(graphs: Sequence[GraphSummary]) -> None:
    """Graphs, a line each."""
    table = new_table("Token graphs", "neuron", ">paths", ">parts", ">F1", "fires on", "of these also context")
    for each in graphs:
        table.add_row(
            escape(each.neuron.id),
            str(each.paths),
            str(each.parts),
            figure(each.f1),
            escape(tokens_text(each.activating, 6)),
            escape(tokens_text(each.in_context, 4)),
        )
    new_console().print(table)


def print_alike(hits: Sequence[GraphHit]) -> None:
    """Neurons with graphs like another's."""
    if not hits:
        new_console().print("  No other graph shares a token with it.")
        return
    table = new_table("Graphs like it", "neuron", ">similarity", ">fires on", ">after", "label")
    for each in hits:
        figures = (figure(each.similarity), figure(each.activating), figure(each.context))
        table.add_row(escape(each.neuron.id), *figures, escape(each.neuron.label or ""))
    new_console().print(table)


def _print_snippets(console: Console, card: NeuronCard) -> None:
    table = Table(title="Snippets", title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("rank", justify="right")
    table.add_column("activation", justify="right")
    table.add_column("passage, and what it fires on", overflow="fold")
    for each in card.snippets[:SNIPPETS]:
        text = heated_text(console, each.tokens, shares_of(each, card.neuron.strongest), each.pivot)
        text.append(f"\n{visible(each.sample)}", "dim")
        table.add_row(str(each.rank), f"{each.activation:.4g}", text)
    console.print(table)


def _scores(scores: GraphScores | None) -> str:
    if scores is None:
        return "not scored"
    return (
        f"F1 {figure(scores.f1)} (tokens alone {figure(scores.baseline_f1)}): precision {figure(scores.precision)}, "
        f"recall {figure(scores.recall)}; Pearson {figure(scores.pearson)} ({figure(scores.baseline_pearson)}); "
        f"{scores.examples} held-out examples"
    )


def _estimate(found: Estimate, form: str = ".3f") -> str:
    margin = "" if found.high is None else f" ±{found.high - found.mean:.3f}"
    return format(found.mean, form) + margin
