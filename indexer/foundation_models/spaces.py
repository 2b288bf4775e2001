"""Names the space of a model by everything that decides where an image or a text lands in it."""

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

Preprocess = Callable[[Image.Image], torch.Tensor]
Tokenizer = Callable[..., torch.Tensor]
"""Texts to ids [texts, context]; those of open_clip take `context_length` too."""

SIZES = ((320, 240), (150, 210))
"""Width and height of the synthetic images: one is shrunk by the usual 224 pixels, one is enlarged."""

SENTENCES = ("", "a photo of a dog", "Melanoma, 12 mm: asymmetric — naïve ünïcode!", "one two three four five " * 40)


def space_digest(module: torch.nn.Module, preprocess: Preprocess | None, tokenizer: Tokenizer) -> str:
    """sha256 over weights, kinds of layers, two synthetic images as preprocessed, and the tokens of fixed sentences.

    A model of texts alone has no preprocessing, and shows no images.
    """
    digest = hashlib.sha256()
    for name, part in sorted(module.named_modules()):
        digest.update(f"\0{name}\0{type(part).__name__}".encode())  # an activation has no weights but another result
    _add(digest, {name: each for name, each in module.state_dict().items() if isinstance(each, torch.Tensor)})
    if preprocess is not None:
        _add(digest, {f"image {size}": preprocess(_pattern(*size)).float() for size in SIZES})
    _add(digest, {"tokens": tokenizer(list(SENTENCES))})
    return digest.hexdigest()


def _add(digest: "hashlib._Hash", tensors: dict[str, torch.Tensor]) -> None:
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        flat = tensor.detach().to("cpu").contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())  # through uint8: numpy knows no bfloat16


def _pattern(width: int, height: int) -> Image.Image:
    """Slopes, edges and grain, by arithmetic alone."""
    row, column = np.mgrid[0:height, 0:width]
    squares = (row // 19 + column // 23) % 2 * 255
    channels = [row * 255 // height, squares, (row * 31 + column * 57) % 256]
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
