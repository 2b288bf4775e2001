"""Small subjects with known habits, for `python:tests.nets:NAME`."""

import numpy as np
import torch
from torch import nn


def _pixels(image):
    return torch.from_numpy(np.asarray(image.resize((16, 16))).copy()).permute(2, 0, 1).float() / 255


class Net(nn.Module):
    """conv → BatchNorm → ReLU → linear head over the mean."""

    def __init__(self, width=8, seed=0, inplace=True):
        super().__init__()
        torch.manual_seed(seed)
        self.conv = nn.Conv2d(3, width, 5, stride=3)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU(inplace=inplace)
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.act(self.norm(self.conv(x))).mean((2, 3)))


def plain():
    return Net(), _pixels, ("benign", "malignant")


def other_weights():
    return Net(seed=1), _pixels, ("benign", "malignant")


def other_preprocessing():
    return Net(), lambda image: _pixels(image) * 0.5, ("benign", "malignant")


def in_training_mode():
    net = Net()
    net.train()
    return net, _pixels, ("benign", "malignant")


def as_wide_as_tiny_clip():
    from indexer.catalogue import FOUNDATION_MODELS

    return Net(width=FOUNDATION_MODELS.load("tiny-clip").space.dimension), _pixels, ("benign", "malignant")


def one_neuron():
    return Net(width=1), _pixels, ("benign", "malignant")


class _Fixed(nn.Module):
    """A layer `units` computed by a function of the image's pixels."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.units = _Function(function)
        self.head = nn.Linear(1, 2)

    def forward(self, x):
        return self.head(self.units(x).flatten(1).mean(1, keepdim=True))


class _Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def signs():
    """Unit 0 positive, 1 negative, 2 both, 3 dead, 4 constant, 5 active on few samples."""

    def function(x):
        level = x.mean((1, 2, 3))
        return torch.stack([level, -level, level - 0.55, 0 * level, 0 * level + 2, torch.relu(level - 0.68)], dim=1)

    return _Fixed(function).eval(), _pixels


def one_alive():
    """Unit 0 alive, 1 always on, 2 dead."""

    def function(x):
        level = x.mean((1, 2, 3))
        return torch.stack([torch.relu(level - 0.55), level, 0 * level], dim=1)

    return _Fixed(function).eval(), _pixels


def nearly_equal():
    """Activations that only float32 tells apart."""
    return _Fixed(lambda x: 100 + 1e-3 * x.mean((2, 3))).eval(), _pixels


def half_precision():
    return _Fixed(lambda x: x.mean((2, 3)).bfloat16().float()).eval(), _pixels


def not_finite():
    return _Fixed(lambda x: x.mean((2, 3)) / 0).eval(), _pixels


def mixed_batch():
    return _Fixed(lambda x: x.mean((2, 3)).flatten()[:, None]).eval(), _pixels


class _Twice(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.shared = nn.Conv2d(3, 4, 5, stride=3)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(torch.relu(self.shared(x)).mean((2, 3)) + torch.relu(self.shared(1 - x)).mean((2, 3)))


def called_twice():
    return _Twice().eval(), _pixels


class _Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.spare = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, x):
        return self.used(x.mean((2, 3)))


def unused_layer():
    return _Unused().eval(), _pixels


def fails():
    raise RuntimeError("the weights are at home")


def nothing():
    return 17


class _Dead(Net):
    """Its layer is never active, so its decision rests on the head's bias and a hint of brightness."""

    def forward(self, x):
        hidden = self.act(-torch.relu(self.norm(self.conv(x))) - 1)
        return self.head(hidden.mean((2, 3))) + torch.stack([x.mean((1, 2, 3)), 0.4 * torch.ones(len(x))], dim=1)


def dead_classifier():
    return _Dead(inplace=False), _pixels, ("benign", "malignant")


class _Headless(Net):
    def forward(self, x):
        return self.act(self.norm(self.conv(x)))


def no_logits():
    return _Headless(), _pixels


class _Detached(Net):
    def forward(self, x):
        return self.head(self.act(self.norm(self.conv(x))).detach().mean((2, 3)))


def no_gradient():
    return _Detached(), _pixels, ("benign", "malignant")


def classified_signs():
    """The units of `signs` under a head of two classes that looks at each of them."""
    net, pixels = signs()
    net.forward = lambda x: net.units(x) @ torch.tensor([[1.0, -1.0], [0.5, 1.0], [2, -1], [1, 2], [1, 0], [-1.0, 3.0]])
    return net, pixels, ("benign", "malignant")


class _TwiceUnequally(_Twice):
    def forward(self, x):
        return self.head(torch.relu(self.shared(x)).mean((2, 3)) + torch.relu(self.shared(x * x)).mean((2, 3)))


def called_twice_unequally():
    return _TwiceUnequally().eval(), _pixels


def prepared_by_default():
    """`Net` on images as `exported:` prepares them for a program of 16 pixels."""
    from indexer.subjects.preparing import default_preprocess

    return Net().eval(), default_preprocess((16, 16))


class _Several(nn.Module):
    """Takes the picture and its mean colour by name, gives its logits and the hidden layer in a dictionary."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.look, self.mixed, self.head = nn.Conv2d(3, 6, 4, stride=4), nn.Linear(9, 7), nn.Linear(7, 2)

    def forward(self, *, picture, colour):
        hidden = torch.relu(self.mixed(torch.cat([self.look(picture).mean((2, 3)), colour], dim=1)))
        return {"hidden": hidden, "logits": self.head(hidden)}


def several_inputs():
    def preprocess(image):
        pixels = _pixels(image)
        return {"picture": pixels, "colour": pixels.mean((1, 2))}

    return _Several().eval(), preprocess, ("benign", "malignant")


class _Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.hidden, self.head = nn.Linear(3 * 16 * 16, 12), nn.Linear(12, 2)

    def forward(self, x):
        return self.head(torch.relu(self.hidden(x.flatten(1))))


def mlp():
    return _Perceptron().eval(), _pixels, ("benign", "malignant")


class Cramped(Net):
    """Fails on more samples at once than there is room for; counts the passes that it ends."""

    room, fault, ended = 1 << 30, RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), 0

    def forward(self, x):
        hidden = self.act(self.norm(self.conv(x)))
        if len(x) > Cramped.room:
            raise Cramped.fault
        Cramped.ended += 1
        return self.head(hidden.mean((2, 3)))


def cramped():
    return Cramped(), _pixels, ("benign", "malignant")


def floored():
    """Never below 0.6 of full brightness: constant on dark pictures."""
    return _Fixed(lambda x: x.mean((1, 2, 3)).clamp(min=0.6)[:, None]).eval(), _pixels


def capped():
    """Never above 0.4: constant on bright pictures, where it is strongest."""
    return _Fixed(lambda x: x.mean((1, 2, 3)).clamp(max=0.4)[:, None]).eval(), _pixels


def classified_ties():
    """Two units of few distinct values, under a head that looks at both."""

    def function(x):
        level = x.mean((1, 2, 3)).mul(20).round() / 20
        return torch.stack([level, 0.5 - level], dim=1)

    net = _Fixed(function).eval()
    net.forward = lambda x: net.units(x) @ torch.tensor([[1.0, -1.0], [0.5, 1.0]])
    return net, _pixels, ("benign", "malignant")


class Letters:
    """A tokenizer of 40 letters, for subjects of texts that need no words."""

    def __init__(self, prefix=(), suffix=()):
        self.prefix, self.suffix, self.mask = tuple(prefix), tuple(suffix), 0
        self.special = frozenset({0, *prefix, *suffix})
        self.pieces = [b"" if number in self.special else bytes([48 + number]) for number in range(40)]

    def encode(self, text):
        return [byte - 48 for byte in text.encode() if 48 < byte < 88]

    def stored(self):
        return None


def text_subject(module, prefix=(), suffix=(), causal=True, context=32):
    from indexer.subjects.text_subject import TextSubject

    return TextSubject("tests:letters", module, Letters(prefix, suffix), context, causal=causal)
