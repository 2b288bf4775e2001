"""`lens search`: which neurons know this, in one index or in several."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from indexer.errors import InvalidInput
from indexer.index.files import MANIFEST
from lens_client import LensClient
from lens_server.answers import Hit, NeuronCard, Query, SearchAnswer, TokenQuery, Where
from lens_server.cli import output
from lens_server.cli.ask import (
    Clarity,
    Json,
    Layers,
    Limit,
    MinRelevance,
    RelevantTo,
    States,
    Templates,
    TrustPickle,
)
from lens_server.cli.targets import is_served, name_beside, open_target
from lens_server.lens import Lens
from lens_server.pictures import save_picture, search_picture

_ROWS, _DRAWN = 3, 8


def search(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="INDEX... [WORDS...]",
            help="An index folder, or grpc://host:port/index, or several: what follows the first and is an index is "
            "searched with it. Then words to search for; several queries are answered one by one.",
            show_default=False,
        ),
    ],
    image: Annotated[
        list[Path] | None, typer.Option("--image", help="Search with a picture; may be repeated.", show_default=False)
    ] = None,
    neuron: Annotated[
        list[str] | None,
        typer.Option("--neuron", help="Search with a neuron, layer/unit; may be repeated.", show_default=False),
    ] = None,
    token: Annotated[
        list[str] | None,
        typer.Option(
            "--token",
            help="Text neurons that fire on this token, with or without the blank before it; repeated: on one of them.",
            show_default=False,
        ),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(
            "--context",
            "--preceded-by",
            help="… where this token matters before (what --token names); repeated: one of them.",
            show_default=False,
        ),
    ] = None,
    regex: Annotated[
        bool,
        typer.Option("--regex", help="These are regular expressions (RE2) that a token must match as a whole."),
    ] = False,
    layer: Layers = None,
    state: States = None,
    min_clarity: Clarity = None,
    relevant_to: RelevantTo = None,
    min_relevance: MinRelevance = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="image|text", help="Only indexes of this kind.", show_default=False),
    ] = None,
    template: Templates = None,
    limit: Limit = 10,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare with every neuron, whatever engine the index has.")
    ] = False,
    png: Annotated[
        Path | None, typer.Option("--png", help="Draw the first hits with their exemplars.", show_default=False)
    ] = None,
    trust_pickle: TrustPickle = False,
    as_json: Json = False,
) -> None:
    """Find the neurons that know something: words, a picture, another neuron, or tokens; in several indexes by z."""
    targets, words = divided(given)
    asked = [Query(text=text) for text in words]
    asked += [Query(image=_read(path)) for path in image or ()]
    asked += [Query(neuron=name) for name in neuron or ()]
    asked += _token_queries(token or (), context or (), regex=regex)
    if not asked:
        raise InvalidInput(
            "There is no query.",
            hint="lens search INDEX 'ruler', or --image FILE, --neuron layer/unit or --token TOKEN.",
        )
    if png is not None and len(targets) > 1:
        raise InvalidInput("--png draws the hits of one index.", hint="Search one index at a time with it.")
    where = Where(tuple(layer or ()), tuple(state or ()), min_clarity, relevant_to, min_relevance, tuple(kind or ()))
    lens = open_target(targets[0], trust_pickle=trust_pickle)
    if png is not None and lens.describe().kind == "text":
        raise InvalidInput(
            f"{targets[0]} is an index of text neurons: they have no pictures.",
            hint=f"lens show {targets[0]} layer/unit --html FILE writes the card of a hit as a page.",
        )
    others = _others(targets, trust_pickle=trust_pickle)
    answers = lens.search(asked, where, limit=limit, templates=template, exact=exact, others=others)
    if png is not None:
        save_picture(search_picture(drawn(lens, answers)), png)
    output.print_json(answers) if as_json else output.print_search(answers)


def divided(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Indexes, and words: the first is an index, and so is what follows as long as it is one.

    A query that is also the name of an index folder is told from it by a blank before it.
    """
    stop = next((at for at, each in enumerate(given) if at and not _is_index(each)), len(given))
    return list(given[:stop]), list(given[stop:])


def drawn(lens: Lens | LensClient, answers: Iterable[SearchAnswer]) -> list[tuple[str, list[tuple[Hit, NeuronCard]]]]:
    """The first hits of every answer with their cards, for a picture."""
    return [
        (
            answer.query,
            [
                (hit, lens.neuron(hit.neuron.id, exemplars=_DRAWN, thumbnails=True, similar=0))
                for hit in answer.hits[:_ROWS]
            ],
        )
        for answer in answers
    ]


def _is_index(given: str) -> bool:
    try:
        return is_served(given) or (Path(given) / MANIFEST).is_file()
    except (OSError, ValueError):
        return False  # too long, or not a path at all


def _token_queries(token: Sequence[str], context: Sequence[str], *, regex: bool) -> list[Query]:
    if token or context:
        return [Query(tokens=TokenQuery(tuple(token), tuple(context), regex))]
    if regex:
        raise InvalidInput("--regex needs --token or --context.", hint="lens search INDEX --token '[()]' --regex")
    return []


def _others(targets: Sequence[str], *, trust_pickle: bool) -> Any:  # noqa: ANN401 - lenses, or names on the server
    first, *rest = targets
    if is_served(first):
        return [name_beside(first, other) for other in rest]
    for other in filter(is_served, rest):
        raise InvalidInput(f"{first} is a folder and {other} is served.", hint="Give folders, or one server's.")
    return [Lens.open(other, trust_pickle=trust_pickle) for other in rest]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise InvalidInput(f"The picture {path} cannot be read: {fault.strerror}.") from fault
