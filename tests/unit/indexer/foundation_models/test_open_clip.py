"""`open_clip:` arguments, where weights come from, and how each failure reads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")

from PIL import Image  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

import indexer.foundation_models.open_clip as adapter  # noqa: E402
from indexer.errors import InvalidInput, Unavailable, UnknownName  # noqa: E402
from indexer.foundation_models.open_clip import load, load_tiny  # noqa: E402

MICRO = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "head_width": 32, "layers": 1},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
SETTINGS = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5], "resize_mode": "squash"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A local-dir of a micro CLIP."""
    _config(tmp_path, {"model_cfg": MICRO, "preprocess_cfg": SETTINGS})
    save_file(_micro().state_dict(), tmp_path / "open_clip_model.safetensors")
    return tmp_path


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> str:
    """The micro CLIP as an architecture that open_clip knows by name, with two published tags."""
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-micro", MICRO)
    tag = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "interpolation": "bicubic", "resize_mode": "squash"}
    tags = {"one": {**tag, "quick_gelu": True, "hf_hub": "org/name/"}, "two": tag}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "ViT-micro", tags)
    return "ViT-micro"


def _micro(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return open_clip.CLIP(**json.loads(json.dumps(MICRO)))


def _config(folder: Path, config: object) -> None:
    (folder / "open_clip_config.json").write_text(json.dumps(config))


def test_folder_keeps_weights_and_image_settings(folder: Path) -> None:
    model = load(f"local-dir:{folder}")
    assert torch.equal(model.module.positional_embedding, _micro().positional_embedding)
    white = model.preprocess(Image.new("RGB", (40, 60), "white"))
    np.testing.assert_allclose(white[:, 0, 0], [1.8, 1.6, 1.4], atol=1e-5)
    assert not model.module.training
    assert not any(each.requires_grad for each in model.module.parameters())


def test_space_follows_weights_and_settings(folder: Path) -> None:
    before = load(f"local-dir:{folder}").space.digest
    _config(folder, {"model_cfg": MICRO, "preprocess_cfg": {}})
    settings = load(f"local-dir:{folder}").space.digest
    save_file(_micro(1).state_dict(), folder / "open_clip_model.safetensors")
    assert len({before, settings, load(f"local-dir:{folder}").space.digest}) == 3


def test_file_of_a_known_architecture(known: str, folder: Path) -> None:
    file = folder / "open_clip_model.safetensors"
    model = load(f"{known}/{file}")
    assert torch.equal(model.module.positional_embedding, _micro().positional_embedding)
    assert model.space.name == f"open_clip:{known}/{file}"
    assert model.preprocess(Image.new("RGB", (40, 60), "white")).unique().tolist() == [1.0]


def test_random_is_seeded(known: str) -> None:
    first = load(f"{known}/random")
    torch.manual_seed(5)
    assert load(f"{known}/random").space == first.space


def test_the_tag_decides_the_activation(known: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    fetched = str(folder / "open_clip_model.safetensors")
    monkeypatch.setattr(open_clip.factory, "download_pretrained", lambda *_, **__: fetched)
    kinds = {type(part).__name__ for part in load(f"{known}/one").module.modules()}
    assert "QuickGELU" in kinds


def test_many_images_keep_their_order(folder: Path) -> None:
    model = load(f"local-dir:{folder}")
    images = [Image.new("RGB", (40, 40), (7 * number, 90, 0)) for number in range(34)]
    alone = np.concatenate([model.embed_images([image]) for image in images])
    np.testing.assert_allclose(model.embed_images(images), alone, atol=1e-5)


def test_long_texts_are_cut_and_vocabularies_keep_their_order(folder: Path) -> None:
    model = load(f"local-dir:{folder}")
    texts = [f"{'word ' * (number % 14)}{number}" for number in range(70)]
    alone = np.concatenate([model.embed_texts([text]) for text in texts])
    np.testing.assert_allclose(model.embed_texts(texts), alone, atol=1e-5)


def test_short_texts_run_short(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(
        adapter, "encode_texts", lambda _, tokens: seen.append(tokens.shape[1]) or torch.ones(len(tokens), 24)
    )
    load(f"local-dir:{folder}").embed_texts(["dog", "a dog"])
    assert seen == [2, 4]


def test_own_tokenizer(folder: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<pad>": 0, "dog": 5}, unk_token="<pad>"))
    words.save(str(folder / "tokenizer.json"))
    model = load(f"local-dir:{folder}")
    assert model.tokenizer(["dog"]).tolist() == [[5] + [0] * 11]


@pytest.mark.parametrize("ending", ["bin", "pt"])
def test_pickles_need_trust(folder: Path, known: str, ending: str) -> None:
    (folder / "open_clip_model.safetensors").unlink()
    file = folder / f"open_clip_pytorch_model.{ending}"
    torch.save(_micro().state_dict(), file)
    for argument in (f"local-dir:{folder}", f"{known}/{file}"):
        with pytest.raises(InvalidInput, match="unpickling runs code") as fault:
            load(argument)
        assert "--trust-pickle" in fault.value.hint
        load(argument, trust_pickle=True)


@pytest.mark.parametrize(
    ("argument", "near"),
    [("ViT-B32/openai", "'ViT-B-32'"), ("ViT-B-32/laion2b_s34b_b79", "'laion2b_s34b_b79k'")],
    ids=["model", "tag"],
)
def test_unknown_names(argument: str, near: str) -> None:
    with pytest.raises(UnknownName) as fault:
        load(argument)
    assert near in fault.value.hint


def test_incomplete_arguments() -> None:
    with pytest.raises(InvalidInput, match="needs a model"):
        load("")
    with pytest.raises(InvalidInput, match="names no weights") as fault:
        load("ViT-B-32")
    assert "openai" in fault.value.hint
    with pytest.raises(InvalidInput, match="takes no argument"):
        load_tiny("x")


@pytest.mark.parametrize("argument", ["ViT-micro/one", "hf-hub:org/name"])
def test_no_hub(known: str, monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(open_clip.factory, "download_pretrained", fail)
    monkeypatch.setattr(open_clip.factory, "download_pretrained_from_hf", fail)
    with pytest.raises(Unavailable, match=f"open_clip:{argument} could not be fetched: .*no connection") as fault:
        load(argument)
    assert "local-dir:FOLDER" in fault.value.hint


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{", "cannot be read"),
        ("{}", "cannot be read: 'model_cfg'"),
        ('{"model_cfg": {"text_cfg": {"layerz": 1}, "vision_cfg": {}, "embed_dim": 3}}', "cannot be set up.*layerz"),
    ],
)
def test_faulty_config(folder: Path, config: str, message: str) -> None:
    (folder / "open_clip_config.json").write_text(config)
    with pytest.raises(InvalidInput, match=message):
        load(f"local-dir:{folder}")


def test_faulty_folder(folder: Path) -> None:
    weights = folder / "open_clip_model.safetensors"
    with pytest.raises(InvalidInput, match="No folder at"):
        load(f"local-dir:{folder / 'no'}")
    weights.rename(folder / "a.safetensors")
    assert load(f"local-dir:{folder}")
    save_file(_micro().state_dict(), folder / "b.safetensors")
    with pytest.raises(InvalidInput, match="several weights: a.safetensors, b.safetensors"):
        load(f"local-dir:{folder}")
    for name in "ab":
        (folder / f"{name}.safetensors").unlink()
    with pytest.raises(InvalidInput, match="has no weights"):
        load(f"local-dir:{folder}")
    (folder / "open_clip_config.json").unlink()
    with pytest.raises(InvalidInput, match="has no open_clip_config.json"):
        load(f"local-dir:{folder}")


def test_weights_that_do_not_fit_or_are_cut_short(folder: Path, known: str) -> None:
    weights = folder / "open_clip_model.safetensors"
    state = _micro().state_dict()
    del state["ln_final.bias"]
    save_file(state, weights)
    with pytest.raises(InvalidInput, match=r"cannot be loaded into .*Missing key.*ln_final.bias"):
        load(f"local-dir:{folder}")
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(InvalidInput, match="cannot be loaded"):
        load(f"{known}/{weights}")
    with pytest.raises(InvalidInput, match="No weights at") as fault:
        load(f"{known}/{folder / 'open_clip_modle.safetensors'}")
    assert fault.value.hint == "Did you mean 'open_clip_model.safetensors'?"
