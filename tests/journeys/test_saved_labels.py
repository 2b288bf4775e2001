"""`lens label --save`: whole or absent, shown everywhere, and no measurement."""

import shutil

import pytest

from indexer.errors import IndexUnusable, Untrustworthy
from indexer.index import annotations, files, labels
from indexer.index.manifest import read_manifest
from indexer.index.reader import Index
from indexer.index.staging import claimed
from indexer.pipeline import build_index
from lens_client import LensClient
from lens_server.lens import Lens
from lens_server.rpc.server import serve
from tests.conftest import build_config


@pytest.fixture
def index(opened_lens, tmp_path):
    return shutil.copytree(opened_lens.index.folder, tmp_path / "index")


@pytest.fixture
def labelled(lens_command, index):
    assert lens_command("label", index, "--vocabulary", "dermoscopy", "--save")[0] == 0
    return index


def test_saved_labels_are_those_that_were_found(labelled, opened_lens):
    stored = Index.open(labelled).labels
    found = list(opened_lens.label("dermoscopy"))
    assert stored["label"].to_pylist() == [each.text for each in found]
    assert stored["detection"].null_count == len(stored)
    assert stored["abstained"].to_pylist() == [each.abstained for each in found]
    assert stored["alternatives"].to_pylist()[3] == [
        {"text": each.text, "alignment": pytest.approx(each.alignment)} for each in found[3].alternatives
    ]
    assert sum(text is not None for text in stored["label"].to_pylist()) > 5
    said = labels.label_settings(stored)
    assert said["vocabulary"] == "dermoscopy" and said["alpha"] == "0.05" and len(said["entries_digest"]) == 64


def test_they_are_shown_and_searched_with_through_every_door(labelled, lens_command):
    lens = Lens.open(labelled)
    named = next(each for each in lens.neurons(page_size=1000).neurons if each.label)
    assert named.label in lens_command("show", labelled, named.id)[1]
    assert f"{lens.describe().labelled} of" in " ".join(lens_command("show", labelled)[1].split())
    assert "saved label" in lens_command("search", labelled, named.label)[1]
    with serve([labelled], "127.0.0.1:0") as running, LensClient(f"grpc://127.0.0.1:{running.port}") as client:
        assert client.neuron(named.id).neuron.label == named.label
        assert client.search(named.label) == lens.search(named.label)
        assert client.describe() == lens.describe()


def test_they_change_no_digest_and_are_verified(labelled, opened_lens, lens_command):
    assert read_manifest(labelled).digest == opened_lens.digest
    status, out, _ = lens_command("verify", labelled)
    assert status == 0 and "all 9 files" in out
    path = labelled / files.LABELS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    status, _, err = lens_command("verify", labelled)
    assert status == 2 and "labels.parquet was changed" in err
    with pytest.raises(Untrustworthy, match=r"labels\.parquet was changed"):
        Lens.open(labelled).describe()


def test_labels_made_again_replace_them(labelled, lens_command, tmp_path):
    (tmp_path / "words.txt").write_text("ruler\nasymmetry\n")
    assert lens_command("label", labelled, "--vocabulary", tmp_path / "words.txt", "--save")[0] == 0
    assert set(Index.open(labelled).label_of.values()) <= {"ruler", "asymmetry"}
    assert Lens.open(labelled).describe().vocabulary == str(tmp_path / "words.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", "words.txt"]


def test_killed_at_any_step_the_index_has_the_old_labels_the_new_ones_or_none(labelled, lens_command, monkeypatch):
    """In the order of the steps; what is opened during a later save still finds what it opened."""
    before = Index.open(labelled)
    steps = []
    whole = annotations.whole_file

    def killed(path):
        steps.append(path.name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(annotations, "whole_file", killed)
        assert lens_command("label", labelled, "--vocabulary", "dermoscopy", "--save")[0] == 130
    assert steps == [files.LABELS]
    assert lens_command("verify", labelled)[0] == 0
    assert Index.open(labelled).labels is None

    def killed_later(path):
        if steps and path.name == files.LABELS:
            steps.clear()
            return whole(path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(annotations, "whole_file", killed_later)
        patched.setattr("indexer.index.manifest.whole_file", killed_later)
        assert lens_command("label", labelled, "--vocabulary", "dermoscopy", "--save")[0] == 130
    assert lens_command("verify", labelled)[0] == 0 and Index.open(labelled).labels is None
    assert lens_command("label", labelled, "--vocabulary", "dermoscopy", "--save")[0] == 0
    assert before.labels.num_rows == len(before.neurons)


def test_not_while_a_build_works_there_nor_through_a_server(labelled, lens_command):
    with claimed(labelled, {}, resume=False, replace=True):
        status, _, err = lens_command("label", labelled, "--save")
        assert status == 2 and "Another build is working" in err
        with pytest.raises(IndexUnusable):
            labels.write_labels(labelled, Index.open(labelled).labels, {})
    with serve([labelled], "127.0.0.1:0") as running:
        status, _, err = lens_command("label", f"grpc://127.0.0.1:{running.port}", "--save")
        assert status == 2 and "only in an index folder" in err
    assert lens_command("label", labelled, "--unexpected", "--save")[0] == 2


def test_growing_keeps_them_where_the_neurons_stay_and_says_where_they_go(tmp_path, lens_command):
    config = build_config(tmp_path / "index", exemplars=5)
    build_index(config)
    assert lens_command("label", config.out, "--vocabulary", "dermoscopy", "--save")[0] == 0
    labelled = Index.open(config.out).labels
    assert lens_command("build", "--add", "--classes", "--out", config.out)[0] == 0
    assert Index.open(config.out).labels.equals(labelled)
    assert lens_command("verify", config.out)[0] == 0
    status, _, err = lens_command("build", "--add", "--layers", "head", "--out", config.out)
    assert status == 0 and "labels saved in" in err and "dropped" in err
    assert Index.open(config.out).labels is None
