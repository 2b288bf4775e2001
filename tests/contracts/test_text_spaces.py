"""What every foundation model of texts alone keeps to."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from PIL import Image  # noqa: E402

from indexer.catalogue import FOUNDATION_MODELS  # noqa: E402
from indexer.errors import InvalidInput  # noqa: E402
from indexer.foundation_models.snippets import Snippet, embed_snippets  # noqa: E402
from tests.unit.indexer.foundation_models.test_sentence import write  # noqa: E402

TEXTS = ["", " ", "import statement", "closing bracket ) of a call", "melanoma", "naïve ü 犬 \ud800", "x " * 3000]
SNIPPETS = [
    Snippet("", "", ""),
    Snippet("import ", "os", "\n"),
    Snippet("def f(a", ")", ":\n    return a\n"),
    Snippet("x = 1\n" * 500, " import", " y" * 900),
    Snippet("# \ufffd é 犬 ", "\ud800", "\x00\t\r"),
    Snippet("", "\n        ", ""),
    Snippet("a", "b" * 5000, "c"),
]


@pytest.fixture(scope="module", params=["tiny-code", "sentence"])
def spec(request, tmp_path_factory):
    if request.param == "tiny-code":
        return "tiny-code"
    return f"sentence:{write(tmp_path_factory.mktemp('sentence') / 'model')}"


@pytest.fixture(scope="module")
def model(spec):
    return FOUNDATION_MODELS.load(spec)


def test_rows_are_float32_of_length_one(model):
    for rows, count in ((embed_snippets(model, SNIPPETS), len(SNIPPETS)), (model.embed_texts(TEXTS), len(TEXTS))):
        assert rows.dtype == np.float32
        assert rows.shape == (count, model.space.dimension)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_nothing_in_nothing_out(model):
    assert model.embed_texts([]).shape == embed_snippets(model, []).shape == (0, model.space.dimension)


def test_a_row_does_not_depend_on_its_neighbours(model):
    for embed, given in ((model.embed_texts, TEXTS * 40), (lambda each: embed_snippets(model, each), SNIPPETS * 40)):
        alone = np.concatenate([embed([each]) for each in given[: len(given) // 40]] * 40)
        np.testing.assert_allclose(embed(given), alone, atol=1e-5)


def test_images_are_refused(model):
    with pytest.raises(InvalidInput, match="embeds texts, not images"):
        model.embed_images([Image.new("RGB", (8, 8))])


def test_a_second_load_is_the_same_space(spec, model):
    assert FOUNDATION_MODELS.load(spec).space == model.space
    assert model.space.name == spec


def test_torch_keeps_its_settings(spec):
    before = (torch.get_num_threads(), torch.is_grad_enabled(), torch.random.get_rng_state().tolist())
    FOUNDATION_MODELS.load(spec).embed_texts(["dog"])
    assert (torch.get_num_threads(), torch.is_grad_enabled(), torch.random.get_rng_state().tolist()) == before
