"""Fingerprints of a module and of what prepares its input, for manifests and caches."""

import hashlib
import json
import re
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from indexer.errors import SubjectFault
from indexer.subjects.inputs import parts_of

if TYPE_CHECKING:
    import torch

    from indexer.subjects.subject import Preprocess
    from indexer.subjects.text_subject import TextSubject

PROBES = ((320, 240), (150, 210))
"""Width and height of the synthetic images: one is shrunk by the usual 224 pixels, one is enlarged."""


def module_digest(module: "torch.nn.Module") -> str:
    """sha256 over the architecture as printed and every parameter and buffer (name, dtype, shape, bytes)."""
    import torch

    digest = hashlib.sha256(re.sub(r" at 0x[0-9a-f]+", "", repr(module)).encode())
    tensors = {**dict(module.named_buffers(remove_duplicate=False)), **module.state_dict()}
    for name, tensor in sorted(tensors.items()):
        if isinstance(tensor, torch.Tensor):
            digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
            digest.update(_bytes(tensor))
        else:
            digest.update(f"\0{name}\0{tensor!r}\0".encode())
    return digest.hexdigest()


def preprocess_digest(preprocess: "Preprocess") -> str:
    """sha256 over what comes out for two synthetic images; raises SubjectFault when it differs from call to call."""
    first, second = _run(preprocess), _run(preprocess)
    if first != second:
        raise SubjectFault(
            "The preprocessing gives another result each time it sees the same image.",
            hint="Use the transform for evaluation: no random crops, flips or colour changes.",
        )
    return first


def reading_digest(subject: "TextSubject") -> str:
    """sha256 over how a text becomes a subject's input: its tokens, what stands around them, and how many fit."""
    tokenizer = subject.tokenizer
    pieces = [piece.hex() for piece in tokenizer.pieces]
    around = [sorted(tokenizer.special), tokenizer.prefix, tokenizer.suffix, tokenizer.mask, subject.context]
    return hashlib.sha256(json.dumps([tokenizer.stored(), pieces, around], separators=(",", ":")).encode()).hexdigest()


def probe_images() -> list[Image.Image]:
    """Two images without randomness that hold slopes, edges and fine grain in every channel."""
    return [_pattern(width, height) for width, height in PROBES]


def _pattern(width: int, height: int) -> Image.Image:
    row, column = np.mgrid[0:height, 0:width].astype(np.int64)
    grain = ((row * 40503 + column * 30011) * 2654435761 >> 13) & 63
    slope = (row * 160 // height) + grain // 4
    squares = ((row // 19 + column // 23) % 2) * 190 + grain
    across = (column * 192 // width) + grain
    return Image.fromarray(np.stack([slope, squares, across], axis=-1).astype(np.uint8))


def _run(preprocess: "Preprocess") -> str:
    import torch

    digest = hashlib.sha256()
    for image in probe_images():
        for name, value in sorted(parts_of(preprocess(image)), key=lambda part: part[0]):
            tensor = torch.as_tensor(value).detach()
            tensor = tensor.to(torch.float32) if not name or tensor.is_floating_point() else tensor
            digest.update(f"\0{name}{tuple(tensor.shape)}\0".encode())
            digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: "torch.Tensor") -> bytes:
    """The values in row-major order; through uint8, because numpy knows no bfloat16."""
    import torch

    return tensor.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
