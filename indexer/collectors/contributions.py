"""What each neuron contributes to a class on each sample: gradient × (activation − dataset mean), METHODS 1."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.aggregation import aggregate, combine_calls
from indexer.errors import SubjectFault
from indexer.memory import out_of_memory
from indexer.subjects.inputs import attributable, run
from indexer.subjects.layers import first_tensor, logits_of, named_layers
from indexer.subjects.layouts import layout_of

if TYPE_CHECKING:
    import torch

    from indexer.subjects.inputs import Inputs


class Captured:
    """The outputs of several layers in the forward pass last run, with their graph."""

    def __init__(self, module: "torch.nn.Module", layers: Sequence[str]) -> None:
        self.module = module
        self.calls: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
        self._layouts = {layer: layout_of(module, layer) for layer in layers}

    def positions(self, tensor: "torch.Tensor", layer: str) -> "torch.Tensor":
        """[batch, neurons, positions] of a tensor of that layer."""
        return self._layouts[layer].positions_last(tensor)

    def grid(self, tensor: "torch.Tensor", layer: str) -> "torch.Tensor | None":
        """[batch, neurons, height, width] of a tensor of that layer; None where its positions form no grid."""
        return self._layouts[layer].grid(tensor)

    def aggregated(self, layer: str, kind: str) -> "torch.Tensor":
        """Aggregated activations [batch, neurons] of a layer, its calls taken together."""
        calls = [aggregate(each, kind, layer, self._layouts[layer]) for each in self.calls[layer]]
        return combine_calls(calls, kind)

    def clear(self) -> None:
        """Forget the forward pass."""
        for calls in self.calls.values():
            calls.clear()


@contextmanager
def captured(module: "torch.nn.Module", layers: Sequence[str]) -> Iterator[Captured]:
    """Keep what these layers give while the context is open; raises UnknownName."""
    kept = Captured(module, layers)

    def hook(layer: str) -> Any:  # noqa: ANN401
        def keep(_module: object, _inputs: object, output: object) -> object:
            tensor = first_tensor(output, layer)
            kept.calls[layer].append(tensor)
            # The next module may work in place: it gets a copy, the original keeps value and gradient.
            return tensor.clone() if tensor is output else None

        return keep

    handles = [each.register_forward_hook(hook(layer)) for layer, each in named_layers(module, layers).items()]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()


def contributions(
    kept: Captured, inputs: "Inputs", targets: NDArray[np.int64], centres: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Σ over positions of ∂ logit of the target class / ∂ a × (a − centre) for each layer → [batch, units].

    `targets` [batch] are class numbers, `centres` [units] each layer's mean activation over samples and positions.
    Raises SubjectFault where the logits do not depend on a layer by gradients.
    """
    import torch

    kept.clear()
    with torch.enable_grad():
        logits = logits_of(run(kept.module, attributable(inputs)))
        assert logits is not None
        wanted = [call for layer in centres for call in kept.calls[layer]]
        picked = logits.gather(1, torch.as_tensor(targets, device=logits.device)[:, None]).sum()
        try:
            gradients = iter(torch.autograd.grad(picked, wanted))
        except RuntimeError as fault:
            if out_of_memory(fault):
                raise
            raise SubjectFault(
                f"No gradient flows from the logits to {', '.join(centres)}: {fault}",
                hint="Choose layers on the way to the logits, or measure without gradients: leave out --classes, "
                "and --collector activation.",
            ) from fault
    return {layer: _summed(kept, layer, gradients, centre) for layer, centre in centres.items()}


def _summed(
    kept: Captured, layer: str, gradients: "Iterator[torch.Tensor]", centre: NDArray[np.float64]
) -> NDArray[np.float64]:
    import torch

    calls = [call.detach() for call in kept.calls[layer]]
    middle = torch.as_tensor(centre, device=calls[0].device, dtype=torch.float32)[None, :, None]
    total = sum(
        (kept.positions(next(gradients), layer) * (kept.positions(call, layer) - middle)).sum(-1) for call in calls
    )
    values: NDArray[np.float64] = total.double().cpu().numpy()  # type: ignore[union-attr]
    return values
