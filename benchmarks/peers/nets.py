"""Small subjects with one habit each, for `python:benchmarks.peers.nets:NAME`; layer `units` is the one that is read.

All give maps [batch, neurons, rows, columns], as the peer's default aggregation asks. Seed 28 of the weights is one
with which bfloat16 still tells the exemplars of `plain` apart, so that each case shows one fault.
"""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import nn

Made = tuple[nn.Module, Callable[[Image.Image], torch.Tensor]]


def pixels(image: Image.Image) -> torch.Tensor:
    """[3, 16, 16] in [0, 1]."""
    return torch.from_numpy(np.asarray(image.resize((16, 16))).copy()).permute(2, 0, 1).float() / 255


def dimmed(image: Image.Image) -> torch.Tensor:
    """Another preprocessing: the same pixels, their colours swapped and darker."""
    return 0.5 * pixels(image).flip(0)


class Net(nn.Module):
    """Convolution → `habit` → `units` → convolution → `later` → linear head."""

    def __init__(self, width: int = 12, seed: int = 28, habit: nn.Module | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first = nn.Conv2d(3, width, 5, stride=3)
            self.habit = habit or nn.Identity()
            self.units = nn.ReLU()
            self.second = nn.Conv2d(width, 12, 3)
            self.later = nn.ReLU()
            self.head = nn.Linear(12, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[batch, 2] logits."""
        maps = self.units(self.habit(self.first(images)))
        logits: torch.Tensor = self.head(self.later(self.second(maps)).mean((2, 3)))
        return logits


class Function(nn.Module):
    """A module of a function of its input."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """As the function says."""
        return self.function(maps)


class CalledTwice(Net):
    """`first` sees the image and its negative in one forward pass."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[batch, 2] logits."""
        maps = self.units(self.first(images)) + self.units(self.first(1 - images))
        logits: torch.Tensor = self.head(self.later(self.second(maps)).mean((2, 3)))
        return logits


def plain() -> Made:
    """Nothing special."""
    return Net().eval(), pixels


def other_weights() -> Made:
    """The architecture of `plain` with other weights."""
    return Net(seed=29).eval(), pixels


def other_preprocessing() -> Made:
    """The weights of `plain` behind another preprocessing."""
    return Net().eval(), dimmed


def signed() -> Made:
    """Activations of both signs."""
    net = Net()
    net.units = nn.Identity()
    return net.eval(), pixels


def only_negative() -> Made:
    """The second half of the neurons never is above −0.1."""
    net = Net()
    net.units = Function(lambda maps: torch.cat([maps[:, :6].relu(), -maps[:, 6:].relu() - 0.1], dim=1))
    return net.eval(), pixels


def rarely_active() -> Made:
    """Each neuron has a higher threshold than the one before: from all samples active to none."""
    net = Net()
    thresholds = torch.linspace(0.35, 0.85, 12)[:, None, None]
    net.first = nn.Conv2d(3, 12, 5, stride=3, bias=False)
    net.first.weight.data.fill_(1 / 75)
    net.habit = Function(lambda maps: maps.mean((2, 3), keepdim=True).expand_as(maps) - thresholds.to(maps.dtype))
    return net.eval(), pixels


def nearly_equal() -> Made:
    """Activations near 16 whose differences bfloat16 (steps of 1/8) rounds away, and float32 does not."""
    net = Net()
    net.units = Function(lambda maps: 16 + 0.1 * maps)
    return net.eval(), pixels


def wide() -> Made:
    """Two thousand neurons."""
    return Net(width=2048).eval(), pixels


def in_training_mode() -> Made:
    """Batch normalisation, left in the mode in which constructors leave their modules."""
    return Net(habit=nn.BatchNorm2d(12)).train(), pixels


def called_twice() -> Made:
    """A module that one forward pass calls twice."""
    return CalledTwice().eval(), pixels


def not_finite() -> Made:
    """Overflows on the brighter images."""
    net = Net()
    net.units = Function(lambda maps: torch.exp(300 * (maps - maps.mean((1, 2, 3), keepdim=True))))
    return net.eval(), pixels


def always_on(width: int = 12) -> Made:
    """Every neuron is active on every sample, so that each has a concept vector."""
    net = Net(width)
    net.units = nn.Sigmoid()
    return net.eval(), pixels


def as_wide_as_tiny_clip() -> Made:
    """As many neurons as tiny-clip has dimensions."""
    return always_on(128)


def eight() -> Made:
    """As many neurons as a short list has words."""
    return always_on(8)
