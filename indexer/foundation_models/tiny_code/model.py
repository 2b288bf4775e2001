"""`tiny-code`: the towers with their weights, as a foundation model of texts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file

from indexer.errors import InvalidInput
from indexer.foundation_models.foundation_model import EmbeddingSpace
from indexer.foundation_models.snippets import Snippet, no_images
from indexer.foundation_models.spaces import space_digest
from indexer.foundation_models.tiny_code import FOLDER, VOCABULARY, WEIGHTS
from indexer.foundation_models.tiny_code.network import WIDTH, Towers
from indexer.foundation_models.tiny_code.reading import Reader

NAME = "tiny-code"
BATCH = 256


class TinyCode:
    """Keeps the contract of FoundationModel, of texts alone."""

    text_only = True

    def __init__(self, towers: Towers, reader: Reader) -> None:
        self.towers = towers.float().eval().requires_grad_(requires_grad=False)
        self.reader = reader
        self.space = EmbeddingSpace(NAME, space_digest(towers, None, reader.texts), WIDTH)

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Raises InvalidInput: the space holds code and words."""
        raise no_images(NAME)

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[texts, dimension], unit rows: where descriptions of code lie."""
        rows = [self.towers.texts(self.reader.texts(texts[at : at + BATCH])) for at in range(0, len(texts), BATCH)]
        return _rows(rows)

    @torch.inference_mode()
    def embed_snippets(self, snippets: Sequence[Snippet]) -> NDArray[np.float32]:
        """[snippets, dimension], unit rows: where the pivots lie."""
        parts = [snippets[at : at + BATCH] for at in range(0, len(snippets), BATCH)]
        return _rows([self.towers.snippets(self.reader.snippets(part)) for part in parts])


def load(argument: str, *, trust_pickle: bool = False) -> TinyCode:
    """The embedded model; it takes no argument. Raises InvalidInput."""
    if argument:
        raise InvalidInput(f"'{NAME}' takes no argument, but got {argument!r}.", hint=f"Write {NAME}.")
    return of_folder(FOLDER)


def of_folder(folder: Path) -> TinyCode:
    """A model as its training leaves it; raises InvalidInput where it cannot be read."""
    try:
        reader, tensors = Reader.of(folder / VOCABULARY), load_file(folder / WEIGHTS)
        with torch.random.fork_rng(devices=[]):  # every weight is drawn before it is read
            towers = Towers(reader.size)
        towers.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except Exception as fault:  # each library has errors of its own
        raise InvalidInput(
            f"The weights of {NAME} cannot be read: {fault}.", hint="Install lens again, or train it anew."
        ) from fault
    return TinyCode(towers, reader)


def _rows(parts: list[torch.Tensor]) -> NDArray[np.float32]:
    rows: NDArray[np.float32] = torch.cat(parts).numpy() if parts else np.empty((0, WIDTH), dtype=np.float32)
    return rows
