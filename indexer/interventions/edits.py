"""Changing what layers give while a subject runs, without changing the subject."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from indexer.errors import SubjectFault
from indexer.subjects.layers import exchanged, first_tensor, named_layers
from indexer.subjects.layouts import Layout

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
            return exchanged(output, tensor, changed)

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


def by_unit(output: "torch.Tensor", layout: Layout) -> "torch.Tensor":
    """The same tensor seen with the units last: a map [b, h, w, c], tokens [b, t, c] or a plain layer [b, c]."""
    return layout.neurons_last(output)
