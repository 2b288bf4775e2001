"""Where in its input a neuron's activation comes from: its map, gradients, or layer-wise relevance propagation."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.aggregation import combine_calls
from indexer.collectors.contributions import Captured, captured
from indexer.domain.crops import Heat
from indexer.errors import SubjectFault
from indexer.memory import Fitting, out_of_memory
from indexer.subjects.inputs import attributable, mapped, rows, run

if TYPE_CHECKING:
    import torch

    from indexer.subjects.inputs import Inputs

_BLOCK_BYTES = 64 << 20


class Asked(NamedTuple):
    """Neurons, each with a row of a batch to look for it in; all of one length."""

    rows: NDArray[np.int64]
    layers: NDArray[np.int64]
    """Numbers of their layers."""
    units: NDArray[np.int64]
    signs: NDArray[np.int64]
    """Of their activations: heat is where these come from."""

    def part(self, wanted: NDArray[np.int64]) -> "Asked":
        """Some of them."""
        return Asked(*(column[wanted] for column in self))


Found = Iterator[tuple[NDArray[np.int64], Heat]]
"""Numbers of what was asked [n], and heat over the input, maybe coarser than it [n, h, w]."""


class Heater:
    """Heat of neurons over a batch of inputs; a context manager that watches the layers while it is open."""

    def __init__(
        self, module: "torch.nn.Module", layers: Sequence[str], crop: str, kind: str, fitting: Fitting
    ) -> None:
        """`kind` is how positions are aggregated."""
        self._fitting = fitting
        self._module, self._layers, self._crop, self._kind = module, list(layers), crop, kind
        self._open = ExitStack()
        self._forward: Callable[[Inputs], object] = partial(run, module)
        self._kept: Captured | None = None

    def __enter__(self) -> "Heater":
        return self

    def __exit__(self, *_fault: object) -> None:
        self._open.close()
        self._kept = None

    def _watch(self, inputs: "Inputs") -> Captured:
        """The layers' outputs in the next pass, which is of these inputs."""
        if self._kept is None:
            if self._crop == "lrp":
                from indexer.collectors.lrp import ruled

                # Before our own hooks: it exchanges the backward pass of the very tensors that they keep.
                propagating = self._open.enter_context(ruled(self._module, self._layers, inputs))
                self._module, self._forward = propagating.module, propagating
            self._kept = self._open.enter_context(captured(self._module, self._layers))
        self._kept.begin(rows(inputs))
        return self._kept

    def heat(self, inputs: "Inputs", part: str, asked: Asked, size: int) -> Found:
        """Heat of each neuron over its row; attributions run so many neurons at once, by the part that is a picture."""
        if self._crop == "activation":
            yield from self._maps(inputs, part, asked)
            return
        for start in range(0, len(asked.rows), size):
            numbers = np.arange(start, min(start + size, len(asked.rows)))
            attribute = partial(self._attributions, inputs, part, asked.part(numbers))
            for piece, heat in self._fitting.run(len(numbers), attribute):
                yield numbers[piece], heat

    def signed(self) -> list[str]:
        """The layers with an activation below zero in the last pass."""
        kept = self._kept
        layers = self._layers if kept is not None else []
        return [layer for layer in layers if kept is not None and bool((kept.aggregated(layer, self._kind) < 0).any())]

    def _maps(self, inputs: "Inputs", part: str, asked: Asked) -> Found:
        import torch

        kept = self._watch(inputs)
        with torch.inference_mode():
            run(self._module, inputs)
        height, width = picture(inputs, part).shape[-2:]
        block = max(_BLOCK_BYTES // (4 * height * width), 1)
        for layer in np.unique(asked.layers):
            maps = self._grids(kept, self._layers[layer])
            own = np.flatnonzero(asked.layers == layer)
            for start in range(0, len(own), block):
                numbers = own[start : start + block]
                picked = maps[asked.rows[numbers], asked.units[numbers]].float().cpu().numpy()
                yield numbers, picked * asked.signs[numbers, None, None].astype(np.float32)

    def _grids(self, kept: Captured, layer: str) -> "torch.Tensor":
        """The maps [batch, units, height, width] that the layer's activations are aggregated from."""
        if self._kind == "special":
            raise SubjectFault(
                f"The activations of {layer!r} are those of its first token, which is nowhere in the picture.",
                hint="Use --crop gradient, or another --aggregation.",
            )
        grids = [kept.grid(call, layer) for call in kept.whole(layer)]
        maps = [grid.float() for grid in grids if grid is not None]
        if not maps or len(maps) < len(grids):
            shapes = ", ".join(str(tuple(call.shape[1:])) for call in kept.whole(layer))
            raise SubjectFault(
                f"The positions of layer {layer!r} form no grid over the picture (shape {shapes} per sample).",
                hint="Use --crop gradient, or leave out --crop.",
            )
        if self._kind.startswith("abs"):
            maps = [each.abs() for each in maps]
        return combine_calls(maps, self._kind)

    def _attributions(self, inputs: "Inputs", part: str, asked: Asked, piece: slice) -> Heat:
        """One backward pass for a piece of what is asked [n, height, width], summed over channels."""
        import torch

        asked = Asked(*(column[piece] for column in asked))
        shown = attributable(mapped(inputs, lambda tensor: tensor[torch.as_tensor(asked.rows, device=tensor.device)]))
        kept, pixels = self._watch(shown), picture(shown, part)
        with torch.enable_grad():
            self._forward(shown)
            total = torch.zeros((), device=pixels.device)
            signs = torch.as_tensor(asked.signs, device=pixels.device)
            for layer in np.unique(asked.layers):
                own = np.flatnonzero(asked.layers == layer)
                found = kept.aggregated(self._layers[layer], self._kind)[own, asked.units[own]]
                total = total + (signs[own] * found).sum()
            heat = self._relevance(kept, total, pixels) if self._crop == "lrp" else self._gradient(total, pixels)
        summed: Heat = heat.detach().sum(1).float().cpu().numpy()
        return summed

    def _gradient(self, total: "torch.Tensor", pixels: "torch.Tensor") -> "torch.Tensor":
        return self._grad(total, pixels, None) * pixels

    def _relevance(self, kept: Captured, total: "torch.Tensor", pixels: "torch.Tensor") -> "torch.Tensor":
        """Relevance starts as each position's share of the aggregated activation: gradient × activation."""
        import torch

        calls = [call for layer in kept.calls.values() for call in layer if call.requires_grad]
        shares = torch.autograd.grad(total, calls, retain_graph=True, materialize_grads=True)
        started = [share * call.detach() for share, call in zip(shares, calls, strict=True)]
        return self._grad(calls, pixels, started)

    def _grad(
        self, of: "torch.Tensor | list[torch.Tensor]", pixels: "torch.Tensor", start: "list[torch.Tensor] | None"
    ) -> "torch.Tensor":
        import torch

        try:
            return torch.autograd.grad(of, [pixels], grad_outputs=start)[0]
        except RuntimeError as fault:
            if out_of_memory(fault):
                raise
            raise SubjectFault(
                f"No gradient flows from {', '.join(self._layers)} to the picture: {fault}",
                hint="Use --crop activation, or leave out --crop.",
            ) from fault


def picture(inputs: "Inputs", part: str) -> "torch.Tensor":
    """The part of a batch of inputs that is a picture [batch, channels, height, width]."""
    if isinstance(inputs, dict):
        return inputs[part]
    return inputs[int(part)] if isinstance(inputs, tuple) else inputs
