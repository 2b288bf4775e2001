"""Which neurons know this, in any of these indexes?"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from math import inf
from statistics import median
from typing import Protocol

from indexer.errors import InvalidInput, UnknownName
from indexer.index.reader import Index
from lens_server.answers import Hit, Query, SearchAnswer, Where
from lens_server.queries.filters import check_kinds
from lens_server.queries.limits import checked


class Searched(Protocol):
    """An opened index that can be searched, such as a Lens."""

    name: str

    @property
    def index(self) -> Index:
        """The index itself."""
        ...

    @property
    def usual_z(self) -> float:
        """What the best neuron's z is for a word that means nothing special there."""
        ...

    def search(
        self,
        queries: Sequence[Query],
        where: Where,
        *,
        limit: int,
        templates: Sequence[str] | None,
        exact: bool,
    ) -> tuple[SearchAnswer, ...]:
        """An answer per query, in order."""
        ...


def search_everywhere(  # noqa: PLR0913 - three required, the rest by name
    lenses: Sequence[Searched],
    queries: Sequence[Query],
    where: Where,
    *,
    limit: int = 10,
    templates: Sequence[str] | None = None,
    exact: bool = False,
) -> tuple[SearchAnswer, ...]:
    """The best hits of several indexes, of any kind and embedding space, together: an answer per query, in order.

    Each index embeds the query in its own space and answers as it would alone. Cosines of different spaces are on
    different scales, and within one space words align less with images than with texts; z, the alignment against
    random exemplar sets of that very index, is better, but among many neurons any word reaches some z. So the hits of
    words are merged by their *excess*: z minus what the best neuron's z usually is for words of all kinds
    (`usual_z`). Those of pictures are merged by z; hits without z come last; those of token queries, which have none,
    by alignment, which is a share everywhere. Each hit says its index. A layer need be in one of the indexes only.

    Raises InvalidInput for two indexes of one name, and for queries by neuron or vector: they lie in one space.
    """
    checked("limit", limit)
    _check_names(lenses)
    _check_queries(queries)
    asked = [(lens, _within(lens, where)) for lens in _of_kind(lenses, where)]
    _check_layers(lenses, where)
    answers = [
        (lens, lens.search(queries, inside, limit=limit, templates=templates, exact=exact))
        for lens, inside in asked
        if inside is not None
    ]
    return tuple(
        _merged([(lens, found[number]) for lens, found in answers], query, limit)
        for number, query in enumerate(queries)
    )


def usual_z(answers: Sequence[SearchAnswer]) -> float:
    """The median of the best hits' z over answers to control words; 0 where there is none."""
    best = [answer.hits[0].z for answer in answers if answer.hits]
    return float(median(known)) if (known := [z for z in best if z is not None]) else 0.0


def _merged(answers: Sequence[tuple[Searched, SearchAnswer]], query: Query, limit: int) -> SearchAnswer:
    hits = [_of(lens, hit, query) for lens, answer in answers for hit in answer.hits]
    hits.sort(key=lambda hit: _order(hit, query), reverse=True)
    return SearchAnswer(answers[0][1].query, tuple(hits[:limit]), sum(answer.candidates for _, answer in answers))


def _of(lens: Searched, hit: Hit, query: Query) -> Hit:
    excess = hit.z - lens.usual_z if query.text is not None and hit.z is not None else None
    return replace(hit, index=lens.name, excess=excess)


def _order(hit: Hit, query: Query) -> float:
    if query.tokens is not None:
        return hit.alignment
    known = hit.excess if query.text is not None else hit.z
    return -inf if known is None else known


def _of_kind(lenses: Sequence[Searched], where: Where) -> list[Searched]:
    check_kinds(where)
    found = [each for each in lenses if not where.kinds or each.index.manifest.kind in where.kinds]
    if not found:
        raise InvalidInput(
            f"None of these indexes is of {' or '.join(where.kinds)} neurons: "
            f"{', '.join(each.name for each in lenses)}."
        )
    return found


def _within(lens: Searched, where: Where) -> Where | None:
    """The filter as far as this index knows its layers; None where it knows none of them."""
    layers = tuple(each for each in where.layers if each in lens.index.neurons.layers)
    return None if where.layers and not layers else replace(where, layers=layers)


def _check_layers(lenses: Sequence[Searched], where: Where) -> None:
    known = set(chain.from_iterable(each.index.neurons.layers for each in _of_kind(lenses, where)))
    for layer in where.layers:
        if layer not in known:
            raise UnknownName("layer", layer, known)


def _check_names(lenses: Sequence[Searched]) -> None:
    names = [each.name for each in lenses]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise InvalidInput(
                f"Two indexes are named {name!r}: an answer could not tell them apart.",
                hint="Give each index once; rename a folder where two have one name.",
            )


def _check_queries(queries: Sequence[Query]) -> None:
    for query in queries:
        if query.neuron is not None or query.vector is not None:
            what = "neuron" if query.neuron is not None else "vector"
            raise InvalidInput(
                f"A {what} lies in one embedding space: it cannot be searched for in several indexes.",
                hint="Search with words or an image, or ask one index.",
            )
