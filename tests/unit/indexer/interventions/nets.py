"""Subjects with habits that trip up hooks, and pictures to show them."""

from collections import namedtuple

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

from indexer.errors import DatasetFault
from indexer.progress import Silent
from indexer.subjects.subject import Subject

SIDE = 24
Pair = namedtuple("Pair", "values other")


class Shots:
    """Random pictures of several sizes; the numbers in `broken` cannot be read. Counts how often each is read."""

    def __init__(self, count=11, broken=()):
        self.keys = [f"shot-{number:02d}.png" for number in range(count)]
        self.metadata = pd.DataFrame(index=range(count))
        self.broken, self.reads = set(broken), []

    def load(self, number):
        self.reads.append(number)
        if number in self.broken:
            raise DatasetFault(f"Sample {self.keys[number]!r} cannot be read: it is torn.")
        rng = np.random.default_rng(number)
        small = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        return small.resize((40 + 7 * (number % 3), 48), Image.Resampling.BICUBIC)

    def describe(self):
        return {"adapter": "shots"}


class Diary(Silent):
    """Keeps the notes."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def preprocess(image):
    return torch.from_numpy(np.asarray(image.resize((SIDE, SIDE))).copy()).permute(2, 0, 1).float() / 255


def subject(module, name="test"):
    return Subject(name, module, preprocess)


def seeded(module):
    """Weights from a fixed seed, BatchNorm statistics that are not those of a fresh one; eval mode."""
    generator = torch.Generator().manual_seed(4)
    for value in [*module.parameters(), *module.buffers()]:
        if value.is_floating_point():
            value.data = torch.randn(value.shape, generator=generator) * 0.4
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.running_var.abs_().add_(0.5)
    return module.eval()


class Maps(nn.Module):
    """conv → norm → ReLU in place → conv → mean → head; dropout and BatchNorm tell train from eval mode."""

    def __init__(self, outputs=3):
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(inplace=True)
        self.deep, self.drop, self.head = nn.Conv2d(6, 5, 3, stride=2), nn.Dropout(0.5), nn.Linear(5, outputs)

    def forward(self, x):
        maps = torch.relu(self.deep(self.act(self.norm(self.conv(x)))))
        return self.head(self.drop(maps.mean((2, 3))))


class Tokens(nn.Module):
    """Patches → tokens [n, 9, 8] → attention, whose output is a tuple → MLP (signed) → mean → head."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, stride=8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp, self.head = nn.Sequential(nn.Linear(8, 8), nn.Tanh()), nn.Linear(8, 3)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        mixed, _ = self.attention(tokens, tokens, tokens)
        return self.head((tokens + self.mlp(tokens + mixed)).mean(1))


class Inner(nn.Module):
    """Maps in a container."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.conv = kind, nn.Conv2d(3, 5, 5, stride=3)

    def forward(self, x):
        maps = torch.relu(self.conv(x))
        return {
            "tuple": lambda: ("first", maps, 7),
            "list": lambda: [maps, maps * 2],
            "named": lambda: Pair(maps, None),
            "dict": lambda: {"note": "none", "maps": maps},
            "tensor": lambda: maps,
        }[self.kind]()


class Contained(nn.Module):
    """Goes on with the first tensor of a container."""

    def __init__(self, kind):
        super().__init__()
        self.inner, self.head = Inner(kind), nn.Linear(5, 3)

    def forward(self, x):
        given = self.inner(x)
        if self.inner.kind == "named":
            given = given.values
        elif self.inner.kind != "tensor":
            given = given["maps"] if isinstance(given, dict) else next(each for each in given if torch.is_tensor(each))
        return {"logits": self.head(given.mean((2, 3)))}


class Twice(nn.Module):
    """One convolution called on the picture and on its negative."""

    def __init__(self):
        super().__init__()
        self.shared, self.head, self.spare = nn.Conv2d(3, 4, 5, stride=3), nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return self.head((torch.relu(self.shared(x)) - torch.tanh(self.shared(1 - x))).mean((2, 3)))


class Greedy(nn.Module):
    """Normalises its input in place."""

    def __init__(self):
        super().__init__()
        self.inside = Maps()

    def forward(self, x):
        return self.inside(x.sub_(0.5).mul_(2))


class Fixed(nn.Module):
    """Gives what a function makes of the input."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Identity(), function

    def forward(self, x):
        return self.function(self.layer(x))
