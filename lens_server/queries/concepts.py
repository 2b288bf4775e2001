"""Which concepts appeared, vanished, grew stronger or weaker between two indexes?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors
from indexer.domain.significance import benjamini_hochberg
from lens_server.changes import ConceptChange, ConceptDiff, ConceptStrength, Trend
from lens_server.queries.compare import check_same_space, matched
from lens_server.queries.label import LabelSettings, label
from lens_server.queries.sides import Side

MOST_MATCHES = 20
_NONE = ConceptStrength(0, 0.0, None, None, None)
_ORDER = tuple(Trend)


@dataclass(frozen=True)
class Named:
    """The alive neurons of an index and those that each entry names."""

    side: Side
    alive: int
    rows: Mapping[str, NDArray[np.int64]]
    """Entry → rows."""

    @property
    def count(self) -> int:
        """Neurons that some entry names."""
        return sum(len(rows) for rows in self.rows.values())

    def strength(self, text: str, probe: Vectors) -> ConceptStrength:
        """How many neurons the entry names, and how well."""
        rows = self.rows.get(text)
        if rows is None:
            return _NONE
        index = self.side.index
        aligned = np.asarray(index.concept_vectors[rows]) @ probe
        best = int(aligned.argmax())
        ((z, _),) = self.side.significance.judge(probe, [float(aligned[best])], [int(rows[best])])
        name = str(index.neurons.id(int(rows[best])))
        return ConceptStrength(len(rows), len(rows) / self.alive, name, float(aligned[best]), z)


def diff_concepts(a: Side, b: Side, vocabulary: Sequence[str], probes: Vectors, alpha: float) -> ConceptDiff:
    """Name the neurons of both as `label` does and compare how many each entry names.

    Raises IndexUnusable for indexes of different embedding spaces. Entries are compared by their share of the alive
    neurons. Only those that name any are tested: Fisher's test is conditional on how many there are, so leaving out
    entries by that number does not bias it.
    """
    check_same_space(a.index, b.index, (a.name, b.name))
    in_a, in_b = (name_alive(side, vocabulary, probes, alpha) for side in (a, b))
    return diff_named(in_a, in_b, vocabulary, probes, alpha)


def diff_named(in_a: Named, in_b: Named, vocabulary: Sequence[str], probes: Vectors, alpha: float) -> ConceptDiff:
    """The same of two sides whose neurons are named already."""
    changes = [
        _change(text, probe, in_a, in_b)
        for text, probe in zip(vocabulary, probes, strict=True)
        if text in in_a.rows or text in in_b.rows
    ]
    corrected = benjamini_hochberg(np.array([each.p_corrected for each in changes]))
    judged = [_judged(each, float(p), alpha) for each, p in zip(changes, corrected, strict=True)]
    return ConceptDiff(
        a=in_a.side.name,
        b=in_b.side.name,
        alive_a=in_a.alive,
        alive_b=in_b.alive,
        named_a=in_a.count,
        named_b=in_b.count,
        absent=len(vocabulary) - len(changes),
        concepts=tuple(sorted(judged, key=lambda each: (_ORDER.index(each.trend), each.p_corrected))),
    )


def name_alive(side: Side, vocabulary: Sequence[str], probes: Vectors, alpha: float) -> Named:
    """The alive neurons of a side, named as `label` does; raises InvalidInput where there is none."""
    alive = side.alive()
    settings = LabelSettings(alternatives=1, alpha=alpha)
    rows: dict[str, list[int]] = {}
    for row, each in zip(alive, label(side.index, side.significance, alive, vocabulary, probes, settings), strict=True):
        if each.text is not None:
            rows.setdefault(each.text, []).append(int(row))
    return Named(side, len(alive), {text: np.array(found, dtype=np.int64) for text, found in rows.items()})


def _change(text: str, probe: Vectors, a: Named, b: Named) -> ConceptChange:
    """The entry in both, with its p as yet uncorrected."""
    in_a, in_b = a.strength(text, probe), b.strength(text, probe)
    p = shares_differ((in_a.neurons, a.alive), (in_b.neurons, b.alive))
    in_both = in_a.neurons and in_b.neurons
    matches = matched((a.side.index, a.rows[text]), (b.side.index, b.rows[text])) if in_both else ()
    return ConceptChange(text, Trend.SAME, in_a, in_b, p, matches[:MOST_MATCHES])


def _judged(change: ConceptChange, p: float, alpha: float) -> ConceptChange:
    if not change.a.neurons:
        trend = Trend.APPEARED
    elif not change.b.neurons:
        trend = Trend.VANISHED
    elif p <= alpha:
        trend = Trend.STRENGTHENED if change.b.share > change.a.share else Trend.WEAKENED
    else:
        trend = Trend.SAME
    return replace(change, trend=trend, p_corrected=p)


def shares_differ(a: tuple[int, int], b: tuple[int, int]) -> float:
    """p of Fisher's exact test, two-sided: (named, of so many) against the same of another index."""
    from scipy.stats import fisher_exact

    table = [[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]]
    return float(fisher_exact(table).pvalue)
