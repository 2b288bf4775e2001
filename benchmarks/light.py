"""A subject, a foundation model and a dataset that cost next to nothing, so that what is measured is Lens."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.catalogue import FOUNDATION_MODELS, Entry
from indexer.datasets.dataset import Dataset
from indexer.domain.embeddings import normalise
from indexer.foundation_models.foundation_model import EmbeddingSpace

if TYPE_CHECKING:
    import torch

NAME = "benchmark-light:512"
_SIDE = 8


class LightModel:
    """Images by a random projection of their thumbnail, texts by their hash; counts what it embeds."""

    def __init__(self, argument: str = "512", *, trust_pickle: bool = False) -> None:
        dimension = int(argument)
        self.space = EmbeddingSpace(
            f"benchmark-light:{dimension}", hashlib.sha256(argument.encode()).hexdigest(), dimension
        )
        self._projection = np.random.default_rng(0).normal(size=(3 * _SIDE * _SIDE, dimension)).astype(np.float32)
        self.images = 0

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """[images, dimension], unit rows."""
        self.images += len(images)
        pixels = [np.asarray(image.resize((_SIDE, _SIDE)), dtype=np.float32).ravel() / 255 for image in images]
        return normalise(np.stack(pixels) @ self._projection)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[texts, dimension], unit rows."""
        rows = [_hashed(text).normal(size=self.space.dimension).astype(np.float32) for text in texts]
        return normalise(np.stack(rows))


def register(model: LightModel | None = None) -> LightModel:
    """Make `benchmark-light` known in this process; every load gives this same model."""
    shared = model or LightModel()
    LightModel.shared = shared  # type: ignore[attr-defined]
    FOUNDATION_MODELS.entries["benchmark-light"] = Entry("benchmarks.light:_shared", None, "benchmark-light:DIMENSION")
    return shared


def _shared(argument: str, *, trust_pickle: bool = False) -> LightModel:
    return LightModel.shared  # type: ignore[attr-defined, no-any-return]


def subject() -> "tuple[torch.nn.Module, object, tuple[str, ...]]":
    """One convolution of 64 channels and a linear head, on 64 px; for `python:benchmarks.light:subject`."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 64, 8, stride=8)
            self.act = torch.nn.ReLU()
            self.head = torch.nn.Linear(64, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            mean: torch.Tensor = self.act(self.conv(x)).mean((2, 3))
            logits: torch.Tensor = self.head(mean)
            return logits

    torch.manual_seed(0)
    return Net().eval(), _pixels, ("benign", "malignant")


def _pixels(image: Image.Image) -> "torch.Tensor":
    import torch

    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255


class Decoded:
    """The first samples of a dataset, decoded beforehand: the loader is then as cheap as it can be."""

    def __init__(self, dataset: Dataset, count: int, size: tuple[int, int] | None = None) -> None:
        chosen = np.linspace(0, len(dataset.keys) - 1, min(count, len(dataset.keys))).astype(int)
        self.keys = [dataset.keys[number] for number in chosen]
        self.metadata = dataset.metadata.iloc[chosen].reset_index(drop=True)
        loaded = [dataset.load(int(number)) for number in chosen]
        self._images = [image.resize(size) if size else image for image in loaded]

    def load(self, number: int) -> Image.Image:
        """A sample."""
        return self._images[number]

    def describe(self) -> dict[str, object]:
        """Where the samples come from."""
        return {"adapter": "decoded"}


def _hashed(text: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))
