"""Embeddings are made once: shared between builds, kept when an index grows."""

import numpy as np
import pytest

from indexer.catalogue import FOUNDATION_MODELS
from indexer.index.manifest import read_manifest
from indexer.index.reader import Index
from indexer.pipeline import build_index
from tests.conftest import build_config
from tests.traps.test_collecting import save_lesions


@pytest.fixture
def passes(monkeypatch):
    """Pictures given to the foundation model, call by call."""
    model, calls = type(FOUNDATION_MODELS.load("tiny-clip")), []
    embed = model.embed_images
    monkeypatch.setattr(model, "embed_images", lambda self, images: calls.append(len(images)) or embed(self, images))
    return calls


def test_a_warm_cache_needs_no_foundation_model_and_gives_the_same_bytes(tmp_path, passes):
    settings = {"exemplars": 5, "layers": ("act",)}
    first = build_index(build_config(tmp_path / "first", **settings), cache=tmp_path / "cache")
    assert sum(passes) == len(Index.open(first).exemplar_vectors)
    passes.clear()
    second = build_index(build_config(tmp_path / "second", **settings), cache=tmp_path / "cache")
    assert not passes
    assert read_manifest(first).digest == read_manifest(second).digest


def test_a_layer_more_with_a_warm_cache(tmp_path, passes):
    one = build_index(build_config(tmp_path / "one", exemplars=5, layers=("act",)), cache=tmp_path / "cache")
    held = len(Index.open(one).exemplar_vectors)
    passes.clear()
    two = build_index(build_config(tmp_path / "two", exemplars=5, layers=("act", "head")), cache=tmp_path / "cache")
    assert sum(passes) == len(Index.open(two).exemplar_vectors) - held
    passes.clear()
    alone = build_index(build_config(tmp_path / "alone", exemplars=5, layers=("act", "head")))
    assert sum(passes) == len(Index.open(alone).exemplar_vectors)
    a, b = np.asarray(Index.open(alone).exemplar_vectors), np.asarray(Index.open(two).exemplar_vectors)
    assert np.abs(a - b).max() < 1e-6, "other batches, other last bits"


def test_the_same_pictures_in_another_folder(tmp_path, passes):
    for name in ("here", "there"):
        save_lesions(tmp_path / name / "images", 12)
    for name, expected in (("here", 12), ("there", 0)):
        dataset = f"folder:{tmp_path / name / 'images'}"
        build_index(build_config(tmp_path / f"index-{name}", exemplars=12, dataset=dataset), cache=tmp_path / "cache")
        assert sum(passes) == expected
        passes.clear()


BASE = ["--subject", "python:tests.nets:plain", "--dataset", "lesions:60,seed=901", "--foundation", "tiny-clip"]


@pytest.fixture
def grown(lens_command, tmp_path):
    """Build an index, then `lens build --add` with these arguments alone; the grown index."""

    def grow(*added, base=("--layers", "norm", "--exemplars", "6")):
        out = tmp_path / "index"
        if not out.exists():
            assert lens_command("build", *BASE, *base, "--out", out, "-q")[0] == 0
        status, _, err = lens_command("build", "--add", "--out", out, "-q", *added)
        assert status == 0, err
        return Index.open(out)

    return grow


def fresh(lens_command, tmp_path, *arguments):
    status, _, err = lens_command("build", *BASE, *arguments, "--out", tmp_path / "fresh", "-q")
    assert status == 0, err
    return Index.open(tmp_path / "fresh")


def same(a, b, *, rows=slice(None)):
    """Equal but for the order of the embeddings, whose last bits depend on the batch they were made in."""
    for name in ("state", "active_share", "mean", "centre", "strongest", "exemplar_count", "layer", "unit", "polarity"):
        assert np.array_equal(getattr(a.neurons, name), getattr(b.neurons, name)), name
    for name in ("clarity", "polysemanticity", "redundancy"):
        np.testing.assert_allclose(getattr(a.neurons, name), getattr(b.neurons, name), atol=1e-5)
    np.testing.assert_allclose(a.concept_vectors, b.concept_vectors, atol=1e-6)
    columns = ("neuron", "rank", "sample", "activation", "polarity", "left", "top")
    assert a.all_exemplars(*columns).equals(b.all_exemplars(*columns))
    for row in range(0, len(a.neurons), 3):
        one, two = (index.exemplars(row)["embedding"].to_pylist() for index in (a, b))
        np.testing.assert_allclose(a.exemplar_vectors[one], b.exemplar_vectors[two], atol=1e-6)
        assert [a.thumbnail(each) for each in one] == [b.thumbnail(each) for each in two]
    assert len(a.exemplar_vectors) == len(b.exemplar_vectors)
    assert (a.relevance is None) == (b.relevance is None)
    if a.relevance is not None:
        assert a.relevance.equals(b.relevance)


def test_more_exemplars_need_no_second_look_at_those_that_are_there(grown, lens_command, tmp_path, passes):
    small = grown("--exemplars", "7")
    held = len(small.exemplar_vectors)
    passes.clear()
    index = grown("--exemplars", "20")
    assert sum(passes) == len(index.exemplar_vectors) - held > 0
    assert index.manifest.exemplars == 20
    same(index, fresh(lens_command, tmp_path, "--layers", "norm", "--exemplars", "20"))


@pytest.mark.parametrize(
    "settings", [[], ["--crop", "activation", "--percentiles", "90,10", "--concept-vector", "contrastive"]], ids=len
)
def test_relevance_alone_shows_no_sample_to_the_taps(grown, lens_command, tmp_path, passes, monkeypatch, settings):
    grown("--exemplars", "7", base=("--layers", "norm", "--exemplars", "6", *settings))
    passes.clear()

    def collect(*_):
        raise AssertionError("nothing is collected")

    with monkeypatch.context() as patched:
        patched.setattr("indexer.collectors.activation.ActivationCollector.collect", collect)
        patched.setattr("indexer.foundation_models.open_clip.load_tiny", collect)
        index = grown("--classes")
    assert not passes
    same(index, fresh(lens_command, tmp_path, "--layers", "norm", "--exemplars", "7", "--classes", *settings))
    assert lens_command("verify", tmp_path / "index")[0] == 0


@pytest.mark.parametrize(
    ("base", "added", "whole"),
    [
        ("norm", "act,head --exemplars 12 --classes", ""),
        ("norm --classes", "act,head --exemplars 12", ""),
        ("norm,act --classes", "head", ""),
        ("norm,act", "head --classes", ""),
        ("norm", "norm,act --classes", "--crop activation"),
        ("norm,act", "head --exemplars 12", "--percentiles 90,50"),
    ],
    ids=["everything", "more of both", "a layer", "a layer and relevance", "crops", "percentiles"],
)
def test_an_index_that_has_grown_is_the_one_that_was_built_so(grown, lens_command, tmp_path, base, added, whole):
    base, added, whole = base.split(), added.split(), whole.split()
    index = grown("--layers", *added, base=["--layers", *base, "--exemplars", "6", *whole])
    if "--exemplars" not in added:
        added += ["--exemplars", "6"]
    layers = "norm,act" if "--crop" in whole else "norm,act,head"
    other = fresh(lens_command, tmp_path, "--layers", layers, *dict.fromkeys([*base[1:], *added[1:]]), *whole)
    same(index, other)
    assert index.manifest.layers == other.manifest.layers
    assert index.manifest.settings == other.manifest.settings
    assert index.ranges("neuron", "percentile", "sample").equals(other.ranges("neuron", "percentile", "sample"))


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ([], "already holds norm, and all else that was asked for"),
        (["--exemplars", "6"], "already holds"),
        (["--exemplars", "5"], "collect.exemplars: 6, not 5"),
        (["--exemplars", "9", "--aggregation", "max"], "aggregation of norm: 'mean', not 'max'"),
        (["--layers", "act", "--percentiles", "50"], "collect.percentiles"),
        (["--layers", "act", "--subject", "python:tests.nets:other_weights"], "subject weights"),
        (["--layers", "act", "--dataset", "lesions:61,seed=901"], "other samples"),
        (["--classes", "--dataset", "lesions:60,seed=902"], "not the image"),
        (["--classes", "--dataset", "lesions:61,seed=901"], "other samples"),
        (["--layers", "acd"], "'act'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_added_is_refused(lens_command, tmp_path, added, said):
    out = tmp_path / "index"
    assert lens_command("build", *BASE, "--layers", "norm", "--exemplars", "6", "--out", out, "-q")[0] == 0
    before = read_manifest(out)
    status, _, err = lens_command("build", "--add", "--out", out, "-q", *added)
    assert status == 2 and said in " ".join(err.split()), err
    assert read_manifest(out) == before
    for left in tmp_path.glob("index.*"):
        assert left.name == "index.building" and "not the image" in said


def test_adding_to_nothing(lens_command, tmp_path):
    status, _, err = lens_command("build", "--add", "--out", tmp_path / "index", "--exemplars", "9")
    assert status == 2 and "is not an index" in err
    assert not list(tmp_path.iterdir())


def test_other_labels_are_refused_where_relevance_was_measured_by_them(lens_command, tmp_path):
    for name in ("benign", "malignant"):
        save_lesions(tmp_path / "images" / name, 6)
    table = tmp_path / "images" / "all.csv"
    paths = sorted(path.relative_to(tmp_path / "images").as_posix() for path in (tmp_path / "images").rglob("*.png"))
    table.write_text("path,label\n" + "".join(f"{path},{path.split('/')[0]}\n" for path in paths))
    build = ["build", "--subject", "python:tests.nets:plain", "--foundation", "tiny-clip", "--dataset", f"csv:{table}"]
    out = ["--out", tmp_path / "index", "-q"]
    assert lens_command(*build, "--layers", "act", "--classes", *out)[0] == 0
    table.write_text(table.read_text().replace("malignant/003.png,malignant", "malignant/003.png,benign"))
    status, _, err = lens_command("build", "--add", "--layers", "head", *out)
    assert status == 2 and "1 samples have other labels" in err
