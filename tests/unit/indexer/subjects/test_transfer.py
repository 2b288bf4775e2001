"""Samples become one tensor on a device, with the values they had."""

import pytest
import torch

from indexer.subjects.transfer import on_device

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="No CUDA device is there.")),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool])
def test_many_batches_in_a_row_keep_their_values(device: str, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randint(0, 2, (8, 3, 32, 32), generator=generator).to(dtype) for _ in range(20)]
    moved = [on_device(list(batch), device) for batch in batches]  # pinned memory is used again while copies run
    assert all(each.device.type == device for each in moved)
    assert all(torch.equal(each.cpu(), batch) for each, batch in zip(moved, batches, strict=True))


@pytest.mark.parametrize("device", DEVICES)
def test_a_single_number_a_sample(device: str) -> None:
    assert on_device([torch.tensor(1.5), torch.tensor(2.5)], device).tolist() == [1.5, 2.5]
