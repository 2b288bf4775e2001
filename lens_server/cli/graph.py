"""`lens graph`: what text neurons fire on."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from indexer.errors import InvalidInput
from indexer.subjects.patterns import chosen
from lens_client import LensClient
from lens_server.answers import Where
from lens_server.cli import graph_tables, output
from lens_server.cli.ask import Json, Layers, Limit, Target, TrustPickle
from lens_server.cli.progress import TerminalProgress
from lens_server.cli.targets import open_target
from lens_server.cli.text_card import write_text
from lens_server.graph_drawings.dot import dot as as_dot
from lens_server.graph_drawings.page import page
from lens_server.graph_drawings.svg import svg as as_svg
from lens_server.lens import Lens
from lens_server.queries.limits import checked

_OF_ONE = ("--svg", "--dot", "--html", "--text", "--measured", "--alike")
_OF_MANY = ("--all", "--scores", "--order")
_DRAWN = "Also draw it in this file,"


class _Files(NamedTuple):
    svg: Path | None
    dot: Path | None
    html: Path | None


class _Making(NamedTuple):
    workers: int
    device: str
    masked_model: str
    trust_pickle: bool


def graph(
    target: Target,
    neuron: Annotated[str | None, typer.Argument(help="A text neuron, layer/unit.", show_default=False)] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help=f"{_DRAWN} for any browser.", show_default=False)] = None,
    dot: Annotated[Path | None, typer.Option("--dot", help=f"{_DRAWN} for Graphviz.", show_default=False)] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write the neuron's card as a page.", show_default=False)
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", help="Instead: what the graph expects on this text.", show_default=False),
    ] = None,
    measured: Annotated[bool, typer.Option("--measured", help="With --text: run the subject on it, too.")] = False,
    alike: Annotated[bool, typer.Option("--alike", help="Instead: the neurons with the graphs most like it.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Make the graphs of all neurons; interrupted, go on where it was.")
    ] = False,
    layer: Layers = None,
    workers: Annotated[
        int, typer.Option("--workers", help="With --all: processes; 0 is one a core.", min=0, max=256)
    ] = 0,
    device: Annotated[str, typer.Option("--device", help="With --all: where the subject runs, e.g. cuda.")] = "cpu",
    masked_model: Annotated[
        str | None,
        typer.Option(
            "--masked-model",
            help="With --all: a masked language model that proposes other tokens, e.g. transformers:NAME; "
            "by default the subject itself does.",
            show_default=False,
        ),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="How well the graphs of each layer predict, as --all says at its end.")
    ] = False,
    order: Annotated[
        str | None,
        typer.Option(
            "--order",
            metavar="parts|in-context",
            help="List graphs: those of most unconnected parts first, or of most tokens that are also context.",
            show_default=False,
        ),
    ] = None,
    limit: Limit = 20,
    trust_pickle: TrustPickle = False,
    as_json: Json = False,
) -> None:
    """Show what a text neuron fires on; make the graphs of all; predict on a text."""
    given = (svg, dot, html, text, measured or None, alike or None, every or None, scores or None, order)
    asked = [name for name, value in zip((*_OF_ONE, *_OF_MANY), given, strict=True) if value is not None]
    _check(target, neuron, asked)
    if layer and neuron is not None and not alike:
        raise InvalidInput("--layer chooses among neurons.", hint="Use it with --all, --order, --scores or --alike.")
    of_all = {"--workers": workers, "--device": device != "cpu", "--masked-model": masked_model}
    if not every and (wrong := [name for name, value in of_all.items() if value]):
        raise InvalidInput(f"{wrong[0]} is for --all.", hint=f"lens graph {target} --all")
    where = Where(layers=tuple(layer or ()))
    checked("limit", limit)
    if every:
        _make(target, layer or [], _Making(workers, device, masked_model or "", trust_pickle))
    lens = open_target(target, trust_pickle=trust_pickle)
    if neuron is None:
        _show_many(lens, order, where, limit, as_json)
    elif alike:
        hits = lens.texts.similar(neuron, where, limit=limit)
        output.print_json(hits) if as_json else graph_tables.print_alike(hits)
    else:
        _show_one(lens, neuron, _Files(svg, dot, html), (text, measured), limit, as_json)


def _check(target: str, neuron: str | None, asked: list[str]) -> None:
    wrong = [each for each in asked if each in (_OF_ONE if neuron is None else _OF_MANY)]
    if wrong:
        what = "needs a neuron" if neuron is None else f"is about all neurons, not {neuron}"
        raise InvalidInput(f"{wrong[0]} {what}.", hint=f"lens graph {target} layer/unit, or lens graph {target} --all")
    if neuron is None and not asked:
        raise InvalidInput(
            "Which neuron?",
            hint=f"lens graph {target} layer/unit; --all makes the graphs, --order parts lists them.",
        )
    if len(asked) > 1 and neuron is None and asked != ["--all", "--scores"]:
        raise InvalidInput(f"{' and '.join(asked)} are two questions.", hint="Ask one at a time.")
    if "--measured" in asked and "--text" not in asked:
        raise InvalidInput("--measured is for --text.", hint=f"lens graph {target} {neuron} --text '…' --measured")
    if "--alike" in asked and len(asked) > 1:
        raise InvalidInput(f"--alike goes without {asked[0]}.", hint="Ask one at a time.")


def _make(target: str, layers: list[str], how: _Making) -> None:
    from indexer.graphs.all_graphs import make_graphs  # brings torch
    from indexer.graphs.settings import GraphSettings

    if target.startswith("grpc://"):
        raise InvalidInput("Graphs are made where the index is.", hint="lens graph FOLDER --all on that machine.")
    progress = TerminalProgress()
    make_graphs(
        Path(target),
        layers=layers,
        workers=how.workers,
        settings=GraphSettings(masked_model=how.masked_model),
        device=how.device,
        trust_pickle=how.trust_pickle,
        progress=progress,
    )


def _show_many(lens: Lens | LensClient, order: str | None, where: Where, limit: int, as_json: bool) -> None:
    if order is not None:
        listed = lens.texts.graphs(where, order=order, limit=limit)
        output.print_json(listed) if as_json else graph_tables.print_listing(listed)
        return
    scored = lens.texts.scores()
    wanted = chosen(where.layers, [each.layer for each in scored], "layer with graphs")
    found = tuple(each for each in scored if each.layer in wanted)
    output.print_json(found) if as_json else graph_tables.print_layers(found)


def _show_one(
    lens: Any,  # noqa: ANN401 - a Lens or a LensClient
    neuron: str,
    files: _Files,
    asked: tuple[str | None, bool],
    limit: int,
    as_json: bool,
) -> None:
    found, (text, measured) = lens.texts.graph(neuron), asked
    prediction = None if text is None else lens.texts.predict(neuron, text, measured=measured)
    if files.svg is not None:
        write_text(files.svg, as_svg(found))
    if files.dot is not None:
        write_text(files.dot, as_dot(found))
    if files.html is not None:
        alike = lens.texts.similar(neuron, limit=5) if found.paths else ()
        write_text(files.html, page(lens.neuron(neuron), found, prediction, alike))
    if as_json:
        output.print_json(found if prediction is None else prediction)
    elif prediction is None:
        graph_tables.print_graph(found, limit)
    else:
        graph_tables.print_prediction(prediction)
