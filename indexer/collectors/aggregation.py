"""One number per neuron and sample out of a layer's output."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from indexer.errors import SubjectFault
from indexer.subjects.layouts import Layout

if TYPE_CHECKING:
    import torch

AGGREGATIONS = ("mean", "max", "absmean", "absmax", "special")
"""Over positions: mean, maximum, mean or maximum of absolute values, or the first (special, CLS) token alone."""

_TOKENS = 3


def positions_last(output: "torch.Tensor", layer: str, layout: Layout | None = None) -> "torch.Tensor":
    """[batch, neurons, positions] from a map, tokens or a plain layer.

    Without the layer's layout (`layout_of(module, layer)`) shapes alone decide where the neurons are, and a map that is
    as high as wide and as deep is taken for [b, c, h, w].
    """
    return (layout or Layout(layer)).positions_last(output)


def aggregate(output: "torch.Tensor", kind: str, layer: str, layout: Layout | None = None) -> "torch.Tensor":
    """Aggregated activations [batch, neurons]; always in float32, inside autocast too."""
    if kind == "special" and (output.ndim != _TOKENS or (layout is not None and layout.prefix == 0)):
        raise SubjectFault(
            f"Layer {layer!r} has no tokens (shape {tuple(output.shape)}), so no special token."
            if output.ndim != _TOKENS
            else f"The first token of layer {layer!r} is a piece of the image: the subject has no special token.",
            hint=f"Use one of {', '.join(AGGREGATIONS[:-1])}.",
        )
    values = positions_last(output, layer, layout).float()
    return values[:, :, 0] if values.shape[2] == 1 and not kind.startswith("abs") else _REDUCE[kind](values)


def combine_calls(calls: "list[torch.Tensor]", kind: str) -> "torch.Tensor":
    """A module called several times in one forward pass: its calls count as further positions."""
    import torch

    if len(calls) == 1:
        return calls[0]
    stacked = torch.stack(calls, dim=-1)
    return stacked.amax(-1) if kind.endswith("max") else stacked.mean(-1)


_REDUCE: "dict[str, Callable[[torch.Tensor], torch.Tensor]]" = {
    "mean": lambda values: values.mean(-1),
    "max": lambda values: values.amax(-1),
    "absmean": lambda values: values.abs().mean(-1),
    "absmax": lambda values: values.abs().amax(-1),
    "special": lambda values: values[:, :, 0],
}
