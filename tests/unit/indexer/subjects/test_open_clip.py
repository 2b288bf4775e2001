"""A CLIP's image tower as subject: what foundation models make of the same images."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("open_clip")

from indexer.catalogue import FOUNDATION_MODELS, SUBJECTS  # noqa: E402
from indexer.collectors.shapes import layer_shapes  # noqa: E402
from indexer.errors import InvalidInput, UnknownName  # noqa: E402
from indexer.foundation_models.tiny_clip import FOLDER  # noqa: E402
from indexer.subjects.digests import probe_images  # noqa: E402
from indexer.subjects.layers import logits_of  # noqa: E402

NAME = f"open_clip:local-dir:{FOLDER}"


def test_the_tower_and_its_own_preprocess():
    subject = SUBJECTS.load(NAME)
    batch = torch.stack([subject.preprocess(image) for image in probe_images()])
    with torch.inference_mode():
        output = subject.module.eval()(batch)
    found = torch.nn.functional.normalize(output["image_embeds"], dim=-1).numpy()
    np.testing.assert_allclose(found, FOUNDATION_MODELS.load(NAME).embed_images(probe_images()), atol=1e-6)


def test_embeddings_are_no_logits():
    subject = SUBJECTS.load(NAME)
    assert logits_of(subject.module.eval()(torch.stack([subject.preprocess(probe_images()[0])]))) is None
    assert "relevance" in subject.notes[0] and subject.classes == ()


def test_its_layers_are_those_of_the_tower_alone():
    names = [each.name for each in layer_shapes(SUBJECTS.load(NAME))]
    assert names and not any(
        name.startswith(("visual", "transformer.resblocks.text", "token_embedding")) for name in names
    )


def test_random_weights_are_noted(monkeypatch):
    tiny = FOUNDATION_MODELS.load("tiny-clip")
    monkeypatch.setattr(FOUNDATION_MODELS, "load", lambda name, **_options: tiny)
    assert "random" in SUBJECTS.load("open_clip:RN50/random").notes[0]


@pytest.mark.parametrize(
    ("argument", "fault"), [("", InvalidInput), ("RN51/openai", UnknownName), ("RN50/opnai", UnknownName)]
)
def test_names_that_are_none(argument, fault):
    with pytest.raises(fault):
        SUBJECTS.load(f"open_clip:{argument}")
