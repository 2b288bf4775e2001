"""Small convolutional nets that call a lesion benign or malignant, trained by the project, with known faults.

`clean` looks at the lesion. Each `shortcut-…` was trained where that artefact goes with malignant and relies on it.
`encode-only` was made to encode the patch without using it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import MissingExtra, SubjectFault, UnknownName

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from indexer.subjects.lesion_nets.network import LesionNet

NAMES = ("clean", "shortcut-patch", "shortcut-ruler", "shortcut-ink", "encode-only")
CLASS_NAMES = ("benign", "malignant")
LAYERS = ("block1", "block2", "block3", "block4")
"""Layers whose neurons can be inspected, from the picture to the head."""

_FOLDER = Path(__file__).parent / "weights"


def load(name: str) -> tuple["LesionNet", Callable[["Image.Image"], "torch.Tensor"], tuple[str, ...]]:
    """The net in eval mode, its preprocessing (picture to float tensor [3, 64, 64]) and its class names."""
    if name not in NAMES:
        raise UnknownName("lesion subject", name, NAMES)
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError as missing:
        hint = "pip install 'lens[models]'"
        raise MissingExtra(f"A lesion subject needs {missing.name!r}.", hint=hint) from missing
    from indexer.subjects.lesion_nets.network import LesionNet, preprocess

    file = weights_file(name)
    try:
        weights = load_file(file)
    except (OSError, ValueError) as fault:
        raise SubjectFault(f"The weights of lesion subject {name!r} cannot be read: {fault}.") from fault
    net = LesionNet()
    net.load_state_dict(weights)
    return net.eval(), preprocess, CLASS_NAMES


def weights_file(name: str) -> Path:
    """Where the weights of a subject lie."""
    return _FOLDER / f"{name}.safetensors"
