"""What each neuron contributes to a class on each sample: gradient × (activation − dataset mean), METHODS 1."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.aggregation import aggregate, combine_calls
from indexer.collectors.taps import joined_rows
from indexer.errors import SubjectFault
from indexer.memory import out_of_memory
from indexer.subjects.inputs import attributable, rows, run
from indexer.subjects.layers import first_tensor, logits_of, named_layers
from indexer.subjects.layouts import layouts_of

if TYPE_CHECKING:
    import torch

    from indexer.subjects.inputs import Inputs


class Captured:
    """The outputs of several layers in the forward pass last run, with their graph."""

    def __init__(self, module: "torch.nn.Module", layers: Sequence[str]) -> None:
        self.module = module
        self.calls: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}
        """As the modules gave them: a layer may be called several times, or see a batch in several goes."""
        self._layouts = layouts_of(module, layers)
        self._sliced = {layer for layer, each in named_layers(module, layers).items() if getattr(each, "sliced", False)}
        self._batch = 0

    def begin(self, batch: int) -> None:
        """Forget the last forward pass; the next is of so many samples."""
        self._batch = batch
        for calls in self.calls.values():
            calls.clear()

    def whole(self, layer: str, tensors: "Sequence[torch.Tensor] | None" = None) -> "list[torch.Tensor]":
        """The layer's calls, or what belongs to each of them, put together to calls of the whole batch."""
        given = self.calls[layer] if tensors is None else tensors
        pieces = getattr(self.module, "pieces", lambda batch: [batch])(self._batch)
        joined = joined_rows([(each,) for each in given], pieces, sliced=layer in self._sliced) if given else None
        if joined is None:
            raise SubjectFault(
                f"Layer {layer!r} does not give one row for each of {self._batch} samples: they cannot be told apart.",
                hint="Choose a layer whose first axis is the batch, and that the subject uses.",
            )
        return [each for (each,) in joined]

    def positions(self, tensor: "torch.Tensor", layer: str) -> "torch.Tensor":
        """[batch, neurons, positions] of a tensor of that layer."""
        return self._layouts[layer].positions_last(tensor)

    def grid(self, tensor: "torch.Tensor", layer: str) -> "torch.Tensor | None":
        """[batch, neurons, height, width] of a tensor of that layer; None where its positions form no grid."""
        return self._layouts[layer].grid(tensor)

    def aggregated(self, layer: str, kind: str) -> "torch.Tensor":
        """Aggregated activations [batch, neurons] of a layer, its calls taken together."""
        calls = [aggregate(each, kind, layer, self._layouts[layer]) for each in self.whole(layer)]
        return combine_calls(calls, kind)


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

    kept.begin(rows(inputs))
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
    result = {}
    for layer, centre in centres.items():
        own = [next(gradients) for _ in kept.calls[layer]]
        result[layer] = _summed(kept, layer, own, centre)
    return result


def _summed(
    kept: Captured, layer: str, gradients: "list[torch.Tensor]", centre: NDArray[np.float64]
) -> NDArray[np.float64]:
    import torch

    calls = [call.detach() for call in kept.whole(layer)]
    middle = torch.as_tensor(centre, device=calls[0].device, dtype=torch.float32)[None, :, None]
    shares = [
        (kept.positions(gradient, layer) * (kept.positions(call, layer) - middle)).sum(-1)
        for gradient, call in zip(kept.whole(layer, gradients), calls, strict=True)
    ]
    values: NDArray[np.float64] = torch.stack(shares).sum(0).cpu().double().numpy()
    return values
