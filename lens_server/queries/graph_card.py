"""What does a text neuron fire on? Its token graph, its snippets, and lists of graphs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.domain.token_graphs import BEGINNING, WILDCARD, GraphPath
from indexer.errors import UnknownName
from indexer.index.texts import Texts
from lens_server.answers import Snippet
from lens_server.queries.limits import checked
from lens_server.queries.neurons import neuron_at
from lens_server.queries.pieces import Pieces
from lens_server.queries.token_index import Postings, TokenIndex
from lens_server.text_answers import GraphScores, GraphSummary, PathToken, TokenGraphCard, TokenPath

ORDERS = ("parts", "in-context")
_SCORES = ("precision", "recall", "f1", "pearson", "baseline_f1", "baseline_pearson")


def graph_card(texts: Texts, tokens: TokenIndex, pieces: Pieces, row: int) -> TokenGraphCard:
    """The graph of the neuron in a row; raises NotFound where none was made of it."""
    scores: dict[str, Any] = texts.scores(row)
    paths = sorted(texts.graph(row).paths, key=lambda path: -path.count)
    failed = str(scores["failed"] or "")
    return TokenGraphCard(
        neuron=neuron_at(texts.index, row),
        paths=tuple(_path(path, pieces) for path in paths),
        activating=pieces.show(_by_observations(tokens, row)),
        context=pieces.show(_own(tokens.context, row)),
        in_context=pieces.show(_own(tokens.in_context, row)),
        parts=int(tokens.parts[row]),
        scores=None
        if failed
        else GraphScores(**{name: float(scores[name]) for name in _SCORES}, examples=int(scores["examples"])),
        failed=failed,
    )


def graph_listing(  # noqa: PLR0913
    texts: Texts, tokens: TokenIndex, pieces: Pieces, rows: NDArray[np.int64], order: str, limit: int
) -> tuple[GraphSummary, ...]:
    """The neurons among `rows` with a graph: most parts first, or most tokens that are activating and context."""
    checked("limit", limit)
    if order not in ORDERS:
        raise UnknownName("order", order, ORDERS)
    ranked = tokens.parts if order == "parts" else tokens.in_context.counts()
    graphed = rows[tokens.paths[rows] > 0]
    best = graphed[np.argsort(-ranked[graphed], kind="stable")[:limit]].tolist()
    return tuple(
        GraphSummary(
            neuron=neuron_at(texts.index, row),
            paths=int(tokens.paths[row]),
            parts=int(tokens.parts[row]),
            activating=pieces.show(_by_observations(tokens, row)),
            in_context=pieces.show(_own(tokens.in_context, row)),
            f1=float(str(texts.scores(row)["f1"])),
        )
        for row in best
    )


def snippets_of(texts: Texts, pieces: Pieces, row: int, most: int) -> tuple[Snippet, ...]:
    """The neuron's exemplars token by token, strongest first; activations as they are stored, not divided."""
    keys, heat = texts.index.samples["key"], texts.heat(row)
    found = []
    for entry, activations in zip(texts.index.exemplars(row).slice(0, most).to_pylist(), heat, strict=False):
        start, stop = entry["token_start"], entry["token_stop"]
        found.append(
            Snippet(
                sample=str(keys.iloc[entry["sample"]]),
                rank=entry["rank"],
                activation=entry["activation"],
                tokens=pieces.show(texts.passage(entry["sample"])[start:stop]),
                activations=tuple(activations),
                pivot=entry["token"] - start,
            )
        )
    return tuple(found)


_STANDING_FOR = {WILDCARD: "", BEGINNING: "⟨begin⟩"}
"""How what is no token of the vocabulary is written."""


def _path(path: GraphPath, pieces: Pieces) -> TokenPath:
    absorbed: dict[int, list[int]] = {}
    for place, token in path.absorbed:
        absorbed.setdefault(place, []).append(token)
    steps = tuple(
        PathToken(
            text=_STANDING_FOR[token] if token in _STANDING_FOR else pieces.texts[token],
            wildcard=token == WILDCARD,
            importance=float(importance),
            absorbed=pieces.show(absorbed.get(place, ())),
        )
        for place, (token, importance) in enumerate(zip(path.tokens, path.importances, strict=True))
    )
    return TokenPath(steps, path.count, float(path.maximum), float(path.mean))


def _own(postings: Postings, row: int) -> Sequence[int]:
    own: list[int] = postings.values[postings.starts[row] : postings.starts[row + 1]].tolist()
    return own


def _by_observations(tokens: TokenIndex, row: int) -> Sequence[int]:
    """Tokens the neuron fires on, most observations first, equal ones in the order of the vocabulary."""
    start, stop = np.searchsorted(tokens.neuron, [row, row + 1])
    first, own = tokens.first[start:stop], np.asarray(_own(tokens.activating, row), dtype=np.int64)
    counts = np.bincount(np.searchsorted(own, first), weights=tokens.count[start:stop], minlength=len(own))
    ordered: list[int] = own[np.argsort(-counts, kind="stable")].tolist()
    return ordered
