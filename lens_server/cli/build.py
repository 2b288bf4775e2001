"""`lens build`: make an index."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from indexer.cache import cache_folder
from indexer.config import read_config
from indexer.errors import InvalidInput
from indexer.pipeline import build_index, list_layers
from lens_server.cli import output
from lens_server.cli.progress import TerminalProgress
from lens_server.lens import Lens

_WHERE = "Where it comes from"
_HOW = "How it is read"
_AGAIN = "Unfinished or existing indexes"


def build(
    subject: Annotated[
        str | None,
        typer.Option(
            help="torchvision:NAME, timm:NAME, python:MODULE:FACTORY, lesion:NAME",
            rich_help_panel=_WHERE,
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(help="Names of modules, separated by commas.", rich_help_panel=_WHERE, show_default=False),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="folder:PATH, csv:FILE, lesions:COUNT,seed=S", rich_help_panel=_WHERE, show_default=False),
    ] = None,
    foundation: Annotated[
        str | None,
        typer.Option(help="open_clip:MODEL/PRETRAINED, tiny-clip", rich_help_panel=_WHERE, show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make.", rich_help_panel=_WHERE, show_default=False)
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="A YAML file with these settings; the command line goes before it.",
            rich_help_panel=_WHERE,
            show_default=False,
        ),
    ] = None,
    exemplars: Annotated[
        int | None, typer.Option(help="Per neuron; 30 by default.", rich_help_panel=_HOW, show_default=False)
    ] = None,
    aggregation: Annotated[
        str | None,
        typer.Option(
            help="Over positions: mean, max, absmean, absmax, special; mean by default.",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None,
    polarity: Annotated[
        Literal["auto", "positive", "both"] | None,
        typer.Option(help="Ends of a neuron to index; auto by default.", rich_help_panel=_HOW, show_default=False),
    ] = None,
    classes: Annotated[
        bool, typer.Option("--classes", help="Measure each neuron's relevance to each class.", rich_help_panel=_HOW)
    ] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            help="exact, faiss or faiss:FACTORY; exact up to 200,000 neurons by default.",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Samples a batch; 32 by default.", rich_help_panel=_HOW, show_default=False)
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Threads that read images; 2 by default.", rich_help_panel=_HOW, show_default=False),
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None,
        typer.Option(help="Where the subject runs; auto by default.", rich_help_panel=_HOW, show_default=False),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Fail on an unreadable sample instead of skipping and counting it.", rich_help_panel=_HOW
        ),
    ] = False,
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load pickled weights, which can run code.", rich_help_panel=_HOW)
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an unfinished build.", rich_help_panel=_AGAIN)
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an index that is there.", rich_help_panel=_AGAIN)
    ] = False,
    add: Annotated[
        bool, typer.Option("--add", help="Add these layers to an index that is there.", rich_help_panel=_AGAIN)
    ] = False,
    list_layers_: Annotated[
        bool, typer.Option("--list-layers", help="Only print the subject's layers; needs --subject.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs instead of tables.")] = False,
) -> None:
    """Show a dataset to a subject and index what each neuron responds to."""
    progress = TerminalProgress(quiet=quiet or as_json)
    if list_layers_:
        _print_layers(subject, trust_pickle=trust_pickle, as_json=as_json)
        return
    settings = read_config(
        config,
        {
            "subject": {"name": subject, "device": device, "trust_pickle": trust_pickle or None},
            "dataset": {"name": dataset, "strict": strict or None},
            "collect": {
                "layers": tuple(name.strip() for name in layers.split(",")) if layers is not None else None,
                "exemplars": exemplars,
                "aggregation": aggregation,
                "polarity": polarity,
                "batch_size": batch_size,
                "threads": threads,
            },
            "foundation": {"name": foundation, "trust_pickle": trust_pickle or None},
            "relevance": {"classes": classes or None},
            "engine": engine,
            "out": out,
        },
    )
    folder = build_index(settings, resume=resume, replace=overwrite, add=add, cache=cache_folder(), progress=progress)
    summary = Lens.open(folder).describe()
    if as_json:
        output.print_json(summary)
        return
    output.print_index(summary)
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        f"\nNext: lens search {folder} 'something you look for'", markup=False
    )


def _print_layers(subject: str | None, *, trust_pickle: bool, as_json: bool) -> None:
    if subject is None:
        raise InvalidInput(
            "--list-layers needs --subject.", hint="lens build --subject timm:resnet18/random --list-layers"
        )
    layers = list_layers(subject, trust_pickle=trust_pickle)
    if as_json:
        output.print_json(layers)
        return
    for layer in layers:
        typer.echo(f"{layer.name:<40} {layer.units:>7,} neurons  {layer.kind:<20} {'×'.join(map(str, layer.shape))}")
