"""A graph for one batch size, run on any: what comes out, and what hooks see and may change."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from indexer.collectors.contributions import captured, contributions  # noqa: E402
from indexer.collectors.taps import Taps  # noqa: E402
from indexer.subjects.fixed_batch import any_batch  # noqa: E402


class Static(nn.Module):
    """Reshapes as a graph exported for four samples does; `shared` is called twice, `table` has four rows."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.conv = nn.Conv2d(3, 6, 3)
        self.shared = nn.Linear(6, 6)
        self.table = nn.Embedding(4, 6)
        self.head = nn.Linear(6, 2)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x, size=4):
        x = self.conv(x).reshape(size, 6, 36).mean(-1) * self.scale
        x = self.shared(torch.relu(self.shared(x)))
        return {"logits": self.head(x) + self.table(torch.arange(4)).sum()}


class Dynamic(Static):
    def forward(self, x):
        return super().forward(x, len(x))


def images(count):
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(count))


@pytest.fixture
def pair():
    module = any_batch(Static().eval(), 4)
    return module.eval(), Dynamic().eval()


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 11])
def test_any_number_of_samples(pair, count):
    static, dynamic = pair
    with torch.inference_mode():
        found, expected = static(images(count))["logits"], dynamic(images(count))["logits"]
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("kind", ["mean", "max"])
def test_taps_see_real_samples_only(pair, count, kind):
    found = []
    for module in pair:
        taps = Taps(module, ["conv", "shared", "head"], kind)
        with torch.inference_mode():
            module(images(count))
        found.append(taps.take(count))
        taps.close()
    for layer, (values, centre) in found[1].items():
        torch.testing.assert_close(found[0][layer][0], values, atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(found[0][layer][1], centre, atol=1e-5, rtol=1e-5)


def test_layers_and_state_keep_their_names(pair):
    static, dynamic = pair
    assert [name for name, _ in static.named_modules()] == [name for name, _ in dynamic.named_modules()]
    assert list(static.state_dict()) == list(dynamic.state_dict())
    assert type(static.conv).__name__ == "Conv2d"


def test_hooks_that_change_what_a_layer_gives(pair):
    for count in (3, 4, 9):
        outputs = []
        for module in pair:
            handle = module.shared.register_forward_hook(
                lambda _m, _i, output: output * torch.tensor([1.0, 0, 1, 1, 0, 1])
            )
            with torch.inference_mode():
                outputs.append(module(images(count))["logits"])
            handle.remove()
        torch.testing.assert_close(*outputs, atol=1e-6, rtol=1e-6)


def test_a_table_of_as_many_rows_as_the_batch_is_left_alone(pair):
    """Its rows are cut for hooks, but what the module goes on with is whole."""
    static, dynamic = pair
    seen = []
    static.table.register_forward_hook(lambda _m, _i, output: seen.append(len(output)))
    with torch.inference_mode():
        torch.testing.assert_close(static(images(2))["logits"], dynamic(images(2))["logits"], atol=1e-6, rtol=1e-6)
    assert seen == [2]


@pytest.mark.parametrize("count", [3, 4, 9])
def test_gradients_reach_the_layers(pair, count):
    gradients = []
    for module in pair:
        kept = []

        def keep(_module, _inputs, output, kept=kept):
            kept.append(output)
            return output.clone()

        handle = module.conv.register_forward_hook(keep)
        logits = module(images(count).requires_grad_())["logits"]
        gradients.append(torch.cat(torch.autograd.grad(logits[:, 0].sum(), kept)))
        handle.remove()
    assert len(gradients[0]) == count
    torch.testing.assert_close(*gradients, atol=1e-7, rtol=1e-5)


def test_contributions_are_those_of_one_pass(pair):
    targets, centres = np.arange(9) % 2, {"conv": np.full(6, 0.1), "shared": np.zeros(6)}
    found = []
    for module in pair:
        with captured(module, ["conv", "shared"]) as kept:
            found.append(contributions(kept, images(9), targets, centres))
    for layer in centres:
        np.testing.assert_allclose(found[0][layer], found[1][layer], atol=1e-6)


def test_at_most():
    """A module that takes fewer samples too is not given more than asked."""
    given = []
    inner = nn.Linear(3, 2)
    inner.register_forward_hook(lambda _m, _i, output: given.append(len(output)))
    module = any_batch(nn.Sequential(inner), 4, fill=False)
    with torch.inference_mode():
        assert len(module(torch.randn(10, 3))) == 10
    assert given == [4, 4, 2]


def test_moving_reaches_all_state():
    inner = Static()
    module = any_batch(inner, 4).to(torch.float64)
    assert {each.dtype for each in inner.parameters()} == {torch.float64}
    assert {each.dtype for each in module.parameters()} == {torch.float64}


def test_a_fault_inside_leaves_it_usable(pair):
    static, dynamic = pair
    with torch.inference_mode():
        with pytest.raises(RuntimeError):
            static(torch.randn(3, 3, 9, 9))
        torch.testing.assert_close(static(images(4))["logits"], dynamic(images(4))["logits"], atol=1e-6, rtol=1e-6)
