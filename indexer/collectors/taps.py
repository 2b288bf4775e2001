"""Reading layers of a subject while it runs, without changing it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.aggregation import aggregate, combine_calls, positions_last
from indexer.errors import SubjectFault, UnknownName

if TYPE_CHECKING:
    import torch

Activations = dict[str, tuple[NDArray[np.float32], NDArray[np.float64]]]
"""Per layer: aggregated activations [batch, neurons], and the batch's sum of means over positions [neurons]."""


class Taps:
    """Forward hooks on several layers: one aggregated activation per neuron and sample, at the moment of the call.

    Aggregating inside the hook keeps memory small and is right even where the next module works in place.
    """

    def __init__(self, module: "torch.nn.Module", layers: Sequence[str], kind: str) -> None:
        self._kind = kind
        self._calls: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {layer: [] for layer in layers}
        modules = named_layers(module, layers)
        self._handles = [modules[layer].register_forward_hook(self._hook(layer)) for layer in layers]

    def take(self, batch: int) -> Activations:
        """What the layers did in the forward pass just run; raises SubjectFault."""
        return {layer: self._checked(layer, calls, batch) for layer, calls in self._calls.items()}

    def close(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()

    def _hook(self, layer: str) -> Any:  # noqa: ANN401
        def hook(_module: object, _inputs: object, output: object) -> None:
            tensor = first_tensor(output, layer)
            values = aggregate(tensor, self._kind, layer)
            self._calls[layer].append((values, values if self._kind == "mean" else spatial_mean(tensor, layer)))

        return hook

    def _checked(
        self, layer: str, calls: "list[tuple[torch.Tensor, torch.Tensor]]", batch: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        taken, self._calls[layer] = calls, []
        if not taken:
            raise SubjectFault(
                f"Layer {layer!r} was not called in the forward pass.", hint="Choose a layer that the subject uses."
            )
        if any(len(values) != batch for values, _ in taken):
            raise SubjectFault(
                f"Layer {layer!r} gives {len(taken[0][0])} rows for a batch of {batch}: samples cannot be told apart.",
                hint="Choose a layer whose first axis is the batch.",
            )
        values: NDArray[np.float32] = combine_calls([each for each, _ in taken], self._kind).detach().cpu().numpy()
        if not np.isfinite(values).all():
            unit = int(np.flatnonzero(~np.isfinite(values).all(axis=0))[0])
            raise SubjectFault(
                f"Layer {layer!r} gives activations that are not finite (first at unit {unit}).",
                hint="Check the weights and the preprocessing; half precision overflows where float32 does not.",
            )
        centre = combine_calls([each for _, each in taken], "mean").detach().cpu().numpy()
        return values, centre.sum(axis=0, dtype=np.float64)


def named_layers(module: "torch.nn.Module", layers: Sequence[str]) -> "dict[str, torch.nn.Module]":
    """The modules of these names; raises UnknownName with the nearest."""
    modules = dict(module.named_modules())
    modules.pop("", None)
    for layer in layers:
        if layer not in modules:
            raise UnknownName("layer", layer, modules)
    return {layer: modules[layer] for layer in layers}


def first_tensor(output: object, layer: str) -> "torch.Tensor":
    """The tensor of an output: itself, or the first of a tuple, list or dict."""
    import torch

    if isinstance(output, torch.Tensor):
        return output
    inside = (
        list(output.values()) if isinstance(output, dict) else list(output) if isinstance(output, (tuple, list)) else []
    )
    for each in inside:
        if isinstance(each, torch.Tensor):
            return each
    raise SubjectFault(
        f"Layer {layer!r} returns {type(output).__name__} without a tensor in it.", hint="Choose another layer."
    )


@contextmanager
def evaluating(module: "torch.nn.Module") -> Iterator[None]:
    """Eval mode for every submodule; each returns to the mode it was in."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, training in modes:
            each.training = training


def logits_of(output: object) -> "torch.Tensor | None":
    """Class logits [batch, classes] of a subject's output; None when it has none."""
    import torch

    logits = getattr(output, "logits", None)
    if logits is None:
        logits = output.get("logits") if isinstance(output, dict) else output
    if isinstance(logits, (tuple, list)) and logits:
        logits = logits[0]
    return logits if isinstance(logits, torch.Tensor) and logits.ndim == 2 and logits.is_floating_point() else None


def spatial_mean(output: "torch.Tensor", layer: str) -> "torch.Tensor":
    """Mean over positions [batch, neurons]."""
    return positions_last(output, layer).float().mean(-1)
