"""Every foundation model adapter keeps the contract of `indexer/foundation_models/foundation_model.py`."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")

from safetensors.torch import save_file  # noqa: E402

from indexer.catalogue import FOUNDATION_MODELS  # noqa: E402
from indexer.errors import InvalidInput  # noqa: E402
from indexer.foundation_models.foundation_model import FoundationModel  # noqa: E402
from indexer.subjects.digests import probe_images  # noqa: E402
from indexer.weights import PICKLES  # noqa: E402

DATA = Path(os.environ.get("LENS_DATA", Path(__file__).parents[2] / "../shared/data"))
MICRO = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 64, "head_width": 32, "layers": 2},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
TEXTS = [
    "",
    "dog",
    "a photo of a dog",
    "the ruler beside an irregular, dark brown lesion with hair",
    "naïve ü 犬",
    "x " * 200,
]


@pytest.fixture(scope="module", params=["micro", "tiny-clip", "local_clip"])
def spec(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "tiny-clip":
        return "tiny-clip"
    if request.param == "local_clip":
        if not (DATA / "local_clip").is_dir():
            pytest.skip(f"No local_clip: LENS_DATA is not set and {DATA} is absent.")
        return f"open_clip:local-dir:{DATA / 'local_clip'}"
    return f"open_clip:local-dir:{_micro(tmp_path_factory.mktemp('micro'))}"


def _micro(folder: Path) -> Path:
    torch.manual_seed(0)
    save_file(open_clip.CLIP(**MICRO).state_dict(), folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": MICRO, "preprocess_cfg": {}}))
    return folder


@pytest.fixture(scope="module")
def model(spec: str) -> FoundationModel:
    loaded: FoundationModel = FOUNDATION_MODELS.load(spec)
    return loaded


def test_rows_are_float32_of_length_one(model: FoundationModel) -> None:
    for rows, count in ((model.embed_images(probe_images()), 2), (model.embed_texts(TEXTS), len(TEXTS))):
        assert rows.dtype == np.float32
        assert rows.shape == (count, model.space.dimension)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_nothing_in_nothing_out(model: FoundationModel) -> None:
    assert model.embed_images([]).shape == (0, model.space.dimension)
    assert model.embed_texts([]).shape == (0, model.space.dimension)


def test_an_image_does_not_depend_on_its_neighbours(model: FoundationModel) -> None:
    images = [image.rotate(turn) for turn in (0, 90) for image in probe_images()]
    alone = np.concatenate([model.embed_images([image]) for image in images])
    np.testing.assert_allclose(model.embed_images(images), alone, atol=1e-5)


def test_a_text_does_not_depend_on_its_neighbours(model: FoundationModel) -> None:
    texts = [f"{text} {number}" for number in range(7) for text in TEXTS]
    together = model.embed_texts(texts)
    alone = np.concatenate([model.embed_texts([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_trimmed_text_lies_where_the_full_context_puts_it(model: FoundationModel) -> None:
    with torch.inference_mode():
        full = torch.nn.functional.normalize(model.module.encode_text(model.tokenizer(TEXTS)), dim=-1)
    np.testing.assert_allclose(model.embed_texts(TEXTS), full.numpy(), atol=1e-5)


def test_a_second_load_is_the_same_space(spec: str, model: FoundationModel) -> None:
    again: FoundationModel = FOUNDATION_MODELS.load(spec)
    assert again.space == model.space
    assert again.space.name == spec
    assert len(again.space.digest) == 64


def test_torch_keeps_its_settings(spec: str) -> None:
    before = (torch.get_num_threads(), torch.is_grad_enabled(), torch.random.get_rng_state().tolist())
    FOUNDATION_MODELS.load(spec).embed_texts(["dog"])
    assert (torch.get_num_threads(), torch.is_grad_enabled(), torch.random.get_rng_state().tolist()) == before


@pytest.mark.parametrize("ending", sorted(PICKLES))
def test_no_foundation_model_is_unpickled_unasked(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"weights{ending}").write_bytes(b"anything")
    with pytest.raises(InvalidInput, match="is a pickle"):
        FOUNDATION_MODELS.load(f"open_clip:ViT-B-32/{tmp_path / 'weights'}{ending}")
