"""Where the neurons of a layer's output are: on which axis, and where in the image its positions lie.

A map of four axes is [batch, channels, height, width] in most nets and [batch, height, width, channels] in Swin and
others; a sequence is [batch, tokens, dimensions] or, behind Conv1d, [batch, channels, length]. Shapes alone do not
tell. In this order decides:

1. the widths of the modules in the subject: those of convolutions and batch or group norms stand on axis 1, those of
   linear layers and layer norms on the last; an axis wins when its size is such a width and the other's is not;
2. for maps, squareness: [b, n, n, c] has its channels last, [b, c, n, n] first;
3. the same widths, looked up in the layer itself, its parent and so on outwards;
4. any of the subject's widths, on one axis and not on the other;
5. else maps have their channels first, sequences their dimensions last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

from indexer.errors import SubjectFault
from indexer.subjects.layers import named_layers
from indexer.subjects.widths import Widths, grid_sizes, prefix_tokens, scopes_of, sequence_first, widths_by_scope

if TYPE_CHECKING:
    import torch

MAP, TOKENS, PLAIN = 4, 3, 2
"""Axes of a map, of a sequence of tokens and of a plain layer, the batch's included."""
PREFIXES = (0, 1, 5)
"""Tokens that usually stand before those of the image: none, CLS, CLS and four registers."""


@dataclass(frozen=True)
class Layout:
    """How the output of one layer is read; every method takes tensors of that layer."""

    layer: str
    scopes: tuple[Widths, ...] = ()
    """Widths in the layer, in its parent and so on up to the whole subject."""
    prefix: int | None = None
    """Tokens before those of the image, where the subject says so."""
    grids: tuple[tuple[int, int], ...] = ()
    """Heights and widths that the subject cuts images into."""
    sequence_first: bool = False
    """Whether the subject holds modules that want [tokens, batch, dimensions]."""
    last: bool = False
    """The module itself says that its neurons are on the last axis."""

    def axis(self, shape: tuple[int, ...]) -> int:
        """The axis of the neurons, 1 or the last; raises SubjectFault for a shape that is no layer's."""
        count = len(shape)
        if count not in (MAP, TOKENS, PLAIN):
            raise SubjectFault(
                f"Layer {self.layer!r} gives a tensor of shape {shape}, which is neither a map "
                "[batch, channels, height, width], "
                "tokens [batch, tokens, dimensions] nor plain [batch, units].",
                hint="Choose another layer: lens build --list-layers names them with their shapes.",
            )
        if count == PLAIN or self.last:
            return count - 1
        decided = self._by_widths(shape, self.scopes[-1:])
        if decided is None and count == MAP and (shape[1] == shape[2]) != (shape[2] == shape[3]):
            decided = 3 if shape[1] == shape[2] else 1
        if decided is None:
            decided = self._by_widths(shape, self.scopes)
        if decided is None:  # e.g. dimensions behind a pooling of tokens, [b, c, 1]
            known = [frozenset().union(*scope) for scope in self.scopes[-1:]]
            decided = self._by_widths(shape, [(each, each) for each in known])
        return decided if decided is not None else (1 if count == MAP else 2)

    def neurons_last(self, output: "torch.Tensor") -> "torch.Tensor":
        """The same tensor seen as [batch, …, neurons]; writing to it writes to the output."""
        self._refuse_sequence_first(output)
        return output.movedim(self.axis(tuple(output.shape)), -1)

    def positions_last(self, output: "torch.Tensor") -> "torch.Tensor":
        """[batch, neurons, positions]; a plain layer has one position."""
        self._refuse_sequence_first(output)
        axis = self.axis(tuple(output.shape))
        if output.ndim == PLAIN:
            return output[:, :, None]
        return output.flatten(2) if axis == 1 else output.flatten(1, -2).transpose(1, 2)

    def grid(self, output: "torch.Tensor") -> "torch.Tensor | None":
        """[batch, neurons, height, width], the positions as they lie in the image.

        Tokens that stand for no place (CLS, registers) are left out. None where the positions form no grid.
        """
        seen = self.neurons_last(output)
        if seen.ndim == MAP:
            return seen.movedim(-1, 1)
        if seen.ndim == PLAIN:
            return None
        for prefix, height, width in self._grids(seen.shape[1]):
            image = seen[:, prefix:]
            return image.reshape(len(image), height, width, -1).movedim(-1, 1)
        return None

    def _grids(self, tokens: int) -> "list[tuple[int, int, int]]":
        """(prefix, height, width) of every way to see tokens as a grid, the most trusted first."""
        prefixes = PREFIXES if self.prefix is None else (self.prefix, *PREFIXES)
        found = []
        for prefix in prefixes:
            count = tokens - prefix
            halved = [(height >> level, width >> level) for height, width in self.grids for level in range(6)]
            found += [(prefix, h, w) for h, w in halved if h and w and h * w == count]
            if count > 0 and isqrt(count) ** 2 == count:
                found.append((prefix, isqrt(count), isqrt(count)))
        return found

    def _by_widths(self, shape: tuple[int, ...], scopes: Sequence[Widths]) -> int | None:
        for first, last in scopes:
            at_first, at_last = shape[1] in first, shape[-1] in last
            if at_first != at_last:
                return 1 if at_first else len(shape) - 1
        return None

    def _refuse_sequence_first(self, output: "torch.Tensor") -> None:
        if self.sequence_first and output.ndim == TOKENS and output.shape[0] == output.shape[1] > 1:
            raise SubjectFault(
                f"Layer {self.layer!r} gives {tuple(output.shape)}, and the subject holds modules made with "
                "batch_first=False: samples and tokens cannot be told apart.",
                hint="Use another --batch-size, or make the modules with batch_first=True.",
            )


def layout_of(module: "torch.nn.Module", layer: str) -> Layout:
    """How to read a layer of a subject; raises UnknownName with the nearest."""
    return layouts_of(module, [layer])[layer]


def layouts_of(module: "torch.nn.Module", layers: Iterable[str]) -> dict[str, Layout]:
    """How to read each of these layers; looks through the subject once."""
    layers = list(layers)
    named = named_layers(module, layers)
    scopes, prefix, grids = widths_by_scope(module), prefix_tokens(module), grid_sizes(module)
    tokens_first = sequence_first(module)
    return {
        layer: Layout(
            layer,
            scopes=tuple(scopes[scope] for scope in scopes_of(layer)),
            prefix=prefix,
            grids=grids,
            sequence_first=tokens_first,
            last=bool(getattr(named[layer], "neurons_last", False)),
        )
        for layer in layers
    }
