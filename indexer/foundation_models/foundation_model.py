"""One space for exemplars and words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class EmbeddingSpace:
    """Names a space: two indexes can be compared when their spaces' digests are equal."""

    name: str
    """The foundation model as on the command line."""
    digest: str
    """sha256 over weights (name, dtype, shape, bytes), the image preprocessing and the tokenizer."""
    dimension: int
    """Length of every vector."""


class FoundationModel(Protocol):
    """Embeds images and texts; every row returned is float32 and of length one."""

    space: EmbeddingSpace

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """[images, dimension]; an image's row does not depend on the others of the call (to 1e-5)."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[texts, dimension], each text tokenised at the length of the longest in the call; the empty text is legal."""
        ...
