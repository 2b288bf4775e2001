"""What graphs of `tiny-text:grammar` say of firing on fresh texts, against the rules that its neurons are built of."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.light import NAME, register
from benchmarks.reporting import Report
from indexer.config import read_config
from indexer.domain.token_graphs import FIRES, TokenGraph
from indexer.graphs.all_graphs import make_graphs
from indexer.index.reader import Index
from indexer.index.texts import Texts
from indexer.pipeline import build_index
from indexer.subjects.text_nets.grammar import text
from indexer.subjects.text_nets.grammar_rules import Rule, rules

BAR = 0.95
FRESH_SEED = 1000
"""Of texts that are in no corpus of the build."""


def measure(report: Report) -> None:
    """The bar over all rules, and a line for each."""
    register()
    fresh = [text(FRESH_SEED, number) for number in range(200 if report.quick else 1000)]
    scores: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        texts = _made(Path(temporary) / "index", 500 if report.quick else 2000)
        for row in range(len(texts.index.neurons.unit)):
            neuron = texts.index.neurons.id(row)
            rule = rules()[neuron.layer][neuron.unit]
            scores[rule.name] = _compare(report, texts, row, rule, fresh)
    told = {name: value for name, value in scores.items() if not np.isnan(value)}
    mean = float(np.mean(list(told.values())))
    report.row(f"mean of the {len(told)} rules", f"F1 **{mean:.3f}**", f"≥ {BAR}", mean >= BAR, f1=mean)
    report.note(
        f"F1 of firing at every token of {len(fresh):,} texts that no graph was made from; firings are those of the "
        "rules themselves, not of the network. Graphs from ten examples each. Rules of 20 to 80 pairs of tokens are "
        "found in part: ten examples and five substitutes of each token do not reach every pair. Nothing is invented."
    )


def _made(folder: Path, count: int) -> Texts:
    config = {
        "subject": {"name": "tiny-text:grammar", "device": "cpu"},
        "dataset": {"name": f"grammar:{count}"},
        "collect": {"layers": tuple(rules())},
        "foundation": {"name": NAME},
        "out": folder,
    }
    build_index(read_config(None, config))
    make_graphs(folder, workers=1)
    return Texts(Index.open(folder))


def _compare(report: Report, texts: Texts, row: int, rule: Rule, fresh: list[list[int]]) -> float:
    graph: TokenGraph = texts.graph(row)
    true = np.concatenate([rule.fires(tokens) for tokens in fresh])
    if not graph.paths:
        report.row(rule.name, f"no graph: {texts.scores(row)['failed']}", firings=int(true.sum()))
        return float("nan")
    told = np.concatenate([graph.predict(tokens) for tokens in fresh]) >= FIRES
    both, said, did = int((told & true).sum()), int(told.sum()), int(true.sum())
    precision, recall, f1 = both / max(1, said), both / max(1, did), 2 * both / max(1, said + did)
    measured = f"F1 {f1:.3f} (precision {precision:.2f}, recall {recall:.2f}; {did} firings, {len(graph.paths)} paths)"
    report.row(rule.name, measured, f1=f1, precision=precision, recall=recall, firings=did, paths=len(graph.paths))
    return f1
