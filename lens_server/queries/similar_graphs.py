"""Which neurons fire on the same tokens, after the same context?"""

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput
from indexer.index.reader import Index
from lens_server.queries.limits import checked
from lens_server.queries.neurons import neuron_at
from lens_server.queries.token_index import Postings, TokenIndex
from lens_server.text_answers import GraphHit


def similar_graphs(
    index: Index, tokens: TokenIndex, row: int, rows: NDArray[np.int64], limit: int
) -> tuple[GraphHit, ...]:
    """The neurons among `rows`, but for the one in `row`, with the graphs most like its own; equal ones by row.

    Similarity is the mean of the Jaccard indexes |A ∩ B| / |A ∪ B| of activating and of context tokens (of two graphs
    without any context, 1). Candidates come from the inverted index: neurons that share no token are left out; the
    numbers of the others are those of comparing all pairs. Raises InvalidInput for a neuron without a graph.
    """
    checked("limit", limit)
    if not tokens.observations[row]:
        raise InvalidInput(f"{index.neurons.id(row)} has no token graph to compare: making one failed.")
    activating, shared = _jaccard(tokens.activating, tokens.firing_on, row)
    context, shared_context = _jaccard(tokens.context, tokens.after, row)
    others = rows[(rows != row) & (shared | shared_context)[rows]]
    similarity = (activating[others] + context[others]) / 2
    return tuple(
        GraphHit(
            neuron_at(index, int(others[at])),
            float(similarity[at]),
            float(activating[others[at]]),
            float(context[others[at]]),
        )
        for at in np.argsort(-similarity, kind="stable")[:limit]
    )


def _jaccard(tokens_of: Postings, neurons_with: Postings, row: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[neurons] Jaccard index of each neuron's tokens and those of `row`, and whether they share one."""
    own = tokens_of.values[tokens_of.starts[row] : tokens_of.starts[row + 1]]
    sizes = tokens_of.counts()
    common = np.bincount(neurons_with.under(own), minlength=len(sizes))
    union = sizes + len(own) - common
    return np.divide(common, union, out=np.ones(len(sizes)), where=union > 0), common > 0
