"""The subjects' architecture: four plain blocks, global average pooling, a linear head."""

from collections import OrderedDict

import numpy as np
import torch
from PIL import Image
from torch import nn

SIZE = 64
"""Side of the picture the nets look at."""

WIDTHS = (24, 40, 72, 96)
"""Neurons of block1 to block4."""


class LesionNet(nn.Module):
    """Pictures [n, 3, 64, 64] to logits [n, 2], benign then malignant; the output of each block is after its ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = _block(3, WIDTHS[0], kernels=(5,))
        self.block2 = _block(WIDTHS[0], WIDTHS[1], kernels=(3, 3))
        self.block3 = _block(WIDTHS[1], WIDTHS[2], kernels=(3, 3))
        self.block4 = _block(WIDTHS[2], WIDTHS[3], kernels=(3, 3))
        self.head = nn.Linear(WIDTHS[3], 2)
        _make_sparse(self.block4.get_submodule("norm2"))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of pictures."""
        return self.after("", images)

    def until(self, layer: str, images: torch.Tensor) -> torch.Tensor:
        """Activation maps [n, neurons, height, width] of one block."""
        for name in _BLOCKS[: _BLOCKS.index(layer) + 1]:
            images = self.get_submodule(name)(images)
        return images

    def after(self, layer: str, activations: torch.Tensor) -> torch.Tensor:
        """Logits from the activation maps of one block; from pictures when the layer is ''."""
        for name in _BLOCKS[_BLOCKS.index(layer) + 1 if layer else 0 :]:
            activations = self.get_submodule(name)(activations)
        logits: torch.Tensor = self.head(activations.mean(dim=(2, 3)))
        return logits


def preprocess(image: Image.Image) -> torch.Tensor:
    """A picture as the nets want it: RGB, 64 × 64, -1 to 1, [3, 64, 64]."""
    if image.size != (SIZE, SIZE):
        image = image.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    return scaled(torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1))


def scaled(pixels: torch.Tensor) -> torch.Tensor:
    """Bytes 0 to 255 as floats -1 to 1."""
    return pixels.float() / 127.5 - 1


_BLOCKS = ("block1", "block2", "block3", "block4")


SHIFT = -1.0
"""Of the last normalisation, in standard deviations: a neuron of block4 is silent at five places of six."""


def _make_sparse(norm: nn.Module) -> None:
    """Fix the normalisation's scale and shift, so that each neuron stays quiet unless there is something to tell."""
    nn.init.constant_(norm.get_parameter("bias"), SHIFT)
    for weight in norm.parameters():
        weight.requires_grad = False


def _block(inputs: int, outputs: int, *, kernels: tuple[int, ...]) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, kernel in enumerate(kernels, start=1):
        stride = 2 if number == 1 else 1
        layers[f"conv{number}"] = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
        layers[f"norm{number}"] = nn.BatchNorm2d(outputs)
        layers[f"relu{number}"] = nn.ReLU()
        inputs = outputs
    return nn.Sequential(layers)
