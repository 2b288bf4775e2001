"""Reading layers of a subject while it runs, without changing it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.aggregation import aggregate, combine_calls, positions_last
from indexer.errors import SubjectFault
from indexer.subjects.layers import evaluating, first_tensor, logits_of, named_layers
from indexer.subjects.layouts import Layout, layouts_of

if TYPE_CHECKING:
    import torch

__all__ = [
    "Activations",
    "Taps",
    "evaluating",
    "first_tensor",
    "joined_rows",
    "logits_of",
    "named_layers",
    "spatial_mean",
]

Activations = dict[str, tuple[NDArray[np.float32], NDArray[np.float64]]]
"""Per layer: aggregated activations [batch, neurons], and the batch's sum of means over positions [neurons]."""


class Taps:
    """Forward hooks on several layers: one aggregated activation per neuron and sample, at the moment of the call.

    Aggregating inside the hook keeps memory small and is right even where the next module works in place.
    """

    def __init__(self, module: "torch.nn.Module", layers: Sequence[str], kind: str) -> None:
        self._kind = kind
        self._calls: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {layer: [] for layer in layers}
        self._layouts = layouts_of(module, layers)
        modules = named_layers(module, layers)
        self._pieces = getattr(module, "pieces", None)
        self._sliced = {layer for layer, each in modules.items() if getattr(each, "sliced", False)}
        self._handles = [modules[layer].register_forward_hook(self._hook(layer)) for layer in layers]

    def take(self, batch: int) -> Activations:
        """What the layers did in the forward pass just run; raises SubjectFault."""
        return {layer: self._checked(layer, calls, batch) for layer, calls in self._calls.items()}

    def clear(self) -> None:
        """Forget a forward pass that did not end."""
        for calls in self._calls.values():
            calls.clear()

    def close(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()

    def _hook(self, layer: str) -> Any:  # noqa: ANN401
        def hook(_module: object, _inputs: object, output: object) -> None:
            tensor, layout = first_tensor(output, layer), self._layouts[layer]
            values = aggregate(tensor, self._kind, layer, layout)
            self._calls[layer].append((values, values if self._kind == "mean" else spatial_mean(tensor, layer, layout)))

        return hook

    def _checked(
        self, layer: str, calls: "list[tuple[torch.Tensor, torch.Tensor]]", batch: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        taken, self._calls[layer] = calls, []
        if not taken:
            raise SubjectFault(
                f"Layer {layer!r} was not called in the forward pass.", hint="Choose a layer that the subject uses."
            )
        pieces = self._pieces(batch) if self._pieces else [batch]
        joined = joined_rows(taken, pieces, sliced=layer in self._sliced)
        if joined is None:
            raise SubjectFault(
                f"Layer {layer!r} gives {len(taken[0][0])} rows for a batch of {batch}: samples cannot be told apart.",
                hint="Choose a layer whose first axis is the batch.",
            )
        values: NDArray[np.float32] = combine_calls([each for each, _ in joined], self._kind).detach().cpu().numpy()
        if not np.isfinite(values).all():
            unit = int(np.flatnonzero(~np.isfinite(values).all(axis=0))[0])
            raise SubjectFault(
                f"Layer {layer!r} gives activations that are not finite (first at unit {unit}).",
                hint="Check the weights and the preprocessing; half precision overflows where float32 does not.",
            )
        centre = combine_calls([each for _, each in joined], "mean").detach().cpu().numpy()
        return values, centre.sum(axis=0, dtype=np.float64)


def joined_rows(
    calls: "Sequence[tuple[torch.Tensor, ...]]", pieces: Sequence[int], *, sliced: bool
) -> "list[tuple[torch.Tensor, ...]] | None":
    """Calls of a layer in one forward pass, each made of several tensors [rows, …] → calls of the whole batch.

    `pieces` are the samples of the passes that a batch took: each pass holds every call once, in order. A `sliced`
    layer sees a call's samples in several goes. None where the rows do not add up to samples.
    """
    import torch

    total, waiting = sum(len(call[0]) for call in calls), list(calls)
    count, rest = divmod(total, sum(pieces))
    if rest or not count or (not sliced and len(calls) != count * len(pieces)):
        return None
    parts: list[list[tuple[torch.Tensor, ...]]] = [[] for _ in range(count)]
    for piece in pieces:
        for part in parts:
            seen = 0
            while seen < piece:
                part.append(waiting.pop(0))
                seen += len(part[-1][0])
            if seen > piece:
                return None
    return [
        part[0] if len(part) == 1 else tuple(torch.cat(column) for column in zip(*part, strict=True)) for part in parts
    ]


def spatial_mean(output: "torch.Tensor", layer: str, layout: Layout | None = None) -> "torch.Tensor":
    """Mean over positions [batch, neurons]."""
    return positions_last(output, layer, layout).float().mean(-1)
