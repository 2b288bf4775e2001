"""Devices that are there, and what half precision does to a pass."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from indexer.collectors.aggregation import AGGREGATIONS  # noqa: E402
from indexer.collectors.taps import Taps  # noqa: E402
from indexer.errors import InvalidInput, SubjectFault  # noqa: E402
from indexer.subjects.devices import device_of, forward_precision  # noqa: E402
from tests import nets  # noqa: E402


@pytest.mark.parametrize(("asked", "said"), [("cuda", "No CUDA"), ("mps", "No Metal")])
def test_devices_that_are_not_there(asked, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InvalidInput, match=said):
        device_of(asked)
    assert device_of("auto") == device_of("cpu") == "cpu"


def test_a_metal_device_is_used_when_asked_for(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device_of("mps") == "mps"


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)]
)
def test_passes_run_in_it(precision, dtype):
    with forward_precision(precision, "cpu"), torch.inference_mode():
        assert nn.Linear(3, 2)(torch.randn(4, 3)).dtype == dtype
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("kind", [each for each in AGGREGATIONS if each != "special"])
def test_activations_are_reduced_in_float32(precision, kind):
    """The mean of many half-precision values differs from a half-precision mean."""
    module = nn.Sequential(nn.Conv2d(3, 8, 1)).eval()
    inputs = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    seen = []
    module[0].register_forward_hook(lambda _m, _i, output: seen.append(output.detach().clone()))
    taps = Taps(module, ["0"], kind)
    with forward_precision(precision, "cpu"), torch.inference_mode():
        module(inputs)
        values, centre = taps.take(2)["0"]
    exact = seen[0].double().flatten(2).numpy()
    exact = np.abs(exact) if kind.startswith("abs") else exact
    assert seen[0].dtype == getattr(torch, precision) and values.dtype == np.float32
    expected = exact.mean(-1) if kind.endswith("mean") else exact.max(-1)
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    np.testing.assert_allclose(centre, seen[0].double().flatten(2).mean(-1).sum(0).numpy(), rtol=1e-6, atol=1e-6)
    if kind == "mean":
        assert (seen[0].flatten(2).mean(-1).double().numpy() != exact.mean(-1)).any()


def test_overflow_is_refused():
    module = nets.Net(inplace=False).eval()
    with torch.no_grad():
        module.conv.weight.mul_(1e6)
    taps = Taps(module, ["conv"], "mean")
    with forward_precision("float16", "cpu"), torch.inference_mode():
        module(torch.rand(2, 3, 16, 16))
        with pytest.raises(SubjectFault, match="not finite"):
            taps.take(2)


def test_precisions_that_are_none():
    with pytest.raises(InvalidInput, match="'float8'"), forward_precision("float8", "cpu"):
        pass
