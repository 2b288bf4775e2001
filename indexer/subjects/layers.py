"""The layers of a module by name, and the tensor in what they return."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from indexer.errors import SubjectFault, UnknownName

if TYPE_CHECKING:
    import torch


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


def exchanged(output: object, old: "torch.Tensor", new: "torch.Tensor") -> object:
    """An output like this one with one tensor in the place of another."""
    if output is old:
        return new
    if isinstance(output, dict):
        changed = copy.copy(output)
        changed[next(key for key, each in output.items() if each is old)] = new
        return changed
    assert isinstance(output, (tuple, list))
    place = next(number for number, each in enumerate(output) if each is old)
    parts = [*output[:place], new, *output[place + 1 :]]
    return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)


def logits_of(output: object) -> "torch.Tensor | None":
    """Class logits [batch, classes] of a subject's output; None when it has none."""
    import torch

    logits = getattr(output, "logits", None)
    if logits is None:
        logits = output.get("logits") if isinstance(output, dict) else output
    if isinstance(logits, (tuple, list)) and logits:
        logits = logits[0]
    return logits if isinstance(logits, torch.Tensor) and logits.ndim == 2 and logits.is_floating_point() else None


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
