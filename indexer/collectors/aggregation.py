"""One number per neuron and sample out of a layer's output."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from indexer.errors import SubjectFault

if TYPE_CHECKING:
    import torch

AGGREGATIONS = ("mean", "max", "absmean", "absmax", "special")
"""Over positions: mean, maximum, mean or maximum of absolute values, or the first (special, CLS) token alone."""

_CONV, _TOKENS, _PLAIN = 4, 3, 2


def positions_last(output: "torch.Tensor", layer: str) -> "torch.Tensor":
    """[batch, neurons, positions] from a map [b, c, h, w], tokens [b, t, c] or a plain layer [b, c]."""
    if output.ndim == _CONV:
        return output.flatten(2)
    if output.ndim == _TOKENS:
        return output.transpose(1, 2)
    if output.ndim == _PLAIN:
        return output[:, :, None]
    raise SubjectFault(
        f"Layer {layer!r} gives a tensor of shape {tuple(output.shape)}, which is neither a map "
        "[batch, channels, height, width], "
        "tokens [batch, tokens, dimensions] nor plain [batch, units].",
        hint="Choose another layer: lens build --list-layers names them with their shapes.",
    )


def aggregate(output: "torch.Tensor", kind: str, layer: str) -> "torch.Tensor":
    """Aggregated activations [batch, neurons] in float32."""
    if kind == "special" and output.ndim != _TOKENS:
        raise SubjectFault(
            f"Layer {layer!r} has no tokens (shape {tuple(output.shape)}), so no special token.",
            hint=f"Use one of {', '.join(AGGREGATIONS[:-1])}.",
        )
    values = positions_last(output, layer).float()
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
