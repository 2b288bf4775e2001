"""Every aggregation on every shape, against one neuron and one sample at a time."""

import numpy as np
import pytest
import torch

from indexer.collectors.aggregation import AGGREGATIONS, aggregate, combine_calls
from indexer.errors import SubjectFault

BY_HAND = {
    "mean": np.mean,
    "max": np.max,
    "absmean": lambda values: np.mean(np.abs(values)),
    "absmax": lambda values: np.max(np.abs(values)),
    "special": lambda values: values[0],
}


def positions(output, sample, neuron):
    """All values of one neuron on one sample, by shape."""
    if output.ndim == 4:
        return output[sample, neuron].ravel()
    return output[sample, :, neuron] if output.ndim == 3 else output[sample, neuron : neuron + 1]


@pytest.mark.parametrize("kind", AGGREGATIONS)
@pytest.mark.parametrize("shape", [(3, 5, 4, 2), (3, 7, 5), (3, 5), (1, 1, 1, 1), (2, 1, 5)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_aggregations(kind, shape, dtype):
    output = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    if kind == "special" and len(shape) != 3:
        with pytest.raises(SubjectFault, match="no tokens"):
            aggregate(output, kind, "layer")
        return
    found = aggregate(output, kind, "layer")
    values = output.float().numpy()
    neurons = shape[2] if len(shape) == 3 else shape[1]
    expected = [[BY_HAND[kind](positions(values, s, n)) for n in range(neurons)] for s in range(shape[0])]
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3, 4, 5)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(SubjectFault, match="--list-layers"):
        aggregate(torch.zeros(shape), "mean", "layer")


def test_calls_count_as_positions():
    calls = [torch.tensor([[1.0, -4.0]]), torch.tensor([[3.0, 2.0]])]
    assert combine_calls(calls, "mean").tolist() == [[2.0, -1.0]]
    assert combine_calls(calls, "max").tolist() == [[3.0, 2.0]]
    assert combine_calls(calls[:1], "mean") is calls[0]
