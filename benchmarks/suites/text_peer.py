"""Cost of a token graph, and how well it predicts: ours against the published steps done plainly."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.graph_scores import interval
from benchmarks.light import NAME, register
from benchmarks.peers.n2g_plain import Node, PlainN2G, predicted
from benchmarks.reporting import Report
from indexer.config import read_config
from indexer.corpora.stdlib import stdlib_root
from indexer.graphs.asking import asked_of
from indexer.graphs.making import GraphMaker
from indexer.graphs.measuring import Measurer, Wanted
from indexer.graphs.scoring import firing
from indexer.graphs.settings import Asked
from indexer.index.reader import Index
from indexer.index.texts import Texts
from indexer.pipeline import build_index
from indexer.subjects.opening import open_text_subject
from indexer.subjects.text_subject import TextSubject

SUBJECT = "tiny-text:stdlib"
BAR, OF_EACH_LAYER, LIGHTER, EXAMPLES = 5.0, 10, 3, 10


def measure(report: Report) -> None:
    """The bar, over neurons of every layer that are drawn by chance among those alive; --index: of that index."""
    register()
    subject = open_text_subject(SUBJECT, {}, trust_pickle=False)
    with tempfile.TemporaryDirectory() as temporary:
        texts = Texts(Index.open(report.index or _built(Path(temporary) / "index")))
        asked = _drawn(texts, 2 if report.quick else OF_EACH_LAYER, subject.room)
    layers = list(asked)
    for layer in layers:  # what is loaded at the first call is nobody's cost
        list(GraphMaker(subject, layer).make(asked[layer][:1]))
    published = [_Sides(subject, layer, asked[layer], turn) for turn, layer in enumerate(layers)]
    _tell(report, "as published", published, bar=True)
    some = {layer: asked[layer][:LIGHTER] for layer in layers}
    lighter = [_Sides(subject, layer, some[layer], turn, masks_again=False) for turn, layer in enumerate(layers)]
    _tell(report, "importances of changed prompts not measured anew", lighter, bar=False)
    report.note(
        f"{sum(map(len, asked.values()))} neurons of {SUBJECT}, drawn by chance among those with ten examples of each "
        "half; one thread; CPU seconds of one process, both sides from the same examples, layer by layer in turn. "
        "Theirs: benchmarks/peers/n2g_plain.py, written from the papers, without any of our code: a prompt at a time "
        "through the whole model. Ours: the neurons of a layer together, scoring included. F1: of firing on the ten "
        "held-out passages; in brackets 95 % of bootstrap means of the difference over neurons."
    )


class _Sides:
    """What both make of a layer's neurons: CPU seconds, and F1 of each neuron."""

    def __init__(
        self, subject: TextSubject, layer: str, asked: Sequence[Asked], turn: int, *, masks_again: bool = True
    ) -> None:
        plain = PlainN2G(subject, layer, masks_again=masks_again)
        maker = GraphMaker(subject, layer)
        for side in ("ours", "theirs") if turn % 2 else ("theirs", "ours"):
            begun = time.process_time()
            if side == "ours":
                made = list(maker.make(asked))
                self.ours = time.process_time() - begun
            else:
                graphs = [plain.graph(each) for each in asked]
                self.theirs = time.process_time() - begun
        self.prompts = plain.prompts
        measurer = Measurer(subject, layer)
        self.f1 = np.array([each.scores.firing.f1 for each in made])
        self.their_f1 = np.array([_f1(measurer, graph, each) for graph, each in zip(graphs, asked, strict=True)])


def _f1(measurer: Measurer, graph: Node, asked: Asked) -> float:
    texts = [example.tokens for example in asked.held_out]
    true = np.concatenate(measurer.measure([Wanted(tokens, asked.unit) for tokens in texts])) / asked.highest
    return firing(np.concatenate([predicted(graph, tokens) for tokens in texts]), true).f1


def _tell(report: Report, name: str, sides: Sequence[_Sides], *, bar: bool) -> None:
    count = sum(len(each.f1) for each in sides)
    ours, theirs = sum(each.ours for each in sides), sum(each.theirs for each in sides)
    ratio = theirs / ours
    report.row(
        f"cost of a graph, {name}",
        f"**{ratio:.1f} ×** less ({ours / count:.3f} s / {theirs / count:.3f} s; "
        f"{sum(each.prompts for each in sides) // count:,} prompts a neuron)",
        f"≥ {BAR:g} ×" if bar else "–",
        ratio >= BAR if bar else None,
        ours_seconds=ours,
        theirs_seconds=theirs,
        neurons=count,
    )
    own, other = (np.concatenate([getattr(each, side) for each in sides]) for side in ("f1", "their_f1"))
    low, high = interval(own - other)
    report.row(
        f"F1, {name}",
        f"{own.mean():.3f} / {other.mean():.3f}, "
        f"difference **{(own - other).mean():+.3f}** ({low:+.3f} to {high:+.3f})",
        "within noise" if bar else "–",
        low <= 0 <= high if bar else None,
        f1=own.tolist(),
        their_f1=other.tolist(),
    )


def _drawn(texts: Texts, count: int, room: int) -> dict[str, list[Asked]]:
    chance, found = np.random.default_rng(0), dict[str, list[Asked]]()
    neurons = texts.index.neurons
    for number, layer in enumerate(neurons.layers):
        rows = chance.permutation(np.flatnonzero(neurons.layer == number)).tolist()
        drawn = (replace(each, build=each.build[:EXAMPLES]) for each in asked_of(texts, rows, room))
        full = (each for each in drawn if len(each.build) == EXAMPLES and len(each.held_out) == EXAMPLES)
        found[layer] = list(islice(full, count))
    return found


def _built(folder: Path) -> Path:
    config = {
        "subject": {"name": SUBJECT, "device": "cpu"},
        "dataset": {"name": f"text:{stdlib_root() / 'asyncio'}"},
        "collect": {"layers": ("blocks.*.mlp.act",)},
        "foundation": {"name": NAME},
        "out": folder,
    }
    return build_index(read_config(None, config))
