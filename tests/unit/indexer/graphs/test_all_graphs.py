"""Graphs of a whole index: the same however they come about, and refused where they cannot be."""

import shutil
from contextlib import contextmanager
from multiprocessing import Pipe

import pytest

from indexer.errors import IndexUnusable, OutOfMemory, SubjectFault, UnknownName, Untrustworthy
from indexer.graphs import all_graphs, workers
from indexer.graphs.all_graphs import make_graphs
from indexer.graphs.settings import GraphSettings
from indexer.graphs.workers import Maker
from indexer.index import files
from indexer.index.reader import Index
from indexer.index.texts import Texts
from indexer.pipeline import build_index
from indexer.progress import Silent
from tests.conftest import build_config

FIRST, SECOND = "blocks.0.mlp.act", "blocks.1.mlp.act"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    out = tmp_path_factory.mktemp("texts") / "rules"
    layers = (FIRST, SECOND)
    return build_index(
        build_config(out, subject="tiny-text:grammar", layers=layers, dataset="grammar:100", exemplars=12)
    )


@pytest.fixture(scope="module")
def whole(plain, tmp_path_factory):
    """Bytes of graphs and scores that were made in one go."""
    folder = shutil.copytree(plain, tmp_path_factory.mktemp("whole") / "rules")
    make_graphs(folder, workers=1)
    assert not files.graphing(folder).exists()
    return content(folder)


@pytest.fixture
def folder(plain, tmp_path):
    return shutil.copytree(plain, tmp_path / "rules")


def content(folder):
    return [(folder / name).read_bytes() for name in (files.GRAPHS, files.GRAPH_SCORES)]


class Told(Silent):
    """Remembers what it is told; stops the work after so many blocks."""

    def __init__(self, stop_after=99):
        self.stages, self.blocks, self.stop_after = [], 0, stop_after

    def stage(self, title, total, done=0):
        self.stages.append((title, total, done))
        return self.told()

    @contextmanager
    def told(self):
        yield self

    def advance(self, steps):
        self.blocks += 1
        if self.blocks == self.stop_after:
            raise KeyboardInterrupt


def test_any_number_of_workers_gives_the_same_bytes(folder, whole):
    make_graphs(folder, workers=2)
    assert content(folder) == whole


def test_interrupted_and_resumed_gives_the_same_bytes(folder, whole):
    with pytest.raises(KeyboardInterrupt):
        make_graphs(folder, workers=1, progress=Told(stop_after=1))
    assert not (folder / files.GRAPHS).exists() and files.graphing(folder).is_dir()
    told = Told()
    make_graphs(folder, workers=1, progress=told)
    assert told.blocks == 1 and told.stages[0][2] > 0
    assert content(folder) == whole


def test_work_begun_with_other_settings_is_begun_anew(folder, whole):
    with pytest.raises(KeyboardInterrupt):
        make_graphs(folder, workers=1, settings=GraphSettings(substitutes=1), progress=Told(stop_after=1))
    told = Told()
    make_graphs(folder, workers=1, progress=told)
    assert told.stages[0][2] == 0 and content(folder) == whole


def test_layer_by_layer_gives_the_same_and_keeps_the_others(folder, whole):
    make_graphs(folder, layers=["blocks.1.*.act"], workers=1)
    scores = Texts(Index.open(folder)).graph_tables[1]
    assert 0 < len(scores) < len(Index.open(folder).neurons)
    make_graphs(folder, layers=[FIRST], workers=1)
    assert content(folder) == whole
    assert len(Texts(Index.open(folder)).graph_tables[1]) == len(Index.open(folder).neurons)


def test_damaged_graphs_are_made_anew(folder, whole):
    make_graphs(folder, workers=1)
    (folder / files.GRAPHS).write_bytes(b"scratched")
    make_graphs(folder, workers=1)
    assert content(folder) == whole


def test_every_neuron_has_a_row_and_a_dead_one_its_reason(folder, whole):
    make_graphs(folder, workers=1)
    texts = Texts(Index.open(folder))
    rows = texts.graph_tables[1].to_pylist()
    assert [row["neuron"] for row in rows] == list(range(len(texts.index.neurons)))
    dead = [row for row in rows if not texts.index.neurons.exemplar_count[row["neuron"]]]
    assert dead and all(row["failed"] and row["f1"] == 0 for row in dead)
    assert all(texts.graph(row["neuron"]).paths for row in rows if not row["failed"])


def test_unknown_layer(folder):
    with pytest.raises(UnknownName, match="layer") as told:
        make_graphs(folder, layers=["blocks.0.mlp.atc"])
    assert FIRST in told.value.hint and not files.graphing(folder).exists()


def test_index_of_images(tmp_path):
    out = build_index(build_config(tmp_path / "images", dataset="lesions:6,seed=901", exemplars=2))
    with pytest.raises(IndexUnusable, match="image"):
        make_graphs(out)


def test_subject_with_other_weights(folder, monkeypatch):
    monkeypatch.setattr(all_graphs, "module_digest", lambda module: "0" * 64)
    with pytest.raises(Untrustworthy, match="weights of tiny-text:grammar"):
        make_graphs(folder)
    assert not files.graphing(folder).exists()


def test_subject_with_other_tokens(folder, monkeypatch):
    monkeypatch.setattr(all_graphs, "reading_digest", lambda subject: "0" * 64)
    with pytest.raises(Untrustworthy, match="tokens of tiny-text:grammar"):
        make_graphs(folder)


def test_index_built_anew_meanwhile(folder, monkeypatch):
    other = Index.open(folder).manifest.model_copy(update={"digest": "f" * 64})
    monkeypatch.setattr(all_graphs, "read_manifest", lambda _: other)
    with pytest.raises(Untrustworthy, match="anew"):
        make_graphs(folder, workers=1)
    assert not (folder / files.GRAPHS).exists()


def test_worker_that_dies_is_told():
    here, there = Pipe()
    there.close()
    with pytest.raises(OutOfMemory, match="ended"):
        workers._received(here)


@pytest.mark.parametrize(
    "fault", [UnknownName("layer", "x", ["y"]), SubjectFault("no logits", hint="cure"), RuntimeError("broken")]
)
def test_faults_of_workers_arrive_with_their_words(folder, monkeypatch, fault):
    here, there = Pipe()
    here.send(None)
    monkeypatch.setattr(workers.signal, "signal", lambda *_: None)
    monkeypatch.setattr(Maker, "make", lambda _self, _block: (_ for _ in ()).throw(fault))
    workers._work(there, workers.Task(folder, GraphSettings()))
    with pytest.raises(SubjectFault) as told:
        workers._received(here)
    assert str(getattr(fault, "message", "broken")) in told.value.message
    assert told.value.hint == getattr(fault, "hint", "")
