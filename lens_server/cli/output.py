"""Answers as tables for people and as JSON for programs."""

import base64
import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lens_server.answers import (
    Box,
    Exemplar,
    Hit,
    IndexSummary,
    Label,
    LayerSummary,
    Neuron,
    NeuronCard,
    NeuronComparison,
    Pair,
    SearchAnswer,
    SetComparison,
    Unexpected,
)


def print_json(answer: object) -> None:
    """An answer, or a sequence of them, as one JSON document."""
    value = [_plain(each) for each in answer] if isinstance(answer, (tuple, list)) else _plain(answer)
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, default=_bytes)
    sys.stdout.write("\n")


def print_json_line(answer: object) -> None:
    """An answer as one line of JSON, for streams."""
    sys.stdout.write(json.dumps(_plain(answer), ensure_ascii=False, default=_bytes) + "\n")


def print_search(answers: Iterable[SearchAnswer]) -> None:
    """One table per query."""
    for answer in answers:
        table = new_table(
            f"{answer.query!r} among {answer.candidates:,} neurons",
            *(["index"] if any(hit.index for hit in answer.hits) else []),
            "neuron",
            ">alignment",
            ">z",
            ">p",
            "state",
            ">clarity",
            *([">excess"] if any(hit.excess is not None for hit in answer.hits) else []),
            *(["saved label"] if any(hit.neuron.label for hit in answer.hits) else []),
        )
        for hit in answer.hits:
            of = [hit.index] if hit.index else []
            excess = [f"{hit.excess:+.1f}"] if hit.excess is not None else []
            table.add_row(*of, *_hit(hit), *excess, *([hit.neuron.label] if hit.neuron.label else []))
        new_console().print(table)
        if not answer.hits:
            new_console().print(f"  No neuron {'has that in its graph' if answer.candidates else 'passes the filter'}.")


def print_labels(labels: Iterable[Label]) -> None:
    """One row per neuron, with what it was nearly called; of text neurons also how well the label detects firing."""
    found = list(labels)
    scored = any(each.detection is not None for each in found)
    detection = [">detection"] if scored else []
    table = new_table("Labels", "neuron", "label", ">alignment", ">margin", ">p", *detection, "alternatives")
    for each in found:
        label = each.text or f"[dim]none: {each.abstained}[/]"
        others = ", ".join(
            f"{other.text} {other.alignment:.2f}" for other in each.alternatives if other.text != each.text
        )
        numbers = [_number(each.alignment), _number(each.margin), _p(each.p_corrected)]
        table.add_row(each.neuron.id, label, *numbers, *([_number(each.detection)] if scored else []), others)
    new_console().print(table)


def print_unexpected(found: Iterable[Unexpected]) -> None:
    """Neurons no entry describes."""
    table = new_table("Clear neurons that no entry describes", "neuron", ">clarity", "nearest entry", ">alignment")
    for each in found:
        table.add_row(each.neuron.id, _number(each.neuron.clarity), each.nearest.text, _number(each.nearest.alignment))
    new_console().print(table)


def print_pairs(title: str, pairs: Iterable[Pair], headings: tuple[str, str]) -> None:
    """Pairs of neurons with their similarity."""
    table = new_table(title, *headings, ">similarity")
    for pair in pairs:
        table.add_row(pair.a, pair.b, _number(pair.similarity))
    new_console().print(table)


def print_neurons(comparison: NeuronComparison) -> None:
    """Two neurons side by side."""
    table = new_table(f"cosine {comparison.similarity:.3f}", "", comparison.a.id, comparison.b.id)
    for name, a, b in zip(_FACTS, _facts(comparison.a), _facts(comparison.b), strict=True):
        table.add_row(name, a, b)
    new_console().print(table)
    shared = comparison.shared_exemplars
    new_console().print(f"{len(shared)} shared exemplars{': ' + ', '.join(shared[:10]) if shared else ''}")


def print_sets(comparison: SetComparison, limit: int = 10) -> None:
    """Two sets of neurons: similarity both ways, what each lacks, the matching."""
    a, b = comparison.a, comparison.b
    console = new_console()
    console.print(f"{a}: {comparison.count_a:,} neurons; {b}: {comparison.count_b:,} neurons")
    console.print(f"S({a} → {b}) = {comparison.a_in_b:.3f}: how much of {a}'s concepts {b} knows")
    console.print(f"S({b} → {a}) = {comparison.b_in_a:.3f}: how much of {b}'s concepts {a} knows")
    print_pairs(f"What {b} lacks: neurons of {a} with no like", comparison.b_lacks[:limit], (a, f"nearest in {b}"))
    print_pairs(f"What {a} lacks: neurons of {b} with no like", comparison.a_lacks[:limit], (f"nearest in {a}", b))
    print_pairs("Best one-to-one matches", comparison.matches[:limit], (a, b))


def print_index(summary: IndexSummary) -> None:
    """What an index holds."""
    console = new_console()
    console.print(f"[bold]{summary.name}[/]  {summary.neurons:,} neurons of {summary.subject}, built {summary.created}")
    skipped = (
        f" ({summary.duplicates:,} duplicates, {summary.unreadable:,} unreadable)"
        if summary.duplicates or summary.unreadable
        else ""
    )
    noun = "passages" if summary.kind == "text" else "samples"
    console.print(f"  dataset           {summary.dataset}: {summary.samples:,} {noun}{skipped}")
    console.print(
        f"  foundation model  {summary.foundation_model}, dimension {summary.dimension}, "
        f"space {summary.space_digest[:12]}"
    )
    console.print(f"  exemplars         {summary.exemplars_per_neuron} per neuron    digest {summary.digest[:12]}")
    if summary.vocabulary:
        console.print(f"  labels            {summary.labelled:,} of {summary.neurons:,} from {summary.vocabulary!r}")
    table = new_table(
        "", "layer", ">units", "signed", ">alive", ">dead", ">always on", ">few samples", ">clarity", ">redundancy"
    )
    for layer in summary.layers:
        counts = (str(n) for n in (layer.alive, layer.dead, layer.always_on, layer.few_samples))
        table.add_row(
            layer.name,
            str(layer.units),
            "yes" if layer.signed else "no",
            *counts,
            _number(layer.mean_clarity),
            _number(layer.mean_redundancy),
        )
    console.print(table)
    for layer in summary.layers:
        if made := _made(layer):
            console.print(f"  {layer.name}: {made}")


def _made(layer: LayerSummary) -> str:
    """How the layer was indexed, where that is not the plain way."""
    parts = [
        f"exemplars by {layer.collector}" if layer.collector != "activation" else "",
        f"the part of each that its {layer.crop} points at" if layer.crop != "none" else "",
        f"concept vectors {layer.concept_vector}" if layer.concept_vector != "mean" else "",
    ]
    return "; ".join(part for part in parts if part)


def print_card(card: NeuronCard) -> None:
    """All about a neuron."""
    console = new_console()
    print_facts(console, card)
    if card.relevance:
        shown = ", ".join(
            f"{each.class_name} {each.signed:+.3g} (|{each.absolute:.3g}|)" for each in card.relevance[:5]
        )
        console.print(f"  {'relevance':<16}{shown}")
    _print_exemplars(console, card.exemplars[:10])
    if card.range:
        table = new_table("Over its whole range", ">percentile", "sample", ">activation", "class")
        for each in card.range:
            table.add_row(f"{each.percentile:g}", each.sample, f"{each.activation:.4g}", each.label or "")
        console.print(table)
    if card.similar:
        console.print("  similar: " + ", ".join(f"{hit.neuron.id} {hit.alignment:.2f}" for hit in card.similar))


def print_facts(console: Console, card: NeuronCard) -> None:
    """A neuron's name and figures."""
    label = f"  {escape(repr(card.neuron.label))}" if card.neuron.label else ""
    console.print(f"[bold]{escape(card.neuron.id)}[/]{label}")
    for name, fact in zip(_FACTS, _facts(card.neuron), strict=True):
        console.print(f"  {name:<16}{fact}")


def _print_exemplars(console: Console, exemplars: Sequence[Exemplar]) -> None:
    ranked = any(each.relevance is not None for each in exemplars)
    placed = any(each.box is not None for each in exemplars)
    extra = ([">relevance"] if ranked else []) + (["part of the image (left top right bottom)"] if placed else [])
    table = new_table("Exemplars", ">rank", "sample", ">activation", *extra, "class")
    for each in exemplars:
        cells = ["-" if each.relevance is None else f"{each.relevance:+.3g}"] if ranked else []
        cells += [_place(each.box)] if placed else []
        table.add_row(str(each.rank), each.sample, f"{each.activation:.4g}", *cells, each.label or "")
    console.print(table)


def _place(box: Box | None) -> str:
    """In hundredths of the width and height."""
    return "all" if box is None else " ".join(f"{edge:.0%}" for edge in (box.left, box.top, box.right, box.bottom))


_FACTS = ("state", "active share", "strongest", "exemplars", "clarity", "polysemanticity", "redundancy")


def _facts(neuron: Neuron) -> tuple[str, ...]:
    scores = (_number(neuron.clarity), _number(neuron.polysemanticity), _number(neuron.redundancy))
    return (
        neuron.state.replace("_", " "),
        f"{neuron.active_share:.1%}",
        f"{neuron.strongest:.4g}",
        str(neuron.exemplar_count),
        *scores,
    )


def _hit(hit: Hit) -> tuple[str, ...]:
    state = hit.neuron.state.replace("_", " ")
    return (
        hit.neuron.id,
        _number(hit.alignment),
        "-" if hit.z is None else f"{hit.z:.1f}",
        _p(hit.p),
        state,
        _number(hit.neuron.clarity),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _p(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def new_table(title: str, *headings: str) -> Table:
    """An empty table; a heading with a leading `>` stands right."""
    table = Table(title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(
            heading.removeprefix(">"), justify="right" if heading.startswith(">") else "left", overflow="fold"
        )
    return table


def new_console() -> Console:
    """Standard output, 120 wide where it is no terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def _plain(value: object) -> object:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


def _bytes(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
