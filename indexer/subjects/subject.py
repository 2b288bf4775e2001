"""What a subject is: a torch module under inspection, with what turns an image into its input."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from PIL import Image

    Preprocess = Callable[[Image.Image], torch.Tensor]


@dataclass(frozen=True)
class Subject:
    """A model under inspection. Every adapter returns one; the pipeline puts it in eval mode and checks its layers."""

    name: str
    """As on the command line, e.g. `timm:resnet18`."""
    module: "torch.nn.Module"
    """Takes a batch float32 [batch, channels, height, width]; returns logits [batch, classes] where it classifies."""
    preprocess: "Preprocess"
    """One RGB PIL image → float tensor [channels, height, width], no batch axis."""
    classes: tuple[str, ...] = ()
    """Name of each output in order; empty when unknown."""
    notes: tuple[str, ...] = field(default=())
    """What the user should know of how it was loaded, e.g. that weights are random."""
