"""Which neurons know this?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors
from indexer.engines.engine import Engine
from indexer.index.reader import Index
from lens_server.answers import Hit, SearchAnswer
from lens_server.queries.filters import compact, with_vectors
from lens_server.queries.limits import checked
from lens_server.queries.neurons import neuron_at
from lens_server.queries.significance import Significance


class Probe(NamedTuple):
    """A query's vector and what it is called in the answer."""

    name: str
    vector: Vectors


def search(  # noqa: PLR0913
    index: Index, engine: Engine, significance: Significance, probes: list[Probe], rows: NDArray[np.int64], limit: int
) -> tuple[SearchAnswer, ...]:
    """The neurons among `rows` best aligned with each probe, which is answered alone: its company changes nothing."""
    checked("limit", limit)
    candidates = with_vectors(index, rows)
    selection = compact(candidates, len(index.neurons))
    answers = []
    for probe in probes:
        found = engine.search(probe.vector, limit, selection)
        alignments = [float(score) for score in found.scores]
        judged = significance.judge(probe.vector, alignments, found.rows.tolist())
        hits = tuple(
            Hit(neuron_at(index, int(row)), alignment, z, p)
            for row, alignment, (z, p) in zip(found.rows, alignments, judged, strict=True)
        )
        answers.append(SearchAnswer(probe.name, hits, len(candidates)))
    return tuple(answers)
