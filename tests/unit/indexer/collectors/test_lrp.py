"""Relevance propagation: each rule by hand, sums that no module makes, and what is refused by name."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from indexer.collectors.contributions import captured
from indexer.collectors.lrp import ruled
from indexer.errors import MissingExtra, SubjectFault

pytest.importorskip("zennit")


def propagate(module, layer, pixels, unit=None):
    """Relevance of the pixels for a unit's positive activations (all units' unless told), and what it started as."""
    module = module.eval()
    with ruled(module, [layer], pixels) as propagating, captured(propagating.module, [layer]) as kept:
        shown = pixels.clone().requires_grad_()
        with torch.enable_grad():
            propagating(shown)
        (call,) = kept.calls[layer]
        start = call.detach().clamp(min=0)
        if unit is not None:
            start = start * (torch.arange(start.shape[1]) == unit).view(1, -1, *[1] * (start.ndim - 2))
        return torch.autograd.grad(call, shown, start)[0].numpy(), start.numpy()


class Chain(nn.Module):
    """First convolution (flat), ReLU, second convolution (z+); no biases, so that nothing is lost."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.first = nn.Conv2d(2, 3, 2, bias=False)
        self.act = nn.ReLU()
        self.second = nn.Conv2d(3, 2, 1, bias=False)
        self.out = nn.ReLU()

    def forward(self, x):
        return self.out(self.second(self.act(self.first(x))))


def test_the_rules_of_a_chain_by_hand():
    chain, pixels = Chain(), torch.rand(1, 2, 3, 3)
    ours, start = propagate(chain, "out", pixels, unit=1)
    hidden = chain.act(chain.first(pixels)).detach().numpy()[0]
    weights = chain.second.weight.detach().numpy()[:, :, 0, 0]
    middle = np.zeros_like(hidden)
    for y, x in np.ndindex(2, 2):  # z+: by what each input adds, where it adds
        adds = np.maximum(weights[1] * hidden[:, y, x], 0)
        if adds.sum() > 0:
            middle[:, y, x] = start[0, 1, y, x] * adds / adds.sum()
    expected = np.zeros((2, 3, 3))
    for channel, y, x in np.ndindex(3, 2, 2):  # flat: evenly over the field
        expected[:, y : y + 2, x : x + 2] += middle[channel, y, x] / 8
    np.testing.assert_allclose(ours[0], expected, atol=1e-4)
    assert ours.sum() == pytest.approx(start.sum(), rel=1e-3), "nothing is lost"


class Residual(nn.Module):
    """The sum of a branch and a shortcut, made by an operator, in place or not, or by a module's method."""

    def __init__(self, how):
        super().__init__()
        torch.manual_seed(2)
        self.first = nn.Conv2d(1, 2, 1, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.branch = nn.Conv2d(2, 2, 1, bias=False)
        self.how = how
        self.out = nn.Identity()
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([[[[1.0]]], [[[2.0]]]]))
            self.branch.weight.copy_(torch.tensor([[1.0, 0.5], [0.25, 1.0]])[:, :, None, None])

    def forward(self, x):
        hidden = self.act(self.first(x))
        made = self.branch(hidden)
        if self.how == "operator":
            made = made + hidden
        elif self.how == "in place":
            made += hidden
        elif self.how == "function":
            made = torch.add(made, hidden)
        else:
            made = made.add(hidden)
        return self.out(2 * made)


@pytest.mark.parametrize("how", ["operator", "in place", "function", "method"])
def test_a_residual_sum_divides_relevance_as_its_terms(how):
    pixels = torch.rand(1, 1, 2, 2) + 0.5
    ours, start = propagate(Residual(how), "out", pixels)
    # All of it goes back to the one pixel below, by either way, and none is made or lost.
    np.testing.assert_allclose(ours[0, 0], start[0].sum(0), rtol=1e-3)


class Normed(nn.Module):
    """A batch norm with shifted statistics and a negative weight after a convolution."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Conv2d(1, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(2)
        self.out = nn.ReLU()
        with torch.no_grad():
            self.norm.weight.copy_(torch.tensor([1.5, -2.0]))
            self.norm.running_mean.copy_(torch.tensor([0.1, 0.4]))
            self.norm.running_var.copy_(torch.tensor([0.5, 2.0]))

    def forward(self, x):
        return self.out(self.norm(self.first(x)))


@pytest.mark.parametrize("layer", ["first", "norm", "out"])
def test_the_subject_is_never_touched(layer):
    module = Normed().eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    propagate(module, layer, torch.rand(2, 1, 3, 3))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in module.modules())


def _with(module):
    return nn.Sequential(nn.Conv2d(1, 4, 1), module, nn.Conv2d(4, 2, 1))


class _Gate(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(x.mean((2, 3), keepdim=True))


class _Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 1, batch_first=True)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        return self.attention(tokens, tokens, tokens)[0].transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize(
    ("module", "named"),
    [
        (_Gate(), ("mul", "sigmoid", "mean")),
        (_Attention(), ("attention",)),
        (nn.LayerNorm(3), ("layer_norm",)),
        (nn.GroupNorm(2, 4), ("group_norm",)),
        (nn.Upsample(scale_factor=2), ("interpolate",)),
    ],
)
def test_what_has_no_rule_is_refused_by_name(module, named):
    with pytest.raises(SubjectFault, match="no rule") as fault:
        propagate(_with(module), "2", torch.rand(1, 1, 3, 3))
    assert all(name in fault.value.message for name in named)
    assert "--crop gradient" in fault.value.hint


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_scripts_inside_are_refused():
    module = nn.Sequential(torch.jit.trace(Chain().eval(), torch.rand(1, 2, 3, 3)), nn.ReLU())
    with pytest.raises(SubjectFault, match="products outside its modules"):
        propagate(module, "1", torch.rand(1, 2, 3, 3))


def test_what_comes_after_the_layer_does_not_matter():
    module = _with(nn.ReLU())
    module.append(nn.LayerNorm(3))
    relevance, start = propagate(module, "2", torch.rand(1, 1, 3, 3))
    assert relevance.shape == (1, 1, 3, 3)
    assert start.any()


def test_without_zennit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "zennit.composites", None)
    with pytest.raises(MissingExtra) as fault:
        propagate(Chain(), "out", torch.rand(1, 2, 3, 3))
    assert fault.value.hint == "pip install 'lens[lrp]'"
