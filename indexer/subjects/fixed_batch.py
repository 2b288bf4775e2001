"""Modules whose graph was made for one batch size, run on any.

Smaller batches are filled up with copies of their last sample, larger ones run in pieces; the output has the rows asked
for. Layers keep their names. A forward hook on a layer sees the rows of real samples only, and what it gives instead
takes their place; with pieces it is called once a piece, and `pieces` says how what it saw goes together
(`joined_rows` in `indexer/collectors/taps.py`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from indexer.subjects.inputs import mapped, part, rows, run

if TYPE_CHECKING:
    from indexer.subjects.inputs import Inputs


def any_batch(module: nn.Module, size: int, *, fill: bool = True) -> nn.Module:
    """A module that takes any number of samples, over one that takes `size`; the layers are the same objects.

    `fill` is False for a module that takes fewer samples as well.
    """
    return _AnyBatch(module, size, fill=fill)


class _Rows:
    """How many rows of the running pass are real samples."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.real = size

    def cut(self, output: Any) -> Any:  # noqa: ANN401 - any structure of tensors
        """The output with the real rows only; a tensor whose first axis is not the batch stays as it is."""
        return output if self.real == self.size else tree_map(self._cut, output)

    def filled(self, given: Any, before: Any) -> Any:  # noqa: ANN401
        """What hooks made of the real rows, and below them the rest as the module gave it."""
        return given if self.real == self.size else tree_map(self._filled, given, before)

    def _cut(self, leaf: Any) -> Any:  # noqa: ANN401
        return leaf[: self.real] if isinstance(leaf, torch.Tensor) and leaf.ndim and len(leaf) == self.size else leaf

    def _filled(self, given: Any, before: Any) -> Any:  # noqa: ANN401
        if not isinstance(before, torch.Tensor) or not before.ndim or len(before) != self.size:
            return given
        if given.data_ptr() == before.data_ptr() and not given.requires_grad:
            return before  # no hook changed it, or in place
        return torch.cat([given, before[self.real :]])


class _AnyBatch(nn.Module):
    def __init__(self, module: nn.Module, size: int, *, fill: bool) -> None:
        super().__init__()
        self.__dict__["_program"] = module  # not a submodule, or every layer's name would begin with it
        self._share()
        self.size, self.fill = size, fill
        self._rows = _Rows(size)
        for each in list(module.modules())[1:] if fill else ():
            _Shown(each, self._rows)

    def pieces(self, batch: int) -> list[int]:
        """Real samples of each pass that a batch takes."""
        return [min(self.size, batch - start) for start in range(0, batch, self.size)]

    def forward(self, *args: torch.Tensor, **kwargs: torch.Tensor) -> object:
        inputs: Inputs = kwargs or (args if len(args) > 1 else args[0])
        batch = rows(inputs)
        outputs = [
            self._pass(part(inputs, start, start + self.size), min(self.size, batch - start))
            for start in range(0, batch, self.size)
        ]
        return outputs[0] if len(outputs) == 1 else tree_map(_joined, *outputs)

    def _pass(self, inputs: "Inputs", real: int) -> object:
        program, missing = self.__dict__["_program"], self.size - real if self.fill else 0
        program.training = self.training
        self._rows.real = real if missing else self.size
        try:
            if missing:
                inputs = mapped(inputs, lambda each: torch.cat([each, each[-1:].expand(missing, *each.shape[1:])]))
            return self._rows.cut(run(program, inputs))
        finally:
            self._rows.real = self.size

    def extra_repr(self) -> str:
        told: str = self.__dict__["_program"].extra_repr()
        return f"size={self.size}" + (f", {told}" if told else "")

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002
        self.__dict__["_program"]._apply(fn, recurse)
        self._share()
        return self

    def _share(self) -> None:
        """Hold what the program holds, under the same names."""
        for kept in ("_modules", "_parameters", "_buffers", "_non_persistent_buffers_set"):
            self.__dict__[kept] = self.__dict__["_program"].__dict__[kept]


def _joined(*parts: Any) -> Any:  # noqa: ANN401 - leaves of any output
    return torch.cat(parts) if isinstance(parts[0], torch.Tensor) and parts[0].ndim else parts[0]


class _Shown:
    """Lets hooks on a module see the real rows of its output, and its caller all of them."""

    def __init__(self, module: nn.Module, rows: _Rows) -> None:
        self._rows = rows
        self._whole: object = None
        module.register_forward_hook(self._cut)
        kind, fill = type(module), self._fill

        def call(self: nn.Module, *args: object, **kwargs: object) -> object:
            return fill(kind.__call__(self, *args, **kwargs))

        module.__class__ = type(kind.__name__, (kind,), {"__call__": call, "__module__": kind.__module__})

    def _cut(self, _module: object, _inputs: object, output: object) -> object:
        self._whole = output
        return self._rows.cut(output)

    def _fill(self, given: object) -> object:
        before, self._whole = self._whole, None
        return self._rows.filled(given, before)
