"""`transformers:`: folders as save_pretrained leaves them, and what it says without a hub."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from PIL import Image  # noqa: E402

from indexer.collectors.taps import Taps  # noqa: E402
from indexer.errors import InvalidInput, SubjectFault  # noqa: E402
from indexer.interventions.edits import edited  # noqa: E402
from indexer.subjects.digests import module_digest, preprocess_digest, probe_images  # noqa: E402
from indexer.subjects.layers import logits_of  # noqa: E402
from indexer.subjects.transformers import load  # noqa: E402

SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48}
SIZE = {"image_size": 32, "patch_size": 8}


def named(count):
    return {"id2label": {n: f"kind {n}" for n in range(count)}, "label2id": {f"kind {n}": n for n in range(count)}}


CLASSIFIERS = {
    "vit": lambda: transformers.ViTForImageClassification(transformers.ViTConfig(**SIZE, **SMALL, **named(3))),
    "swin": lambda: transformers.SwinForImageClassification(
        transformers.SwinConfig(image_size=32, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4, **named(3))
    ),
    "convnext": lambda: transformers.ConvNextForImageClassification(
        transformers.ConvNextConfig(image_size=32, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], **named(3))
    ),
    "dinov2": lambda: transformers.Dinov2ForImageClassification(transformers.Dinov2Config(**SIZE, **SMALL, **named(3))),
    "clip": lambda: transformers.CLIPForImageClassification(
        transformers.CLIPConfig(text_config=dict(SMALL), vision_config={**SMALL, **SIZE}, **named(3))
    ),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder a model, saved by the library itself."""
    torch.manual_seed(3)
    kept = {}

    def folder(name, make=None, processor=True):
        if name not in kept:
            module = (make or CLASSIFIERS[name])().eval()
            path = tmp_path_factory.mktemp("saved") / name
            module.save_pretrained(path)
            if processor:
                transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(path)
            kept[name] = (path, module)
        return kept[name]

    return folder


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_of_a_folder(folders, name):
    path, module = folders(name)
    subject = load(str(path))
    assert subject.classes == ("kind 0", "kind 1", "kind 2")
    assert subject.notes == ()
    batch = torch.stack([subject.preprocess(image) for image in probe_images()])
    assert batch.dtype == torch.float32 and batch.shape == (2, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(logits_of(subject.module.eval()(batch)), module(pixel_values=batch).logits)


def test_preprocess_is_the_folders_own(folders):
    path, _ = folders("vit")
    image = Image.new("RGB", (50, 40), (255, 0, 0))
    assert load(str(path)).preprocess(image)[:, 0, 0].tolist() == [1.0, -1.0, -1.0]


def test_random_weights_are_seeded_and_noted(folders):
    path, _ = folders("vit")
    first, second = load(f"{path}/random"), load(f"{path}/random")
    assert module_digest(first.module) == module_digest(second.module) != module_digest(load(str(path)).module)
    assert preprocess_digest(first.preprocess) == preprocess_digest(load(str(path)).preprocess)
    assert "random" in first.notes[0] and first.classes == ()


def test_clips_vision_tower(folders):
    path, clip = folders(
        "whole clip",
        lambda: transformers.CLIPModel(
            transformers.CLIPConfig(text_config=dict(SMALL), vision_config={**SMALL, **SIZE})
        ),
    )
    subject = load(str(path))
    batch = torch.stack([subject.preprocess(image) for image in probe_images()])
    with torch.inference_mode():
        output = subject.module.eval()(batch)
        assert torch.equal(output.pooler_output, clip.vision_model(batch).pooler_output)
    assert logits_of(output) is None
    assert "no class logits" in subject.notes[0]


def test_a_tower_trained_without_classes_gets_no_random_pooler(folders):
    path, _ = folders("masked", lambda: transformers.ViTForMaskedImageModeling(transformers.ViTConfig(**SIZE, **SMALL)))
    assert not [name for name in load(str(path)).module.state_dict() if "pooler" in name]


def test_class_names_that_nobody_gave(folders):
    path, _ = folders(
        "unnamed", lambda: transformers.ViTForImageClassification(transformers.ViTConfig(**SIZE, **SMALL))
    )
    assert load(str(path)).classes == ()


def test_half_precision_is_loaded_in_full(folders, tmp_path):
    _, module = folders("vit")
    module.__class__(module.config).half().save_pretrained(tmp_path / "half")
    assert {each.dtype for each in load(str(tmp_path / "half")).module.parameters()} == {torch.float32}


def test_without_a_processor_images_are_prepared_at_the_models_size(folders):
    path, _ = folders("bare folder", CLASSIFIERS["vit"], processor=False)
    subject = load(str(path))
    assert subject.preprocess(Image.new("RGB", (50, 40))).shape == (3, 32, 32)
    assert "resized to 36 pixels" in subject.notes[0]


def test_weights_that_do_not_fill_the_model(folders, tmp_path):
    from safetensors.torch import load_file, save_file

    path, _ = folders("vit")
    for each in path.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    state = load_file(path / "model.safetensors")
    state.pop("classifier.weight")
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(SubjectFault, match="missing: classifier.weight"):
        load(str(tmp_path))


def test_another_number_of_classes_than_in_the_config(folders, tmp_path):
    path, _ = folders("vit")
    for each in path.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    config = json.loads((path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "hidden_size": 16}))
    with pytest.raises(SubjectFault, match=r"mismatched: .*, …"):
        load(str(tmp_path))


def test_pickles_are_refused_unless_trusted(folders, tmp_path):
    path, module = folders("vit")
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((path / name).read_bytes())
    torch.save(module.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(SubjectFault, match="is a pickle") as fault:
        load(str(tmp_path))
    assert "--trust-pickle" in fault.value.hint
    assert module_digest(load(str(tmp_path), trust_pickle=True).module) == module_digest(load(str(path)).module)


def test_a_folder_without_weights(folders, tmp_path):
    path, _ = folders("vit")
    (tmp_path / "config.json").write_bytes((path / "config.json").read_bytes())
    with pytest.raises(InvalidInput, match="has no weights"):
        load(str(tmp_path))
    assert load(f"{tmp_path}/random").module


def test_models_of_sound_are_refused(folders):
    small = {"conv_dim": (8,), "conv_kernel": (3,), "conv_stride": (2,), "num_feat_extract_layers": 1, "vocab_size": 9}
    path, _ = folders("sound", lambda: transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**small, **SMALL)), False)
    with pytest.raises(SubjectFault, match="takes 'input_values', neither images nor texts"):
        load(str(path))


@pytest.mark.parametrize(
    ("argument", "said"),
    [("", "needs a model"), ("/no/such/folder/here", "No folder at"), ("./nothing", "No folder at")],
)
def test_what_is_no_model(argument, said):
    with pytest.raises(InvalidInput, match=said):
        load(argument)


def test_a_folder_of_something_else(tmp_path: Path):
    with pytest.raises(InvalidInput, match="has no config.json"):
        load(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SubjectFault, match="The config.json in '.*' cannot be read") as fault:
        load(str(tmp_path))
    assert "save_pretrained" in fault.value.hint


@pytest.mark.parametrize("name", ["model.safetensors", "preprocessor_config.json", "config.json"])
def test_files_cut_short(folders, tmp_path, name):
    path, _ = folders("vit")
    for each in path.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes()[: 40 if each.name == name else None])
    with pytest.raises(SubjectFault, match=f"The {'weights' if 'model' in name else name} in '.*' cannot be read"):
        load(str(tmp_path))


def test_no_hub(monkeypatch):
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(SubjectFault, match="transformers:org/none could not be fetched") as fault:
        load("org/none")
    assert "transformers:FOLDER" in fault.value.hint


def test_layers_that_return_outputs_of_the_library_can_be_read_and_edited(folders):
    path, _ = folders("vit")
    module = load(str(path)).module.eval()
    batch = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    taps = Taps(module, ["vit", "vit.layers.0"], "mean")
    with torch.inference_mode():
        before = logits_of(module(batch))
        read = taps.take(2)
        assert read["vit"][0].shape == (2, 32)
        with edited(module, {"vit": lambda output, _call: output * 0}):
            changed = logits_of(module(batch))
    taps.close()
    torch.testing.assert_close(changed, module.classifier.bias.expand(2, -1))
    assert not torch.allclose(changed, before)
