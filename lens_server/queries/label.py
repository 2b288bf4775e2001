"""What would you call this one? The best vocabulary entry, or an honest silence."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors
from indexer.domain.significance import DRAWS, corrected_by_count
from indexer.domain.states import State
from indexer.index.reader import STATES, Index
from lens_server.answers import Alternative, Label, Unexpected
from lens_server.queries.detection import Detector
from lens_server.queries.neurons import neuron_at
from lens_server.queries.significance import Significance

_MOST_DRAWS = 49_999
_WORDS, _NEURONS = 64, 8192
_CLARITY_QUANTILE = 0.95


@dataclass(frozen=True)
class LabelSettings:
    """When to name and when to abstain."""

    alternatives: int = 5
    alpha: float = 0.05
    min_clarity: float | None = None
    """Abstain below; by default the 95th percentile of the clarity of random exemplar sets."""


@dataclass(frozen=True)
class Ranking:
    """The best vocabulary entries of some neurons."""

    words: NDArray[np.int64]
    """[neurons, alternatives] numbers of entries, best first."""
    alignments: NDArray[np.float32]
    """[neurons, alternatives]"""
    p_corrected: NDArray[np.float64]
    """[neurons] of the best entry, over neurons × vocabulary."""


def label(  # noqa: PLR0913
    index: Index,
    significance: Significance,
    rows: NDArray[np.int64],
    vocabulary: Sequence[str],
    probes: Vectors,
    settings: LabelSettings,
) -> Iterator[Label]:
    """Label the neurons in these rows in their order; `probes` [entries, d] are the vocabulary's.

    Of an index of texts, each label is scored by how well it detects the neuron's firing on held-out text.
    """
    detector = Detector(index) if index.manifest.kind == "text" else None
    size = index.manifest.exemplars
    alive = rows[index.neurons.state[rows] == STATES.index(State.ALIVE)]
    ranking = rank(index, significance, alive, probes, settings) if len(alive) else None
    least = np.full(len(rows), settings.min_clarity or 0.0)
    if settings.min_clarity is None:
        least = significance.clarity_limits(rows, size, _CLARITY_QUANTILE)
    position = {int(row): at for at, row in enumerate(alive)}
    for row, limit in zip(rows, least, strict=True):
        neuron = neuron_at(index, int(row))
        at = position.get(int(row))
        if at is None or ranking is None:
            yield Label(neuron, None, None, None, None, (), "state")
            continue
        best = tuple(
            Alternative(vocabulary[word], float(score))
            for word, score in zip(ranking.words[at], ranking.alignments[at], strict=True)
        )
        margin = best[0].alignment - best[1].alignment if len(best) > 1 else None
        p = float(ranking.p_corrected[at])
        abstained = None
        if neuron.clarity is None or neuron.clarity < limit:
            abstained = "clarity"
        elif p > settings.alpha:
            abstained = "not significant"
        yield Label(
            neuron,
            None if abstained else best[0].text,
            best[0].alignment,
            margin,
            p,
            best[: settings.alternatives],
            abstained,
            None if abstained or detector is None else detector.area(int(row), probes[ranking.words[at, 0]]),
        )


def rank(
    index: Index, significance: Significance, rows: NDArray[np.int64], probes: Vectors, settings: LabelSettings
) -> Ranking:
    """Best entries of each neuron, and the corrected p of the very best.

    Enough random sets are drawn that one true name per neuron can survive the correction over the whole vocabulary.
    """
    kept = min(max(settings.alternatives, 2), len(probes))
    draws = min(max(DRAWS, math.ceil(2 * len(probes) / settings.alpha)), _MOST_DRAWS)
    histogram = np.zeros(draws + 1, dtype=np.int64)
    words = np.full((len(rows), kept), -1, dtype=np.int64)
    scores = np.full((len(rows), kept), -np.inf, dtype=np.float32)
    counts = np.zeros((len(rows), kept), dtype=np.int64)
    drawn = [
        (significance.sets(index.manifest.exemplars, draws, kind), own) for kind, own in significance.by_kind(rows)
    ]
    for start, sets, own in ((start, *each) for start in range(0, len(probes), _WORDS) for each in drawn):
        block = probes[start : start + _WORDS]
        nulls = np.sort(sets.concepts @ block.T, axis=0).T
        for part in (own[first : first + _NEURONS] for first in range(0, len(own), _NEURONS)):
            aligned = np.asarray(index.concept_vectors[rows[part]]) @ block.T
            above = np.stack(
                [draws - np.searchsorted(null, aligned[:, at], side="left") for at, null in enumerate(nulls)], axis=1
            )
            histogram += np.bincount(above.ravel(), minlength=draws + 1)
            numbers = np.broadcast_to(np.arange(start, start + len(block)), aligned.shape)
            joined = [
                np.concatenate(pair, axis=1)
                for pair in ((scores[part], aligned), (words[part], numbers), (counts[part], above))
            ]
            order = np.argsort(-joined[0], axis=1, kind="stable")[:, :kept]
            scores[part], words[part], counts[part] = (np.take_along_axis(each, order, axis=1) for each in joined)
    return Ranking(words, scores, corrected_by_count(histogram, draws)[counts[:, 0]])


def unexpected(  # noqa: PLR0913
    index: Index,
    significance: Significance,
    rows: NDArray[np.int64],
    vocabulary: Sequence[str],
    probes: Vectors,
    limit: int,
) -> tuple[Unexpected, ...]:
    """Alive, clear neurons with the lowest highest alignment to any entry, lowest first."""
    least = significance.clarity_limits(rows, index.manifest.exemplars, _CLARITY_QUANTILE)
    table = index.neurons
    clear = rows[(table.state[rows] == STATES.index(State.ALIVE)) & (table.clarity[rows] >= least)]
    found: list[tuple[float, int, int]] = []
    for first in range(0, len(clear), _NEURONS):
        part = clear[first : first + _NEURONS]
        aligned = np.asarray(index.concept_vectors[part]) @ probes.T
        found += [(float(each.max()), int(row), int(each.argmax())) for row, each in zip(part, aligned, strict=True)]
        found = sorted(found)[:limit]
    return tuple(Unexpected(neuron_at(index, row), Alternative(vocabulary[word], score)) for score, row, word in found)
