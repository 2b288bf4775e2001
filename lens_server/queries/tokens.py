"""Which neurons fire on these tokens?"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput
from indexer.index.reader import Index
from lens_server.answers import Hit, SearchAnswer, TokenQuery
from lens_server.queries.limits import checked
from lens_server.queries.neurons import neuron_at
from lens_server.queries.pieces import LONGEST_TERM, MOST_TERMS, Pieces
from lens_server.queries.token_index import TokenIndex


def search_tokens(  # noqa: PLR0913
    index: Index, tokens: TokenIndex, pieces: Pieces, query: TokenQuery, rows: NDArray[np.int64], limit: int
) -> SearchAnswer:
    """The neurons among `rows` with paths that match, those first that fire most on them.

    A path matches when its activating token is one of those asked for and one of the context asked for lies before
    it; what is not asked for matches anything. A hit's alignment is

        Σ count · mean over the matching paths / Σ count over all paths of the graph,

    the mean activation at the ends of the matching paths (as a share of the neuron's highest) times their share of
    the graph's observations: in [0, 1], and high only where the neuron fires strongly, and on little else. There is no
    null to hold it against: z and p are unset. Raises InvalidInput, UnknownName for a token that the subject has not.
    """
    checked("limit", limit)
    check_token_query(query)
    matching = _matching(tokens, pieces, query)
    owners, neurons = tokens.neuron[matching], len(index.neurons)
    fired = np.bincount(owners, weights=tokens.count[matching] * tokens.mean[matching], minlength=neurons)
    found = rows[(np.bincount(owners, minlength=neurons) > 0)[rows]]
    scores = fired[found] / tokens.observations[found]
    best = np.argsort(-scores, kind="stable")[:limit]
    hits = tuple(Hit(neuron_at(index, int(found[at])), float(scores[at]), None, None) for at in best)
    return SearchAnswer(said(query), hits, len(rows))


def check_token_query(query: TokenQuery) -> None:
    """Raise InvalidInput for a query that asks for nothing, or for too much."""
    terms = (*query.activating, *query.context)
    if not terms:
        raise InvalidInput(
            "The token query is empty.", hint="Name a token that the neuron fires on, or one that matters before it."
        )
    for name in ("activating", "context"):
        if (count := len(getattr(query, name))) > MOST_TERMS:
            raise InvalidInput(f"The token query has {count:,} {name} tokens; at most {MOST_TERMS} are taken.")
    if not all(terms):
        raise InvalidInput("A token of the query is empty.", hint="Leave it out where any token will do.")
    if max(map(len, terms)) > LONGEST_TERM:
        raise InvalidInput(f"A token of the query has more than {LONGEST_TERM:,} characters.")


def said(query: TokenQuery) -> str:
    """What the query is called in an answer."""
    written = "/{}/" if query.regex else "{}"
    activating, context = (
        " or ".join(written.format(term.strip() or repr(term)) for term in terms)
        for terms in (query.activating, query.context)
    )
    return f"tokens {activating}{' ' if activating and context else ''}{'after ' + context if context else ''}"


def _matching(tokens: TokenIndex, pieces: Pieces, query: TokenQuery) -> NDArray[np.int64]:
    """Numbers of the paths that match, ascending."""
    find = pieces.matching if query.regex else pieces.meant
    matching = np.ones(len(tokens.neuron), dtype=bool)
    for terms, postings in ((query.activating, tokens.paths_firing_on), (query.context, tokens.paths_after)):
        if terms:
            held = np.zeros(len(matching), dtype=bool)
            held[postings.under(_meant(find, terms))] = True
            matching &= held
    return np.flatnonzero(matching)


def _meant(find: Callable[[str], NDArray[np.int64]], terms: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(np.concatenate([find(term) for term in terms]))
