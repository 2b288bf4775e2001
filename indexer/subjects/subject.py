"""What a subject is: a torch module under inspection, with what turns an image into its input."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from indexer.subjects.inputs import Prepared

    Preprocess = Callable[[Image.Image], Prepared]


@dataclass(frozen=True)
class Subject:
    """A model under inspection. Every adapter returns one; the pipeline puts it in eval mode and checks its layers."""

    name: str
    """As on the command line, e.g. `timm:resnet18`."""
    module: "torch.nn.Module"
    """Takes a batch float32 [batch, channels, height, width], or several inputs (`indexer/subjects/inputs.py`);
    returns logits [batch, classes] where it classifies, bare, first in a tuple or under `logits`."""
    preprocess: "Preprocess"
    """One RGB PIL image → float tensor [channels, height, width], or a mapping or tuple of tensors; no batch axis."""
    classes: tuple[str, ...] = ()
    """Name of each output in order; empty when unknown."""
    notes: tuple[str, ...] = field(default=())
    """What the user should know of how it was loaded, e.g. that weights are random."""
    batch: int | None = None
    """The most samples it takes at a time, None for any; larger batches run in pieces."""
