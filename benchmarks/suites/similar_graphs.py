"""Neurons with the graphs most like that of one, among 20,000, and the same by comparing all pairs."""

import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.light import register
from benchmarks.measuring import seconds
from benchmarks.reporting import Report
from benchmarks.synthetic import synthesise
from indexer.domain.token_graphs import WILDCARD, GraphPath, TokenGraph
from indexer.index import files
from indexer.index.graphs import graph_table, write_graphs
from indexer.index.writer import TextTables
from lens_server.lens import Lens

NEURONS, VOCABULARY, LIMIT = 20_000, 4_096, 10
BAR = 0.050
_PATHS, _CONTEXT = 20, 3


def measure(report: Report) -> None:
    """Median and slowest hundredth of queries of random neurons; a sample of them against all pairs."""
    count, asked, compared = (2_000, 100, 10) if report.quick else (NEURONS, 1_000, 100)
    chance = np.random.default_rng(0)
    graphs = {row: _graph(chance) for row in range(count)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = synthesise(Path(temporary) / "index", count, register().space, exemplars=1, texts=_texts(count))
        _store(folder, graphs)
        lens = Lens.open(folder)
        names = [str(lens.index.neurons.id(row)) for row in range(count)]
        first = seconds(lambda: lens.texts.similar(names[0], limit=LIMIT))
        taken = []
        for row in chance.permutation(count)[:asked].tolist():
            begun = time.perf_counter()
            lens.texts.similar(names[row], limit=LIMIT)
            taken.append(time.perf_counter() - begun)
        median, slow = np.median(taken), np.quantile(taken, 0.99)
        report.row(
            f"ten most similar of {count:,} graphs",
            f"median **{median * 1e3:.1f} ms**, 99 of 100 within **{slow * 1e3:.1f} ms** ({asked:,} neurons)",
            f"< {BAR * 1e3:.0f} ms",
            bool(slow < BAR),
            median=float(median),
            p99=float(slow),
        )
        report.row("the first question of an opened index", f"{first * 1e3:.0f} ms", seconds=first)
        rows = chance.permutation(count)[:compared].tolist()
        same = sum(_answered(lens, names, row) == _all_pairs(graphs, names, row) for row in rows)
        report.row("equal to comparing all pairs", f"**{same} of {compared}**", "all", same == compared, equal=same)
    report.note(
        f"One thread; `Lens.texts.similar(neuron, limit={LIMIT})`, everything included. Graphs: 1 to {_PATHS} paths of "
        f"1 to {_CONTEXT + 1} tokens, drawn from {VOCABULARY:,} tokens by Zipf's law: most neurons share a token with "
        "most others. All pairs: sets of Python, compared one pair at a time."
    )


def _graph(chance: np.random.Generator) -> TokenGraph:
    paths = {}
    for _ in range(int(chance.integers(1, _PATHS + 1))):
        tokens = (chance.zipf(1.3, int(chance.integers(1, _CONTEXT + 2))) % VOCABULARY).tolist()
        wild = [WILDCARD if place and chance.random() < 0.3 else token for place, token in enumerate(tokens)]
        while wild[-1] == WILDCARD:
            wild.pop()
        paths[tuple(wild)] = GraphPath(tuple(wild), (1.0,) * len(wild), 1, 1.0, 1.0)
    return TokenGraph(tuple(paths[tokens] for tokens in sorted(paths)))


def _texts(count: int) -> TextTables:
    pieces = [f" token{number}".encode() for number in range(VOCABULARY)]
    empty = [schema.empty_table() for schema in (files.PASSAGE_TABLE, files.HELD_OUT_TABLE, files.TEXT_SURVEY_TABLE)]
    return TextTables(
        passages=empty[0],
        heat=pa.table([pa.array([[]] * count, files.HEAT_TABLE.field(0).type)], schema=files.HEAT_TABLE),
        held_out=empty[1],
        tokens=pa.table([pieces, [False] * VOCABULARY], schema=files.TOKEN_TABLE),
        tokenizer=None,
        survey=empty[2],
        survey_activations=np.zeros((0, count), dtype=np.float16),
    )


def _store(folder: Path, graphs: dict[int, TokenGraph]) -> None:
    columns = {
        each.name: pa.array([row if each.name == "neuron" else "" if each.name == "failed" else 1 for row in graphs])
        for each in files.GRAPH_SCORE_TABLE
    }
    write_graphs(folder, graph_table(graphs), pa.table(columns).cast(files.GRAPH_SCORE_TABLE))


def _answered(lens: Lens, names: list[str], row: int) -> list[tuple[str, float]]:
    return [(hit.neuron.id, round(hit.similarity, 9)) for hit in lens.texts.similar(names[row], limit=LIMIT)]


def _all_pairs(graphs: dict[int, TokenGraph], names: list[str], row: int) -> list[tuple[str, float]]:
    own, scored = graphs[row], []
    for other, graph in graphs.items():
        shared = own.activating & graph.activating or own.context & graph.context
        if other != row and shared:
            parts = ((own.activating, graph.activating), (own.context, graph.context))
            scored.append((-sum(len(a & b) / len(a | b) if a | b else 1.0 for a, b in parts) / 2, other))
    return [(names[other], round(-similarity, 9)) for similarity, other in sorted(scored)[:LIMIT]]
