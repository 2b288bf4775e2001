"""A space has another digest when an image or a text could land elsewhere."""

from collections.abc import Sequence

import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402
from torch import nn  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

from indexer.foundation_models.spaces import space_digest  # noqa: E402


def _net(activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 3), activation())


def _prepare(image: Image.Image) -> torch.Tensor:
    tensor: torch.Tensor = v2.functional.to_dtype(
        v2.functional.to_image(image.resize((9, 9))), torch.float32, scale=True
    )
    return tensor


def _tokenize(texts: Sequence[str], shift: int = 0) -> torch.Tensor:
    return torch.tensor([[len(text) + shift] for text in texts])


def test_what_counts() -> None:
    weights = _net()
    with torch.no_grad():
        weights[0].bias[0] += 1e-6
    digests = [
        space_digest(_net(), _prepare, _tokenize),
        space_digest(weights, _prepare, _tokenize),
        space_digest(_net(nn.GELU), _prepare, _tokenize),
        space_digest(_net(), lambda image: _prepare(image) - 0.5, _tokenize),
        space_digest(_net(), _prepare, lambda texts: _tokenize(texts, 1)),
    ]
    assert len(set(digests)) == len(digests)


def test_what_does_not_count() -> None:
    assert space_digest(_net().eval(), _prepare, _tokenize) == space_digest(_net().train(), _prepare, _tokenize)
