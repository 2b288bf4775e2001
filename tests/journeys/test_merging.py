"""`lens merge`: layers or samples of several indexes in one, as if it had been built so."""

import csv
import shutil

import numpy as np
import pandas as pd
import pytest

from indexer.index.manifest import read_manifest
from indexer.index.reader import STATES, Index
from tests.journeys.test_growing import same
from tests.traps.test_collecting import save_lesions

COMMON = ["--foundation", "tiny-clip", "--exemplars", "6", "--batch-size", "8", "-q"]
PLAIN = ["--subject", "python:tests.nets:plain"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A table of pictures, each in part a, b or c; some are doubled within a part, one cannot be read."""
    folder = tmp_path_factory.mktemp("pictures")
    save_lesions(folder / "images", 72)
    names = sorted(path.name for path in (folder / "images").iterdir())
    rows = [
        [f"images/{name}", "abc"[number % 3 if number < 60 else 0], f"class {number % 2}"]
        for number, name in enumerate(names)
    ]
    shutil.copy(folder / rows[4][0], folder / "images" / "copy.png")
    rows.append(["images/copy.png", rows[4][1], rows[4][2]])
    (folder / "images" / "broken.png").write_bytes(b"no picture")
    rows.append(["images/broken.png", "c", "class 1"])
    with (folder / "all.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "part", "label"], *rows])
    return folder


@pytest.fixture
def build(lens_command, pictures, tmp_path):
    """Build an index of a part of the pictures, or of all."""

    def build(name, *arguments, part="", subject=PLAIN):
        dataset = f"csv:{pictures / 'all.csv'}{f',part={part}' if part else ''}"
        status, _, err = lens_command(
            "build", *subject, "--dataset", dataset, "--out", tmp_path / name, *COMMON, *arguments
        )
        assert status == 0, err
        return tmp_path / name

    return build


@pytest.mark.parametrize(
    "settings",
    [[], ["--classes"], ["--crop", "activation"], ["--percentiles", "90,50", "--concept-vector", "contrastive"]],
    ids=["plain", "relevance", "crops", "surveys"],
)
def test_layers_of_the_same_samples(build, lens_command, tmp_path, settings):
    parts = [build("a", "--layers", "norm", *settings), build("b", "--layers", "act", *settings)]
    status, out, err = lens_command("merge", *parts, "--out", tmp_path / "merged")
    assert status == 0, err
    assert "norm" in out and "act" in out
    merged, whole = Index.open(tmp_path / "merged"), Index.open(build("whole", "--layers", "norm,act", *settings))
    same(merged, whole)
    for name in ("layers", "dataset", "settings", "subject", "engine"):
        assert getattr(merged.manifest, name) == getattr(whole.manifest, name)
    for columns in (("neuron", "percentile", "sample", "activation"),):
        assert merged.ranges(*columns).equals(whole.ranges(*columns))
    assert merged.survey["sample"].equals(whole.survey["sample"])
    assert lens_command("verify", tmp_path / "merged")[0] == 0


@pytest.mark.parametrize(("net", "layers"), [("plain", "norm,act"), ("plain", "conv"), ("half_precision", "units")])
def test_shards_give_the_index_of_their_union(build, lens_command, pictures, tmp_path, net, layers):
    subject = ["--subject", f"python:tests.nets:{net}"]
    parts = [build(part, "--layers", layers, part=part, subject=subject) for part in "abc"]
    status, _, err = lens_command(
        "merge", *parts, "--out", tmp_path / "merged", "--dataset", f"csv:{pictures / 'all.csv'}"
    )
    assert status == 0, err
    merged, whole = Index.open(tmp_path / "merged"), Index.open(build("whole", "--layers", layers, subject=subject))
    if net == "half_precision":
        assert len(set(whole.exemplars(0)["activation"].to_pylist())) < 6, "there are ties"
    for name in ("state", "active_share", "strongest", "exemplar_count", "unit", "polarity", "first_exemplar"):
        assert np.array_equal(getattr(merged.neurons, name), getattr(whole.neurons, name)), name
    for name, most in (("mean", 1e-6), ("centre", 1e-6), ("clarity", 1e-5), ("polysemanticity", 1e-5)):
        np.testing.assert_allclose(getattr(merged.neurons, name), getattr(whole.neurons, name), atol=most)
    columns = ("neuron", "rank", "sample", "activation", "polarity", "embedding")
    assert merged.all_exemplars(*columns).equals(whole.all_exemplars(*columns)), "bit by bit"
    np.testing.assert_allclose(merged.exemplar_vectors, whole.exemplar_vectors, atol=1e-6)
    np.testing.assert_allclose(merged.concept_vectors, whole.concept_vectors, atol=1e-6)
    pd.testing.assert_frame_equal(merged.samples, whole.samples)
    assert np.array_equal(merged.logits, whole.logits, equal_nan=True)
    assert merged.manifest.dataset == whole.manifest.dataset
    assert merged.manifest.settings == whole.manifest.settings and merged.manifest.layers == whole.manifest.layers
    assert lens_command("verify", tmp_path / "merged")[0] == 0
    assert lens_command("search", tmp_path / "merged", "ruler")[0] == 0


def test_a_merged_index_grows_on(build, lens_command, tmp_path):
    """Relevance cannot be merged over other samples; on the merged index it can be measured."""
    parts = [build(part, "--layers", "act", "--classes", part=part) for part in "abc"]
    status, _, err = lens_command("merge", *parts, "--out", tmp_path / "merged")
    assert status == 2 and "--without-relevance" in err
    csv_file = read_manifest(parts[0]).dataset.name.removesuffix(",part=a")
    merge = ["merge", *parts, "--out", tmp_path / "merged", "--without-relevance", "--dataset", csv_file]
    assert lens_command(*merge)[0] == 0
    assert lens_command("build", "--add", "--classes", "--out", tmp_path / "merged", "-q")[0] == 0
    merged, whole = Index.open(tmp_path / "merged"), Index.open(build("whole", "--layers", "act", "--classes"))
    for name in ("signed", "absolute"):
        np.testing.assert_allclose(merged.relevance[name], whole.relevance[name], atol=1e-6)


def test_a_neuron_that_is_constant_in_one_shard(lens_command, tmp_path):
    """Its samples there are not stored: merged where they cannot be exemplars, refused where they are."""
    save_lesions(tmp_path / "dark", 20)
    save_lesions(tmp_path / "bright", 20)
    _darkened(tmp_path / "dark")
    for folder in ("dark", "bright"):
        for path in sorted((tmp_path / folder).iterdir()):
            path.rename(path.with_name(f"{folder}-{path.name}"))
    parts = {}
    for net in ("floored", "capped", "signs"):
        build = ["build", "--subject", f"python:tests.nets:{net}", "--layers", "units", *COMMON]
        parts[net] = [tmp_path / f"{net}-{folder}" for folder in ("dark", "bright")]
        for out in parts[net]:
            dataset = f"folder:{tmp_path / out.name.partition('-')[2]}"
            assert lens_command(*build, "--dataset", dataset, "--out", out)[0] == 0
    floored, capped = (Index.open(parts["floored"][0]), Index.open(parts["capped"][1]))
    assert floored.neurons.exemplar_count[0] == capped.neurons.exemplar_count[0] == 0, "constant"

    status, _, err = lens_command("merge", *parts["floored"], "--out", tmp_path / "merged")
    assert status == 0, err
    keys = Index.open(tmp_path / "merged").samples["key"][
        Index.open(tmp_path / "merged").exemplars(0)["sample"].to_pylist()
    ]
    assert len(keys) == 6 and keys.str.startswith("bright").all()
    shutil.rmtree(tmp_path / "merged")
    said = refused(lens_command, tmp_path, *parts["capped"])
    assert "units/0 always had the same activation" in said and "one index over all samples" in said

    assert lens_command("merge", *parts["signs"], "--out", tmp_path / "merged")[0] == 0
    merged = Index.open(tmp_path / "merged").neurons
    states = {str(merged.id(row)): STATES[merged.state[row]] for row in range(len(merged))}
    assert states["units/3"] == states["units/4"] == "dead", "always 0, and always 2"
    assert states["units/0"] == states["units/1-"] == "always_on"


def _darkened(folder):
    from PIL import Image

    for path in folder.iterdir():
        with Image.open(path) as picture:
            picture.point(lambda value: value // 2).save(path)


def refused(lens_command, tmp_path, *parts):
    status, out, err = lens_command("merge", *parts, "--out", tmp_path / "merged")
    assert status == 2 and "Traceback" not in out + err
    assert not list(tmp_path.glob("merged*"))
    return " ".join(err.split())


def test_every_difference_is_named_at_once(build, lens_command, tmp_path):
    a = build("a", "--layers", "act", part="a")
    other = ["--subject", "python:tests.nets:other_weights"]
    b = build("b", "--layers", "norm", "--exemplars", "7", "--aggregation", "max", part="b", subject=other)
    said = refused(lens_command, tmp_path, a, b)
    for part in (
        "the subject's weights",
        "the number of exemplars (6 and 7)",
        "the layers and how they were read",
        "max",
    ):
        assert part in said, said


def test_what_cannot_be_merged_is_refused(build, lens_command, tmp_path):
    a = build("a", "--layers", "act", part="a")
    assert "pictures are in more than one" in refused(lens_command, tmp_path, a, build("whole", "--layers", "act"))
    assert "more than one holds act" in refused(lens_command, tmp_path, a, build("again", "--layers", "act", part="a"))
    contrasts = [build(f"c{part}", "--layers", "act", "--concept-vector", "contrastive", part=part) for part in "ab"]
    assert "survey of all samples" in refused(lens_command, tmp_path, *contrasts)
    ranked = [build(f"r{part}", "--layers", "act", "--collector", "relevance", part=part) for part in "ab"]
    assert "ranked by relevance" in refused(lens_command, tmp_path, *ranked)
    assert "two indexes or more" in refused(lens_command, tmp_path, a)
    assert "is not an index" in refused(lens_command, tmp_path, a, tmp_path / "nowhere")
    path = a / "neurons.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    assert "cannot be trusted" in refused(lens_command, tmp_path, a, build("b", "--layers", "act", part="b"))


def test_the_same_names_for_other_pictures(lens_command, tmp_path):
    for name in "ab":
        save_lesions(tmp_path / name, 10)
    _darkened(tmp_path / "b")
    for name in "ab":
        build = ["build", *PLAIN, *COMMON, "--layers", "act", "--dataset", f"folder:{tmp_path / name}"]
        assert lens_command(*build, "--out", tmp_path / f"index-{name}")[0] == 0
    said = refused(lens_command, tmp_path, tmp_path / "index-a", tmp_path / "index-b")
    assert "10 keys name different pictures" in said and "csv:" in said


def test_the_union_must_be_what_it_says(build, lens_command, pictures, tmp_path):
    parts = [build(part, "--layers", "act", part=part) for part in "ab"]
    merge = ["merge", *parts, "--out", tmp_path / "merged", "--dataset", f"csv:{pictures / 'all.csv'}"]
    status, _, err = lens_command(*merge)
    assert status == 2 and "does not list the" in err
    layers = [parts[0], build("norm", "--layers", "norm", part="a")]
    status, _, err = lens_command("merge", *layers, *merge[3:])
    assert status == 2 and "these are the same" in err


def test_a_union_without_a_name_asks_for_it_when_it_grows(build, lens_command, pictures, tmp_path):
    parts = [build(part, "--layers", "act", part=part) for part in "abc"]
    assert lens_command("merge", *parts, "--out", tmp_path / "merged")[0] == 0
    assert read_manifest(tmp_path / "merged").dataset.name.startswith("merged:csv:")
    grow = ["build", "--add", "--classes", "--out", tmp_path / "merged", "-q"]
    status, _, err = lens_command(*grow)
    assert status == 2 and "--dataset is missing" in err
    assert lens_command(*grow, "--dataset", f"csv:{pictures / 'all.csv'}")[0] == 0
    assert read_manifest(tmp_path / "merged").dataset.name == f"csv:{pictures / 'all.csv'}"
