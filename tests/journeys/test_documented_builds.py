"""README's builds of a ViT, a Swin, a ResNet, an MLP, an autoencoder and a user's factory run as they are printed.

Only what needs a download is exchanged: pretrained weights for random ones, the foundation model for tiny-clip.
"""

import re
import shlex

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from indexer.index.reader import Index  # noqa: E402
from tests.conftest import ROOT  # noqa: E402

MODELS = """
import torch
from torch import nn


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = nn.Linear(3 * 224 * 224, 10), nn.Linear(10, 2)

    def forward(self, x):
        return self.head(torch.relu(self.hidden(x.flatten(1))))


def mlp():
    torch.manual_seed(0)
    return Perceptron()


def factory():
    torch.manual_seed(0)
    trunk = nn.Sequential()
    trunk.add_module("conv1", nn.Conv2d(3, 4, 3, 2))
    trunk.add_module("conv2", nn.Conv2d(4, 6, 3, 2))
    return nn.Sequential(trunk, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)), None, ["cat", "dog"]
"""
NEURONS = {"vit": 12 * 768, "swin": 96 + 192 + 384 + 768, "resnet": 2 * 256 + 2 * 512, "mlp": 10, "sae": 64, "mine": 10}


def documented():
    """Name of the index → arguments of the command, from README."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("### Any model, any layer\n")[1].split("\n##")[0]
    shared = re.search(r'^ +WITH="(.*)"$', section, re.MULTILINE)[1]
    lines = re.findall(r"^ +lens (build .*)$", section, re.MULTILINE)
    commands = [shlex.split(line.replace("$WITH", shared)) for line in lines]
    return {command[command.index("--out") + 1]: command for command in commands}


@pytest.fixture
def place(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for number in range(5):
        path = tmp_path / "photos" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 48, 3), dtype=np.uint8)).save(path)
    (tmp_path / "my_model.py").write_text(MODELS)
    torch.manual_seed(0)
    weights = {"W_enc": torch.randn(192, 64), "b_enc": torch.zeros(64), "W_dec": torch.randn(64, 192)}
    settings = {"architecture": "standard", "apply_b_dec_to_input": "false"}
    save_file({**weights, "b_dec": torch.zeros(192)}, tmp_path / "sae.safetensors", settings)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_readme_shows_each_kind():
    assert list(documented()) == list(NEURONS)


@pytest.mark.parametrize("name", NEURONS)
def test_the_command_builds_as_printed(name, place, lens_command):
    arguments = documented()[name]
    subject = arguments.index("--subject") + 1
    if not arguments[subject].startswith("python:"):
        arguments[subject] += "/random"
    arguments[arguments.index("--foundation") + 1] = "tiny-clip"
    status, _, said = lens_command(*arguments, "--exemplars", "2", "--quiet")
    assert status == 0, said
    neurons = Index.open(place / name).neurons
    assert len(set(zip(neurons.layer.tolist(), neurons.unit.tolist(), strict=True))) == NEURONS[name]
