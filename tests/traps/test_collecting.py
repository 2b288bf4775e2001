"""Known traps of collecting: each was seen to give wrong results silently somewhere."""

import numpy as np
import pytest
import torch

from indexer.catalogue import DATASETS, SUBJECTS
from indexer.errors import DatasetFault, SubjectFault
from indexer.index.reader import STATES, Index
from indexer.pipeline import build_index
from tests.conftest import build_config
from tests.oracles import textbook


def activations_of(name, layer, dataset, aggregate):
    """Every sample through the subject in one batch, with a hook of our own."""
    subject = SUBJECTS.load(name)
    outputs = []
    dict(subject.module.named_modules())[layer].register_forward_hook(
        lambda _m, _i, output: outputs.append(output.detach().clone())
    )
    images = [dataset.load(number) for number in range(len(dataset.keys))]
    subject.module.eval()
    with torch.no_grad():
        subject.module(torch.stack([subject.preprocess(image) for image in images]))
    return aggregate(outputs)


def assert_exemplars(index, expected, polarity=1):
    """The index's exemplars are those of `expected` [samples, units], strongest first."""
    for row in range(len(index.neurons)):
        name = index.neurons.id(row)
        if name.polarity != polarity:
            continue
        table = index.exemplars(row)
        twin = textbook.top_k(polarity * expected, index.manifest.exemplars)[name.unit]
        if STATES[index.neurons.state[row]] == "dead":
            continue
        assert table["sample"].to_pylist() == [sample for _, sample in twin]
        np.testing.assert_allclose(table["activation"].to_pylist(), [polarity * value for value, _ in twin], rtol=1e-5)


def conv_mean(outputs):
    return outputs[0].mean((2, 3)).numpy()


@pytest.mark.parametrize("batch_size", [40, 7])
def test_exemplars_are_the_strongest(tmp_path, batch_size):
    build_index(build_config(tmp_path / "index", exemplars=5, batch_size=batch_size))
    dataset = DATASETS.load("lesions:40,seed=901")
    assert_exemplars(
        Index.open(tmp_path / "index"), activations_of("python:tests.nets:plain", "act", dataset, conv_mean)
    )


def test_a_module_called_twice_does_not_shift_samples(tmp_path):
    build_index(
        build_config(
            tmp_path / "index", subject="python:tests.nets:called_twice", layers=("shared",), exemplars=6, batch_size=40
        )
    )
    dataset = DATASETS.load("lesions:40,seed=901")
    both = activations_of(
        "python:tests.nets:called_twice",
        "shared",
        dataset,
        lambda o: np.mean([each.mean((2, 3)).numpy() for each in o], axis=0),
    )
    index = Index.open(tmp_path / "index")
    assert_exemplars(index, both, 1)
    assert_exemplars(index, both, -1)


def test_a_layer_followed_by_an_in_place_module_is_read_before_it(tmp_path):
    build_index(build_config(tmp_path / "index", layers=("norm",), exemplars=6, batch_size=40))
    dataset = DATASETS.load("lesions:40,seed=901")
    index = Index.open(tmp_path / "index")
    before = activations_of("python:tests.nets:plain", "norm", dataset, conv_mean)
    assert (before < 0).any()
    assert_exemplars(index, before, 1)
    assert_exemplars(index, before, -1)


def test_both_ends_and_states(tmp_path):
    build_index(
        build_config(
            tmp_path / "index", subject="python:tests.nets:signs", layers=("units",), exemplars=4, batch_size=40
        )
    )
    index = Index.open(tmp_path / "index")
    state = {str(index.neurons.id(row)): STATES[index.neurons.state[row]].value for row in range(len(index.neurons))}
    assert state["units/0"] == "always_on"
    assert state["units/0-"] == "dead"
    assert state["units/1"] == "dead", "a neuron with only negative activations has no positive exemplars"
    assert state["units/1-"] == "always_on"
    assert state["units/2"] in {"alive", "always_on"}
    assert state["units/3"] == state["units/3-"] == "dead"
    assert state["units/4"] == "dead", "constant"
    assert state["units/5"] in {"few_samples", "alive"}
    dead = index.neurons.row(index.neurons.id([n for n, s in enumerate(state.values()) if s == "dead"][0]))
    assert index.exemplars(dead).num_rows == 0
    assert not index.concept_vectors[dead].any()


def test_train_mode_changes_nothing(tmp_path, monkeypatch):
    subject = SUBJECTS.load("python:tests.nets:in_training_mode")
    subject.module.train()
    before = {name: value.clone() for name, value in subject.module.state_dict().items()}
    monkeypatch.setattr(SUBJECTS, "load", lambda *_a, **_k: subject)
    build_index(
        build_config(tmp_path / "trained", subject="python:tests.nets:in_training_mode", exemplars=5, classes=True)
    )
    assert subject.module.training
    assert subject.module.norm.training
    for name, value in subject.module.state_dict().items():
        assert torch.equal(value, before[name]), name
    monkeypatch.undo()
    build_index(build_config(tmp_path / "plain", exemplars=5, classes=True))
    a, b = Index.open(tmp_path / "trained"), Index.open(tmp_path / "plain")
    np.testing.assert_array_equal(a.concept_vectors, b.concept_vectors)


def test_ranking_is_float32(tmp_path):
    build_index(
        build_config(
            tmp_path / "index", subject="python:tests.nets:nearly_equal", layers=("units",), exemplars=10, batch_size=40
        )
    )
    dataset = DATASETS.load("lesions:40,seed=901")
    exact = activations_of("python:tests.nets:nearly_equal", "units", dataset, lambda o: o[0].numpy())
    assert len(np.unique(exact[:, 0])) > 5
    assert len(np.unique(torch.from_numpy(exact[:, 0]).bfloat16().float().numpy())) == 1
    assert_exemplars(Index.open(tmp_path / "index"), exact)


def test_ties_go_to_the_first_key(tmp_path):
    build_index(
        build_config(
            tmp_path / "index",
            subject="python:tests.nets:half_precision",
            layers=("units",),
            exemplars=10,
            batch_size=9,
        )
    )
    dataset = DATASETS.load("lesions:40,seed=901")
    coarse = activations_of("python:tests.nets:half_precision", "units", dataset, lambda o: o[0].numpy())
    assert len(np.unique(coarse[:, 0])) < len(coarse)
    assert_exemplars(Index.open(tmp_path / "index"), coarse)


def save_lesions(folder, count):
    folder.mkdir(parents=True)
    dataset = DATASETS.load(f"lesions:{count},seed=901")
    for number in range(count):
        dataset.load(number).save(folder / f"{number:03d}.png")


def test_duplicates_count_once(tmp_path):
    save_lesions(tmp_path / "once", 12)
    save_lesions(tmp_path / "twice", 12)
    for path in sorted((tmp_path / "twice").iterdir()):
        path.with_name(path.stem + "-copy.png").write_bytes(path.read_bytes())
    build_index(build_config(tmp_path / "a", dataset=f"folder:{tmp_path / 'once'}", exemplars=5))
    build_index(build_config(tmp_path / "b", dataset=f"folder:{tmp_path / 'twice'}", exemplars=5))
    a, b = Index.open(tmp_path / "a"), Index.open(tmp_path / "b")
    assert b.manifest.dataset.duplicates == 12
    assert b.samples["duplicate_of"].notna().sum() == 12
    np.testing.assert_allclose(a.concept_vectors, b.concept_vectors, atol=1e-5)
    for row in range(len(a.neurons)):
        keys = b.samples["key"].iloc[b.exemplars(row)["sample"].to_pylist()].tolist()
        assert len(set(keys)) == len(keys)
        assert not {key.removesuffix("-copy.png") for key in keys if "copy" in key} & {
            key.removesuffix(".png") for key in keys if "copy" not in key
        }


def test_more_exemplars_than_samples(tmp_path):
    build_index(build_config(tmp_path / "index", dataset="lesions:6,seed=901", exemplars=50))
    index = Index.open(tmp_path / "index")
    assert index.neurons.exemplar_count.max() <= 6
    assert {STATES[number].value for number in index.neurons.state} <= {"dead", "few_samples", "always_on"}
    assert np.isnan(index.neurons.clarity).all()


def test_one_neuron_and_one_exemplar(tmp_path):
    build_index(build_config(tmp_path / "index", subject="python:tests.nets:one_neuron", layers=("norm",), exemplars=1))
    index = Index.open(tmp_path / "index")
    assert len(index.neurons) == 2, "both ends of one neuron"
    assert np.isnan(index.neurons.clarity).all()
    assert index.neurons.exemplar_count.tolist() == [1, 1]


def test_no_foundation_pass_but_for_distinct_exemplars(tmp_path, monkeypatch):
    from indexer.foundation_models.open_clip import OpenClipModel

    passed = []
    real = OpenClipModel.embed_images
    monkeypatch.setattr(
        OpenClipModel, "embed_images", lambda self, images: (passed.append(len(images)), real(self, images))[1]
    )
    build_index(build_config(tmp_path / "index", layers=("act", "conv"), exemplars=3))
    index = Index.open(tmp_path / "index")
    distinct = {sample for row in range(len(index.neurons)) for sample in index.exemplars(row)["sample"].to_pylist()}
    assert sum(passed) == len(distinct) == len(index.exemplar_vectors) < 40


@pytest.mark.parametrize(
    ("name", "layer", "said"),
    [("not_finite", "units", "not finite"), ("mixed_batch", "units", "batch"), ("unused_layer", "spare", "not called")],
)
def test_subjects_that_cannot_be_read_are_refused(tmp_path, name, layer, said):
    with pytest.raises(SubjectFault, match=said):
        build_index(build_config(tmp_path / "index", subject=f"python:tests.nets:{name}", layers=(layer,)))
    assert not list(tmp_path.iterdir()), "nothing half-written"


def test_unreadable_images_are_skipped_counted_and_named(tmp_path):
    save_lesions(tmp_path / "images", 10)
    (tmp_path / "images" / "003.png").write_bytes(b"no picture")
    build_index(build_config(tmp_path / "index", dataset=f"folder:{tmp_path / 'images'}", exemplars=3))
    index = Index.open(tmp_path / "index")
    assert index.manifest.dataset.unreadable == ("003.png",)
    assert index.samples["unreadable"].notna().sum() == 1
    assert np.isnan(index.logits[3]).all()
    assert not np.isnan(np.delete(index.logits, 3, axis=0)).any()


def test_strict_refuses_them(tmp_path):
    save_lesions(tmp_path / "images", 4)
    (tmp_path / "images" / "003.png").write_bytes(b"no picture")
    config = build_config(tmp_path / "index", dataset=f"folder:{tmp_path / 'images'}")
    config = config.model_copy(update={"dataset": config.dataset.model_copy(update={"strict": True})})
    with pytest.raises(DatasetFault, match=r"003\.png"):
        build_index(config)
