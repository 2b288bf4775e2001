"""Exact text search with the words already embedded, against what numpy needs for the bare arithmetic."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.light import register
from benchmarks.measuring import interleaved, seconds
from benchmarks.reporting import Report
from benchmarks.synthetic import synthesise
from lens_server.lens import Lens

BAR, LIMIT = 1.3, 10
WORDS = [f"concept {number}" for number in range(16)]


def measure(report: Report) -> None:
    """The bar at 10^5 neurons; smaller indexes for information."""
    space = register().space
    sizes = [2_000] if report.quick else [1_000, 10_000, 100_000]
    for count in sizes:
        with tempfile.TemporaryDirectory() as temporary:
            index = synthesise(Path(temporary) / "index", count, space)
            _compare(report, Lens.open(index), index, count)
    report.note(
        "One thread. Ours: `Lens.search(text)`, words embedded before, filters, significance (4,999 random sets) "
        "and hits included. Theirs: `vectors @ probe` on an in-memory copy, `argpartition`, and a sort of the 10 taken."
    )


def _compare(report: Report, lens: Lens, index: Path, count: int) -> None:
    first = seconds(lambda: lens.search(WORDS[0], limit=LIMIT, exact=True))
    lens.search(WORDS, limit=LIMIT, exact=True)
    vectors = np.load(index / "concept_vectors.npy")
    probe = np.asarray(vectors[1])
    turn = iter(range(10**9))

    def ours() -> object:
        return lens.search(WORDS[next(turn) % len(WORDS)], limit=LIMIT, exact=True)

    def theirs() -> object:
        scores = vectors @ probe
        best = np.argpartition(scores, count - LIMIT)[count - LIMIT :]
        return best[np.argsort(-scores[best])]

    paired = interleaved(ours, theirs, 20 if report.quick else 101, warm=3)
    bar = count == 100_000
    report.row(
        f"text search at {count:,} × {vectors.shape[1]}",
        paired.said(),
        f"≤ {BAR}" if bar else "–",
        paired.median <= BAR if bar else None,
        **paired.details(),
    )
    report.row(f"the first query of an opened index, {count:,} neurons", f"{first * 1e3:.0f} ms", seconds=first)
