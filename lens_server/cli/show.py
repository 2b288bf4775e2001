"""Show an index, one of its neurons, or several indexes at a glance."""

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from indexer.errors import InvalidInput
from lens_client import LensClient
from lens_server.cli import output
from lens_server.cli.ask import Json, TrustPickle
from lens_server.cli.overview import Glance, show_overview
from lens_server.cli.targets import open_target
from lens_server.cli.text_card import is_of_texts, show_text_neuron
from lens_server.lens import Lens
from lens_server.pictures import card_picture, save_picture
from lens_server.plots import FORMS, KINDS
from lens_server.vocabularies import SHIPPED


class _Card(NamedTuple):
    """What is asked of one neuron's card."""

    png: Path | None
    html: Path | None
    text: str | None


def show(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="INDEX [NEURON | INDEX...]",
            help="An index folder, or grpc://host:port/index; then a neuron, layer/unit. With --coverage, --series or "
            "--plot: more indexes of its embedding space, folders or names on that server.",
            show_default=False,
        ),
    ],
    png: Annotated[
        Path | None,
        typer.Option("--png", help="Write the neuron's card with its exemplars as a picture.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Of a text neuron: write its card as a page, with its graph.", show_default=False),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", help="Of a text neuron: what its graph expects on this text.", show_default=False),
    ] = None,
    redundant: Annotated[
        str | None,
        typer.Option(
            "--redundant", metavar="LAYER", help="The most similar pairs of neurons of a layer.", show_default=False
        ),
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Which concepts each layer knows: share of its alive neurons.")
    ] = False,
    series: Annotated[
        bool, typer.Option("--series", help="What became of concepts over checkpoints: INDEX... in their order.")
    ] = False,
    plot: Annotated[
        str | None,
        typer.Option("--plot", metavar="KIND", help=f"Draw, with --out: {', '.join(KINDS)}.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help=f"With --plot: a file ending in {' or '.join(FORMS)}.", show_default=False),
    ] = None,
    vocabulary: Annotated[
        str | None,
        typer.Option(
            "--vocabulary",
            help=f"With these: a text file, one concept a line, or a shipped list: {', '.join(SHIPPED)}.",
            show_default="general",
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            help="With these: rate of false names, and of false changes, that is accepted.", show_default="0.05"
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", help="Concepts a layer (5), or of a series (20), that are listed.", show_default=False
        ),
    ] = None,
    trust_pickle: TrustPickle = False,
    as_json: Json = False,
) -> None:
    """Show what an index holds, one neuron's card, or what several indexes know, as a table or a plot."""
    asked = [
        name
        for name, given in (
            ("--redundant", redundant is not None),
            ("--coverage", coverage),
            ("--series", series),
            ("--plot", plot is not None),
        )
        if given
    ]
    if len(asked) > 1:
        raise InvalidInput(f"{' and '.join(asked)} are two questions.", hint="Ask one at a time.")
    glance = Glance(coverage, series, plot, out, vocabulary, alpha, limit)
    glance.check(png, len(targets))
    for name, given in (("--html", html), ("--text", text), ("--png", png)):
        if given is not None and (glance.asked or redundant is not None):
            raise InvalidInput(f"{name} is for the card of a neuron.", hint="lens show --help")
    if glance.asked:
        show_overview(targets, glance, trust_pickle=trust_pickle, as_json=as_json)
    else:
        _show_one(targets, _Card(png, html, text), redundant, as_json)


def _show_one(targets: list[str], asked: _Card, redundant: str | None, as_json: bool) -> None:
    target, *neurons = targets
    if len(neurons) > (0 if redundant is not None else 1):
        raise InvalidInput(
            f"{neurons[-1]!r} is one argument too many.",
            hint="Several indexes go with --coverage, --series or --plot; neurons are shown one at a time.",
        )
    lens = open_target(target)
    if redundant is not None:
        pairs = lens.redundancy(redundant)
        output.print_json(pairs) if as_json else output.print_pairs(
            f"Most similar neurons of {redundant}", pairs, ("neuron", "neuron")
        )
    elif neurons:
        _show_neuron(lens, target, neurons[0], asked, as_json)
    else:
        for name, given in zip(("--png", "--html", "--text"), asked, strict=True):
            if given is not None:
                raise InvalidInput(f"{name} needs a neuron.", hint=f"lens show TARGET layer/unit {name} …")
        summary = lens.describe()
        output.print_json(summary) if as_json else output.print_index(summary)


def _show_neuron(lens: Lens | LensClient, target: str, neuron: str, asked: _Card, as_json: bool) -> None:
    if asked.png is not None and lens.describe().kind == "text":
        raise InvalidInput(
            f"{target} is an index of text neurons: they have no pictures.",
            hint=f"lens show {target} {neuron} --html FILE writes the card as a page.",
        )
    card = lens.neuron(neuron, thumbnails=asked.png is not None)
    if is_of_texts(lens, card):
        show_text_neuron(lens, card, html=asked.html, text=asked.text, as_json=as_json)
        return
    for name, given in (("--html", asked.html), ("--text", asked.text)):
        if given is not None:
            raise InvalidInput(f"{name} is for text neurons.", hint=f"lens show {target} {neuron} --png FILE")
    if asked.png is not None:
        save_picture(card_picture(card), asked.png)
    output.print_json(card) if as_json else output.print_card(card)
