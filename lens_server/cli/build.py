"""`lens build`: make an index."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from indexer.cache import cache_folder
from indexer.collectors.shapes import LayerShape
from indexer.config import read_config, read_subject
from indexer.errors import InvalidInput
from indexer.growth import settings_of
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
            help="timm:NAME, transformers:NAME, torchvision:NAME, python:MODULE:FACTORY, tiny-text:stdlib, … "
            "(README lists all)",
            rich_help_panel=_WHERE,
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            help="Names of modules, separated by commas; * stands inside a part of a name, ** across parts.",
            rich_help_panel=_WHERE,
            show_default=False,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Images: folder:PATH, csv:FILE, parquet:FILE, huggingface:PATH, webdataset:SHARDS, zip:FILE, "
            "lesions:COUNT. Texts: text:PATH, parquet:FILE,text=COLUMN, huggingface:PATH,text=COLUMN, stdlib.",
            rich_help_panel=_WHERE,
            show_default=False,
        ),
    ] = None,
    foundation: Annotated[
        str | None,
        typer.Option(
            help="open_clip:MODEL/PRETRAINED, tiny-clip; for texts also sentence:NAME, tiny-code",
            rich_help_panel=_WHERE,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make.", rich_help_panel=_WHERE, show_default=False)
    ] = None,
    sae: Annotated[
        list[str] | None,
        typer.Option(
            help="LAYER=FILE.safetensors: a sparse autoencoder; its latents are the layer LAYER.sae. May be repeated.",
            rich_help_panel=_WHERE,
            show_default=False,
        ),
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
    collector: Annotated[
        Literal["activation", "relevance"] | None,
        typer.Option(help="What ranks the samples; activation by default.", rich_help_panel=_HOW, show_default=False),
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
    crop: Annotated[
        Literal["none", "activation", "gradient", "lrp"] | None,
        typer.Option(
            help="What of an exemplar is embedded: all of it, or the square where its activation or attribution is.",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None,
    percentiles: Annotated[
        str | None,
        typer.Option(
            help="Also keep a sample at these percentiles of each neuron's activation, e.g. 90,50,10.",
            rich_help_panel=_HOW,
            show_default=False,
        ),
    ] = None,
    concept_vector: Annotated[
        Literal["mean", "contrastive"] | None,
        typer.Option(
            help="Of the exemplars alone, or against similar samples that leave the neuron cold; mean by default.",
            rich_help_panel=_HOW,
            show_default=False,
        ),
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
        Literal["auto", "cpu", "cuda", "mps"] | None,
        typer.Option(help="Where the subject runs; auto by default.", rich_help_panel=_HOW, show_default=False),
    ] = None,
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"] | None,
        typer.Option(
            help="Of the subject's forward pass; ranking is in float32 always.",
            rich_help_panel=_HOW,
            show_default=False,
        ),
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
    no_cache: Annotated[
        bool,
        typer.Option(
            "--no-cache", help="Neither read nor fill the embeddings that builds share.", rich_help_panel=_HOW
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an unfinished build.", rich_help_panel=_AGAIN)
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an index that is there.", rich_help_panel=_AGAIN)
    ] = False,
    add: Annotated[
        bool,
        typer.Option(
            "--add",
            help="Add layers, more exemplars or relevance to an index; what is not said stays as it was built.",
            rich_help_panel=_AGAIN,
        ),
    ] = False,
    list_layers_: Annotated[
        bool,
        typer.Option("--list-layers", help="Only print the subject's layers, or those that --layers match."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs instead of tables.")] = False,
) -> None:
    """Show a dataset to a subject and index what each neuron responds to."""
    progress = TerminalProgress(quiet=quiet or as_json)
    if list_layers_:
        asked = read_subject(config, {"name": subject, "saes": _saes(sae), "trust_pickle": trust_pickle or None})
        _print_layers(list_layers(asked, _listed(layers) or ()), as_json=as_json)
        return
    settings = read_config(
        config,
        {
            "subject": {
                "name": subject,
                "device": device,
                "precision": precision,
                "saes": _saes(sae),
                "trust_pickle": trust_pickle or None,
            },
            "dataset": {"name": dataset, "strict": strict or None},
            "collect": {
                "layers": _listed(layers),
                "collector": collector,
                "exemplars": exemplars,
                "aggregation": aggregation,
                "polarity": polarity,
                "crop": crop,
                "percentiles": _listed(percentiles),
                "batch_size": batch_size,
                "threads": threads,
            },
            "concept": {"vector": concept_vector},
            "foundation": {"name": foundation, "trust_pickle": trust_pickle or None},
            "relevance": {"classes": classes or None},
            "engine": engine,
            "out": out,
        },
        held=settings_of if add else None,
    )
    cache = None if no_cache else cache_folder()
    folder = build_index(settings, resume=resume, replace=overwrite, add=add, cache=cache, progress=progress)
    _print_made(folder, as_json=as_json)


def _print_made(folder: Path, *, as_json: bool) -> None:
    summary = Lens.open(folder).describe()
    if as_json:
        output.print_json(summary)
        return
    output.print_index(summary)
    following = f"lens search {folder} 'something you look for'"
    if summary.kind == "text":
        following += f"   or: lens graph {folder} --all"
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"\nNext: {following}", markup=False)


def _print_layers(layers: list[LayerShape], *, as_json: bool) -> None:
    if as_json:
        output.print_json(layers)
        return
    wide = max((len(layer.name) for layer in layers), default=0)
    for layer in layers:
        shape = "×".join(map(str, layer.shape))
        typer.echo(f"{layer.name:<{wide}} {layer.units:>7,} neurons  {layer.kind:<20} {shape}")


def _listed(given: str | None) -> tuple[str, ...] | None:
    return tuple(each.strip() for each in given.split(",")) if given is not None else None


def _saes(given: list[str] | None) -> dict[str, str] | None:
    if not given:
        return None
    pairs = [each.partition("=") for each in given]
    for (layer, equals, file), whole in zip(pairs, given, strict=True):
        if not (layer and equals and file):
            raise InvalidInput(f"--sae {whole!r} is not LAYER=FILE.", hint="--sae blocks.6=sae.safetensors")
    return {layer: file for layer, _, file in pairs}
