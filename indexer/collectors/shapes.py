"""The layers of a subject, seen by running it once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from indexer.collectors.taps import evaluating, first_tensor
from indexer.errors import SubjectFault
from indexer.subjects.subject import Subject

_AXIS = {4: 1, 3: 2, 2: 1}


@dataclass(frozen=True)
class LayerShape:
    """A layer that can be indexed."""

    name: str
    kind: str
    """Class of the module."""
    shape: tuple[int, ...]
    """Of its output for one sample, without the batch axis."""
    units: int
    """Neurons it would give."""


def layer_shapes(subject: Subject) -> list[LayerShape]:
    """Run the subject on one synthetic image and note every module's output, in the order of the calls."""
    import torch

    found: dict[str, LayerShape] = {}
    handles = []
    for name, module in subject.module.named_modules():
        if name:
            handles.append(module.register_forward_hook(_note(found, name)))
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    try:
        with evaluating(subject.module), torch.inference_mode():
            subject.module(subject.preprocess(Image.fromarray(pixels))[None])
    finally:
        for handle in handles:
            handle.remove()
    return list(found.values())


def _note(found: dict[str, LayerShape], name: str) -> Any:  # noqa: ANN401
    def note(module: object, _inputs: object, output: object) -> None:
        try:
            shape = tuple(first_tensor(output, name).shape)
        except SubjectFault:
            return
        if len(shape) in _AXIS:
            found[name] = LayerShape(name, type(module).__name__, shape[1:], shape[_AXIS[len(shape)]])

    return note
