"""Inputs on their way to a device."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def on_device(samples: "Sequence[torch.Tensor]", device: str) -> "torch.Tensor":
    """Samples of one shape as one tensor [samples, …] on a device.

    To CUDA by way of pinned memory, so that the copy does not hold up this thread. Torch gives pinned memory to others
    only once the copies from it are done, so that it needs no waiting for.
    """
    import torch

    if torch.device(device).type != "cuda":
        return torch.stack(list(samples)).to(device)
    first = samples[0]
    pinned = torch.empty((len(samples), *first.shape), dtype=first.dtype, pin_memory=True)
    torch.stack(list(samples), out=pinned)
    return pinned.to(device, non_blocking=True)
