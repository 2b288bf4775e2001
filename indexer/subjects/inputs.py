"""What a subject takes: one tensor, several by name, or several in order; prepared one by one, run as a batch.

A preprocess gives, for one image and without a batch axis, a tensor, a mapping of names to tensors or a tuple of
tensors. Stacked along a new first axis they are called as `module(tensor)`, `module(**mapping)` or `module(*tuple)`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from indexer.errors import SubjectFault
from indexer.subjects.transfer import on_device

if TYPE_CHECKING:
    import torch

    Prepared = torch.Tensor | Mapping[str, torch.Tensor] | tuple[torch.Tensor, ...]
    """One sample, as a preprocess gives it."""
    Inputs = torch.Tensor | dict[str, torch.Tensor] | tuple[torch.Tensor, ...]
    """A batch of samples: the same, every tensor [batch, …]."""


def parts_of(prepared: object) -> Iterator[tuple[str, object]]:
    """Name and value of each part: '' for a single tensor, names of a mapping in their order, numbers of a tuple."""
    if isinstance(prepared, Mapping):
        yield from ((str(name), value) for name, value in prepared.items())
    elif isinstance(prepared, tuple):
        yield from ((str(number), value) for number, value in enumerate(prepared))
    else:
        yield "", prepared


def stacked(items: "Sequence[Prepared]", device: str) -> "Inputs":
    """The samples as one batch on a device; raises SubjectFault where their parts or shapes differ."""
    import torch

    listed = [dict(parts_of(item)) for item in items]
    names = list(listed[0])
    if any(set(each) != set(names) for each in listed):
        raise SubjectFault(
            f"The preprocessing gives different inputs from image to image: {', '.join(map(repr, names))} for one.",
            hint="Return the same parts for every image.",
        )
    columns = {name: [torch.as_tensor(each[name]) for each in listed] for name in names}
    for name, column in columns.items():
        shapes = {tuple(each.shape) for each in column}
        if len(shapes) > 1:
            of = f" of {name!r}" if name else ""
            raise SubjectFault(
                f"The preprocessing gives inputs{of} of different shapes: {', '.join(map(str, sorted(shapes)[:3]))}.",
                hint="Resize and crop to one size.",
            )
    return _like(items[0], [on_device(columns[name], device) for name in names])


def run(module: "torch.nn.Module", inputs: "Inputs") -> object:
    """One forward pass."""
    if isinstance(inputs, dict):
        return module(**inputs)
    return module(*inputs) if isinstance(inputs, tuple) else module(inputs)


def rows(inputs: "Inputs") -> int:
    """Samples of a batch."""
    return len(_tensors(inputs)[0])


def split(inputs: "Inputs", parts: int) -> "list[Inputs]":
    """The batch in so many parts of nearly equal size, in order; fewer where there are fewer samples."""
    columns = [tensor.tensor_split(min(parts, rows(inputs))) for tensor in _tensors(inputs)]
    return [_like(inputs, list(part)) for part in zip(*columns, strict=True)]


def part(inputs: "Inputs", start: int, stop: int) -> "Inputs":
    """Some consecutive samples of a batch; views, no copies."""
    return mapped(inputs, lambda tensor: tensor[start:stop])


def mapped(inputs: "Inputs", function: "Callable[[torch.Tensor], torch.Tensor]") -> "Inputs":
    """The same inputs with every tensor exchanged."""
    return _like(inputs, [function(tensor) for tensor in _tensors(inputs)])


def copied(inputs: "Inputs") -> "Inputs":
    """A batch of its own memory: a subject may normalise its input in place."""
    return mapped(inputs, lambda tensor: tensor.clone())


def attributable(inputs: "Inputs") -> "Inputs":
    """The batch with gradients asked of every floating-point tensor; cut off from what came before."""
    return mapped(inputs, lambda tensor: tensor.detach().requires_grad_(tensor.is_floating_point()))


def _tensors(inputs: "Inputs") -> "list[torch.Tensor]":
    if isinstance(inputs, dict):
        return list(inputs.values())
    return list(inputs) if isinstance(inputs, tuple) else [inputs]


def _like(pattern: "Prepared", tensors: "list[torch.Tensor]") -> "Inputs":
    """These tensors in the form of the pattern."""
    if isinstance(pattern, Mapping):
        return dict(zip((str(name) for name in pattern), tensors, strict=True))
    return tuple(tensors) if isinstance(pattern, tuple) else tensors[0]
