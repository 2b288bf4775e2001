"""Cost of a token graph, and how well it predicts: ours against the published steps done plainly."""

import tempfile
import time
from collections.abc import Mapping, Sequence
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
from indexer.graphs.settings import Asked, GraphSettings
from indexer.index.reader import Index
from indexer.index.texts import Texts
from indexer.pipeline import build_index
from indexer.subjects.opening import open_text_subject
from indexer.subjects.text_subject import TextSubject

SUBJECT = "tiny-text:stdlib"
BAR, OF_EACH_LAYER, EXAMPLES = 5.0, 16, 10
STEPS, DEFAULT = "ours, the published steps", "ours, as by default"
PUBLISHED, LIGHTER = "plainly, as published", "plainly, importances of changed prompts not measured anew"
_SIDES = (STEPS, PUBLISHED, DEFAULT, LIGHTER)
_SETTINGS = {STEPS: GraphSettings(pivots=1, least=0.0), DEFAULT: GraphSettings()}


def measure(report: Report) -> None:
    """The bar, over neurons of every layer that are drawn by chance among those alive; --index: of that index."""
    register()
    subject = open_text_subject(SUBJECT, {}, trust_pickle=False)
    with tempfile.TemporaryDirectory() as temporary:
        texts = Texts(Index.open(report.index or _built(Path(temporary) / "index")))
        asked = _drawn(texts, 2 if report.quick else OF_EACH_LAYER, subject.room)
    for layer, some in asked.items():  # what is loaded at the first call is nobody's cost
        list(GraphMaker(subject, layer).make(some[:1]))
    spent, f1 = dict.fromkeys(_SIDES, 0.0), {name: list[float]() for name in _SIDES}
    for turn, (layer, some) in enumerate(asked.items()):
        for place in range(len(_SIDES)):  # each goes first once
            name = _SIDES[(place + turn) % len(_SIDES)]
            seconds, found = _made(subject, layer, some, name)
            spent[name] += seconds
            f1[name] += found
    count = len(f1[PUBLISHED])
    for sides in ((STEPS, PUBLISHED), (STEPS, LIGHTER), (DEFAULT, PUBLISHED)):
        _tell(report, sides, spent, f1)
    for name in _SIDES:
        report.row(
            name, f"{spent[name] / count:.3f} CPU s, F1 {np.mean(f1[name]):.3f}", seconds=spent[name], f1=f1[name]
        )
    report.note(
        f"{count} neurons of {SUBJECT}, drawn by chance among those with ten examples of each half; one thread; CPU "
        "seconds of one process, same examples, layer by layer in turn. Plainly: benchmarks/peers/n2g_plain.py, "
        "written from the papers, without any of our code: a prompt at a time through the whole model, every token "
        "masked. Ours: the neurons of a layer together, scoring included. The published steps take one pivot from an "
        "example; the default takes more, and drops paths that are silent in the examples. F1: of firing on the ten "
        "held-out passages; in brackets 95 % of bootstrap means of the difference over neurons."
    )


def _made(subject: TextSubject, layer: str, asked: Sequence[Asked], name: str) -> tuple[float, list[float]]:
    """CPU seconds of all, and F1 of each."""
    begun = time.process_time()
    if name in _SETTINGS:
        made = list(GraphMaker(subject, layer, _SETTINGS[name]).make(asked))
        return time.process_time() - begun, [each.scores.firing.f1 for each in made]
    plain = PlainN2G(subject, layer, masks_again=name == PUBLISHED)
    graphs = [plain.graph(each) for each in asked]
    spent, measurer = time.process_time() - begun, Measurer(subject, layer)
    return spent, [_f1(measurer, graph, each) for graph, each in zip(graphs, asked, strict=True)]


def _f1(measurer: Measurer, graph: Node, asked: Asked) -> float:
    texts = [example.tokens for example in asked.held_out]
    true = np.concatenate(measurer.measure([Wanted(tokens, asked.unit) for tokens in texts])) / asked.highest
    return firing(np.concatenate([predicted(graph, tokens) for tokens in texts]), true).f1


def _tell(report: Report, sides: tuple[str, str], spent: Mapping[str, float], f1: Mapping[str, list[float]]) -> None:
    name, bar = " / ".join(sides), sides == (STEPS, PUBLISHED)
    ours, theirs = (f1[side] for side in sides)
    ratio = spent[sides[1]] / spent[sides[0]]
    report.row(
        f"cost: {name}",
        f"**{ratio:.1f} ×** less",
        f"≥ {BAR:g} ×" if bar else "–",
        ratio >= BAR if bar else None,
        ratio=ratio,
    )
    beyond = np.array(ours) - np.array(theirs)
    low, high = interval(beyond)
    report.row(
        f"F1: {name}",
        f"{np.mean(ours):.3f} / {np.mean(theirs):.3f}, difference **{beyond.mean():+.3f}** ({low:+.3f} to {high:+.3f})",
        "within noise" if bar else "–",
        low <= 0 <= high if bar else None,
        difference=float(beyond.mean()),
        interval=(low, high),
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
