"""Changing what layers give while a subject runs, without changing the subject."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from indexer.collectors.aggregation import positions_last
from indexer.collectors.taps import first_tensor, named_layers
from indexer.errors import SubjectFault

if TYPE_CHECKING:
    import torch

    Edit = Callable[[torch.Tensor, int], torch.Tensor]
    """(A layer's output, number of the call in this forward pass) → what the subject goes on with."""


@contextmanager
def edited(module: "torch.nn.Module", edits: "Mapping[str, Edit]") -> Iterator[None]:
    """Run one forward pass with edited layers; raises SubjectFault where a layer is not called in it.

    An edit gets the output itself, at the moment of the call, and must give another tensor: what the subject keeps of
    the output elsewhere stays as it was, and a next module that works in place works on the edited one.
    """
    calls = dict.fromkeys(edits, 0)

    def hook(layer: str) -> Any:  # noqa: ANN401
        def change(_module: object, _inputs: object, output: object) -> object:
            tensor = first_tensor(output, layer)
            changed = edits[layer](tensor, calls[layer])
            calls[layer] += 1
            return _exchanged(output, tensor, changed)

        return change

    handles = [each.register_forward_hook(hook(layer)) for layer, each in named_layers(module, list(edits)).items()]
    try:
        yield
        for layer, count in calls.items():
            if not count:
                raise SubjectFault(
                    f"Layer {layer!r} was not called in the forward pass.", hint="Choose a layer that the subject uses."
                )
    finally:
        for handle in handles:
            handle.remove()


def by_unit(output: "torch.Tensor", layer: str) -> "torch.Tensor":
    """The same tensor seen with the units last: a map [b, h, w, c], tokens [b, t, c] or a plain layer [b, c]."""
    positions_last(output, layer)  # refuses every other shape
    return output.movedim(1, -1) if output.ndim > 3 else output


def _exchanged(output: object, old: "torch.Tensor", new: "torch.Tensor") -> object:
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
