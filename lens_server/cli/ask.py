"""Questions to an index: compare, label, diff, verify."""

from pathlib import Path
from typing import Annotated

import typer

from indexer.domain.states import State
from indexer.errors import IndexUnusable, InvalidInput
from indexer.index.manifest import read_manifest
from indexer.index.reader import check_files
from lens_client import LensClient
from lens_server.answers import Where
from lens_server.cli import output
from lens_server.cli.concept_table import print_concepts
from lens_server.cli.targets import name_beside, open_target
from lens_server.lens import Lens
from lens_server.queries.saving import save_labels, settings_of_labels
from lens_server.vocabularies import SHIPPED, read_vocabulary

Target = Annotated[str, typer.Argument(help="An index folder, or grpc://host:port/index.", show_default=False)]
TrustPickle = Annotated[
    bool, typer.Option("--trust-pickle", help="Load the foundation model from pickled weights, which can run code.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs instead of tables.")]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many (1 to 1000).")]
Layers = Annotated[
    list[str] | None, typer.Option("--layer", "-l", help="Only this layer; may be repeated.", show_default=False)
]
States = Annotated[
    list[State] | None,
    typer.Option(
        "--state", help="Only neurons in this state; may be repeated. By default all but dead.", show_default=False
    ),
]
Clarity = Annotated[
    float | None, typer.Option("--min-clarity", help="Only neurons at least this clear.", show_default=False)
]
RelevantTo = Annotated[
    str | None,
    typer.Option("--relevant-to", metavar="CLASS", help="Only neurons relevant to this class.", show_default=False),
]
MinRelevance = Annotated[
    float | None,
    typer.Option("--min-relevance", help="… with at least this share of their layer's relevance.", show_default=False),
]
Templates = Annotated[
    list[str] | None,
    typer.Option(
        "--template",
        help="Wording with {} for the query; may be repeated, the probe is their mean.",
        show_default=False,
    ),
]


def compare(
    target: Target,
    a: Annotated[str, typer.Argument(help="A neuron (layer/unit) or a layer.", show_default=False)],
    b: Annotated[str, typer.Argument(help="Another.", show_default=False)],
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Compare two neurons, or two layers, of one index. (Two indexes: lens diff.)"""
    lens = open_target(target)
    layers = {layer.name for layer in lens.describe().layers}
    if a in layers and b in layers:
        sets = lens.compare_layers(a, b, limit=limit)
        output.print_json(sets) if as_json else output.print_sets(sets)
        return
    neurons = lens.compare(a, b)
    output.print_json(neurons) if as_json else output.print_neurons(neurons)


def label(
    target: Target,
    vocabulary: Annotated[
        str,
        typer.Option("--vocabulary", help=f"A text file, one entry a line, or a shipped list: {', '.join(SHIPPED)}."),
    ] = "general",
    layer: Layers = None,
    alternatives: Annotated[int, typer.Option(help="How many runners-up to show, the label included.")] = 5,
    alpha: Annotated[float, typer.Option(help="Abstain above this corrected p.")] = 0.05,
    min_clarity: Annotated[
        float | None,
        typer.Option(
            help="Abstain below; by default the clarity that 5 % of random exemplar sets reach.", show_default=False
        ),
    ] = None,
    unexpected: Annotated[
        bool, typer.Option("--unexpected", help="Instead: the clear neurons that no entry describes.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", help="At most so many neurons.", show_default=False)
    ] = None,
    save: Annotated[
        bool,
        typer.Option("--save", help="Store them in the index in place of those before, for show and search."),
    ] = False,
    trust_pickle: TrustPickle = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line.")] = False,
) -> None:
    """Name neurons from a vocabulary, with alternatives, corrected p and abstention."""
    lens = open_target(target, trust_pickle=trust_pickle)
    entries = read_vocabulary(vocabulary)
    where = Where(layers=tuple(layer or ()))
    if save and (unexpected or isinstance(lens, LensClient)):
        raise InvalidInput("Only labels can be saved, and only in an index folder.", hint="lens label INDEX --save")
    if unexpected:
        found = lens.unexpected(entries, where, limit=limit or 10)
        output.print_json(found) if as_json else output.print_unexpected(found)
        return
    labels = lens.label(entries, where, alternatives=alternatives, alpha=alpha, min_clarity=min_clarity)
    if save and isinstance(lens, Lens):
        labels = iter(named := tuple(labels))
        settings = {"alpha": alpha, "min_clarity": min_clarity, "alternatives": alternatives, "layers": layer}
        save_labels(lens.index, named, settings_of_labels(vocabulary, entries, settings))
        typer.echo(
            f"Saved with {lens.index.folder}: {sum(each.text is not None for each in named):,} labels.", err=True
        )
    chosen = (each for number, each in enumerate(labels) if limit is None or number < limit)
    if not as_json:
        output.print_labels(chosen)
        return
    for each in chosen:
        output.print_json_line(each)


def diff(
    index_a: Annotated[str, typer.Argument(help="An index folder, or grpc://host:port/index.", show_default=False)],
    index_b: Annotated[
        str,
        typer.Argument(help="Another index folder, or the name of another index on that server.", show_default=False),
    ],
    vocabulary: Annotated[
        str | None,
        typer.Argument(
            help=f"With --concepts: a text file, one entry a line, or a shipped list: {', '.join(SHIPPED)}.",
            show_default="general",
        ),
    ] = None,
    concepts: Annotated[
        bool, typer.Option("--concepts", help="Compare by what neurons are called, never by their numbers.")
    ] = False,
    alpha: Annotated[
        float, typer.Option(help="With --concepts: rate of false names, and of false changes, that is accepted.")
    ] = 0.05,
    limit: Limit = 20,
    trust_pickle: TrustPickle = False,
    as_json: Json = False,
) -> None:
    """Compare two whole indexes of one embedding space: what each knows that the other lacks."""
    if vocabulary is not None and not concepts:
        raise InvalidInput("A vocabulary is for --concepts.", hint="lens diff A B --concepts VOCABULARY")
    first = open_target(index_a, trust_pickle=trust_pickle)
    if concepts:
        entries = read_vocabulary(vocabulary or "general")
        if isinstance(first, LensClient):
            changes = first.diff_concepts(name_beside(index_a, index_b), entries, alpha=alpha)
        else:
            changes = first.diff_concepts(Lens.open(index_b), entries, alpha=alpha)
        output.print_json(changes) if as_json else print_concepts(changes, limit)
        return
    if isinstance(first, LensClient):
        comparison = first.diff(name_beside(index_a, index_b), limit=limit)
    else:
        comparison = first.diff(Lens.open(index_b), limit=limit)
    output.print_json(comparison) if as_json else output.print_sets(comparison)


def verify(
    index: Annotated[Path, typer.Argument(help="An index folder.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Check every file of an index against its digest; exit 2 names each that is missing, cut or changed."""
    manifest = read_manifest(index)
    faults = check_files(index, manifest)
    if faults:
        raise IndexUnusable(f"{index}: " + "; ".join(faults) + ".", hint="Restore the files, or build the index again.")
    count = len(manifest.files) + len(manifest.annotations)
    if as_json:
        output.print_json({"index": str(index), "digest": manifest.digest, "files": count})
    else:
        typer.echo(f"{index}: all {count} files are as they were written (digest {manifest.digest[:12]}).")
