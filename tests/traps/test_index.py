"""Known traps of stored indexes: stale digests, layers added later, tampering, unfinished builds."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from indexer.catalogue import DATASETS, SUBJECTS
from indexer.errors import DiskFull, IndexUnusable, InvalidInput
from indexer.index import files
from indexer.index.reader import Index
from indexer.pipeline import build_index
from indexer.progress import Silent
from lens_server.lens import Lens
from tests.conftest import build_config
from tests.oracles import textbook


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    out = tmp_path_factory.mktemp("plain") / "index"
    return build_index(build_config(out, exemplars=5, classes=True))


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"subject": "python:tests.nets:other_weights"}, "subject"),
        ({"subject": "python:tests.nets:other_preprocessing"}, "preprocessing"),
        ({"dataset": "lesions:40,seed=902"}, "dataset"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_digests_change_with_what_they_stand_for(plain, tmp_path, changed, part):
    build_index(build_config(tmp_path / "index", exemplars=5, classes=True, **changed))
    old, new = Index.open(plain).manifest, Index.open(tmp_path / "index").manifest
    digests = {
        "subject": (old.subject.digest, new.subject.digest),
        "preprocessing": (old.subject.preprocessing, new.subject.preprocessing),
        "dataset": (old.dataset.digest, new.dataset.digest),
        "foundation model": (old.foundation_model.digest, new.foundation_model.digest),
    }
    assert {name for name, (a, b) in digests.items() if a != b} == {part}
    assert old.digest != new.digest


def test_the_same_build_gives_the_same_bytes(plain, tmp_path):
    build_index(build_config(tmp_path / "index", exemplars=5, classes=True))
    assert Index.open(plain).manifest.files == Index.open(tmp_path / "index").manifest.files
    assert Index.open(plain).manifest.digest == Index.open(tmp_path / "index").manifest.digest


def test_an_added_layer_leaves_the_others_as_they_are(plain, tmp_path):
    shutil.copytree(plain, tmp_path / "index")
    build_index(build_config(tmp_path / "index", layers=("head",), exemplars=5, classes=True), add=True)
    old, new = Index.open(plain), Index.open(tmp_path / "index")
    count, embedded = len(old.neurons), len(old.exemplar_vectors)
    assert [layer.name for layer in new.manifest.layers] == ["act", "head"]
    assert new.concept_vectors[:count].tobytes() == np.asarray(old.concept_vectors).tobytes()
    assert new.exemplar_vectors[:embedded].tobytes() == np.asarray(old.exemplar_vectors).tobytes()
    for row in range(count):
        assert new.exemplars(row).equals(old.exemplars(row))
        assert new.neurons.id(row) == old.neurons.id(row)
    for name in ("state", "clarity", "polysemanticity", "redundancy", "active_share"):
        assert getattr(new.neurons, name)[:count].tobytes() == getattr(old.neurons, name).tobytes()
    kept = new.relevance[new.relevance["neuron"] < count]
    assert kept["signed"].to_numpy().tobytes() == old.relevance["signed"].to_numpy().tobytes()
    fresh = build_index(build_config(tmp_path / "fresh", layers=("act", "head"), exemplars=5, classes=True))
    both = Index.open(fresh)
    np.testing.assert_allclose(both.concept_vectors, new.concept_vectors, atol=1e-6)
    assert [both.thumbnail(int(e)) for e in both.exemplars(count)["embedding"].to_pylist()] == [
        new.thumbnail(int(e)) for e in new.exemplars(count)["embedding"].to_pylist()
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"subject": "python:tests.nets:other_weights"}, "subject weights"),
        ({"layers": ("act",)}, "already holds act"),
        ({"dataset": "lesions:41,seed=901"}, "other samples"),
        ({"exemplars": 4}, "collect.exemplars: 5, not 4"),
    ],
    ids=str,
)
def test_adding_to_something_else_is_refused(plain, tmp_path, changed, said):
    shutil.copytree(plain, tmp_path / "index")
    before = Index.open(plain).manifest
    settings = {"layers": ("head",), "exemplars": 5, "classes": True, **changed}
    with pytest.raises(InvalidInput, match=said):
        build_index(build_config(tmp_path / "index", **settings), add=True)
    assert Index.open(tmp_path / "index").manifest == before


def test_relevance_of_a_linear_head_is_exact(plain):
    index, dataset = Index.open(plain), DATASETS.load("lesions:40,seed=901")
    from tests.traps.test_collecting import activations_of, conv_mean

    activations = activations_of("python:tests.nets:plain", "act", dataset, conv_mean)
    weights = SUBJECTS.load("python:tests.nets:plain").module.head.weight.detach().numpy()
    assigned = dataset.metadata["label"].map({"benign": 0, "malignant": 1}).to_numpy()
    assert set(assigned) == {0, 1}
    signed, absolute = textbook.relevance_of_linear_head(activations, weights, assigned, 2)
    for number, name in enumerate(("benign", "malignant")):
        own = index.relevance[index.relevance["class"] == name].sort_values("neuron")
        np.testing.assert_allclose(own["signed"], signed[number], atol=1e-5)
        np.testing.assert_allclose(own["absolute"], absolute[number], atol=1e-5)


@pytest.mark.parametrize("name", [*files.REQUIRED, *files.OF_IMAGES, files.LOGITS, files.RELEVANCE])
def test_a_changed_file_is_named(plain, tmp_path, lens_command, name):
    shutil.copytree(plain, tmp_path / "index")
    path = tmp_path / "index" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    status, _, said = lens_command("verify", tmp_path / "index")
    assert status == 2
    assert name in said
    with pytest.raises(IndexUnusable, match=name):
        Lens.open(tmp_path / "index")


@pytest.mark.parametrize("name", [*files.REQUIRED, *files.OF_IMAGES])
def test_a_cut_or_missing_file_is_named(plain, tmp_path, lens_command, name):
    shutil.copytree(plain, tmp_path / "index")
    path = tmp_path / "index" / name
    path.write_bytes(path.read_bytes()[:-1])
    assert lens_command("search", tmp_path / "index", "ruler")[0] == 2
    path.unlink()
    status, _, said = lens_command("verify", tmp_path / "index")
    assert status == 2
    assert f"{name} is missing" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(format=99), "format 99"),
        (lambda m: m.update(exemplars=6), "changed after"),
        (lambda m: m.pop("subject"), "subject"),
        (lambda m: m.update(surprise=1), "surprise"),
    ],
    ids=["format", "tampered", "missing", "unknown"],
)
def test_a_manifest_that_cannot_be_trusted(plain, tmp_path, change, said):
    shutil.copytree(plain, tmp_path / "index")
    path = tmp_path / "index" / files.MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(IndexUnusable, match=said):
        Lens.open(tmp_path / "index")


def test_words_of_a_foreign_space_are_refused(plain, tmp_path):
    from indexer.index.manifest import read_manifest

    shutil.copytree(plain, tmp_path / "index")
    manifest = read_manifest(plain)
    foreign = manifest.foundation_model.model_copy(update={"digest": "0" * 64})
    manifest.model_copy(update={"foundation_model": foreign}).sealed().write(tmp_path / "index")
    lens = Lens.open(tmp_path / "index")
    with pytest.raises(IndexUnusable, match="another tiny-clip"):
        lens.search("ruler")
    with pytest.raises(IndexUnusable, match="cannot be compared"):
        Lens.open(plain).diff(lens)


class Interrupting(Silent):
    """Presses Ctrl-C after so many steps."""

    def __init__(self, after):
        self.left = after

    def advance(self, steps):
        self.left -= steps
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [1, 9, 25, 39, 41, 60])
def test_an_interrupted_build_goes_on_to_the_same_bytes(tmp_path, monkeypatch, after):
    import indexer.collectors.activation as activation
    import indexer.embedding as embedding

    monkeypatch.setattr(activation, "_CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(embedding, "_CHUNK", 8)
    whole = build_index(build_config(tmp_path / "whole", exemplars=5, classes=True, batch_size=4))
    config = build_config(tmp_path / "cut", exemplars=5, classes=True, batch_size=4)
    with pytest.raises(KeyboardInterrupt):
        build_index(config, progress=Interrupting(after))
    assert not (tmp_path / "cut").exists(), "an index is whole or absent"
    if any((tmp_path / "cut.building").glob("*.npz")):
        with pytest.raises(InvalidInput, match="--resume"):
            build_index(config)
        with pytest.raises(InvalidInput, match="other settings"):
            build_index(build_config(tmp_path / "cut", exemplars=6, batch_size=4), resume=True)
    build_index(config, resume=True)
    assert Index.open(tmp_path / "cut").manifest.digest == Index.open(whole).manifest.digest
    assert not (tmp_path / "cut.building").exists()


def test_a_full_disk_leaves_no_index(tmp_path, monkeypatch):
    import indexer.pipeline as pipeline

    def full(*_a):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pipeline, "write_tables", full)
    with pytest.raises(DiskFull, match="no space"):
        build_index(build_config(tmp_path / "index", exemplars=5))
    assert not (tmp_path / "index").exists()


def test_two_builds_of_one_folder(tmp_path):
    from indexer.index.staging import claimed

    config = build_config(tmp_path / "index", exemplars=5)
    with (
        claimed(config.out, config.model_dump(mode="json"), resume=False, replace=False),
        pytest.raises(IndexUnusable, match="Another build"),
    ):
        build_index(config)


def test_what_is_in_the_way_is_not_touched(tmp_path, plain):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InvalidInput, match="not an index"):
        build_index(build_config(tmp_path / "mine"), replace=True)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    with pytest.raises(InvalidInput, match="--overwrite"):
        build_index(build_config(plain, exemplars=5))


def test_dataset_columns_are_kept(plain):
    samples = Index.open(plain).samples
    assert {"key", "content", "label", "group", "prediction"} <= set(samples.columns)
    own = DATASETS.load("lesions:40,seed=901").metadata
    pd.testing.assert_frame_equal(samples[own.columns.tolist()], own.reset_index(drop=True), check_dtype=False)
