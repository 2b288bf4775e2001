"""Sparse autoencoders on layers of a subject: latents become neurons of the layer `LAYER.sae`.

An autoencoder reads what its layer gives, position by position:
    pre = (x − pre_bias) · W_enc + b_enc,    z = form(pre)
    relu        max(pre, 0)                                     Bricken et al. 2023
    topk        max(pre, 0) for the k largest of a position, else 0    Gao et al. 2024, arXiv 2406.04093
    jumprelu    max(pre, 0) where pre > threshold, else 0       Rajamanoharan et al. 2024, arXiv 2407.14435
The subject goes on with the layer's own output, not with the reconstruction, so what it says stays the same.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from indexer.errors import InvalidInput, SubjectFault
from indexer.subjects.layers import exchanged, first_tensor, named_layers
from indexer.subjects.layouts import Layout, layouts_of
from indexer.subjects.sae_files import FORMS, JUMP_RELU, TOP_K, Weights, read_weights
from indexer.subjects.subject import Subject
from indexer.subjects.text_subject import TextSubject

Inspected = TypeVar("Inspected", bound=Subject | TextSubject)
NAME = "sae"
SLICE_BYTES = 64 * 2**20
"""Latents that are held at a time, unless those of one sample are more."""


class SparseAutoencoder(nn.Module):
    """Dimensions [rows, …, d] → latents [rows, …, latents], in float32."""

    neurons_last = True
    """Latents are on the last axis (`indexer/subjects/layouts.py`)."""
    sliced = True
    """A batch comes in several calls, some rows each (`indexer/collectors/taps.py`)."""
    encoder: torch.Tensor
    encoder_bias: torch.Tensor
    decoder: torch.Tensor
    pre_bias: torch.Tensor | None
    threshold: torch.Tensor

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self.form, self.k = weights.form, weights.k
        # Whatever changes a latent is a buffer, so that it counts in the subject's digest.
        self.register_buffer("settings", torch.tensor([FORMS.index(weights.form), weights.k]))
        for name in ("encoder", "encoder_bias", "decoder", "pre_bias", "threshold"):
            self.register_buffer(name, getattr(weights, name))

    @property
    def width(self) -> int:
        """Dimensions it reads."""
        return int(self.encoder.shape[1])

    @property
    def latents(self) -> int:
        """Neurons it gives."""
        return int(self.encoder.shape[0])

    def forward(self, dimensions: torch.Tensor) -> torch.Tensor:
        """The latents; where gradients are asked for, they are where the graph begins."""
        with torch.no_grad(), torch.autocast(dimensions.device.type, enabled=False):
            latents = self._encoded(dimensions.detach().float())
        return latents.requires_grad_(torch.is_grad_enabled())

    def added(self, latents: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        """What other latents than before add to the reconstruction, [rows, …, d]; exactly 0 where they are equal."""
        with torch.autocast(latents.device.type, enabled=False):
            return (latents.float() - before) @ self.decoder

    def _encoded(self, dimensions: torch.Tensor) -> torch.Tensor:
        pre = F.linear(
            dimensions if self.pre_bias is None else dimensions - self.pre_bias, self.encoder, self.encoder_bias
        )
        if self.form == JUMP_RELU:
            return pre.relu_().mul_(pre > self.threshold)
        if self.form == TOP_K:
            strongest = pre.topk(self.k, dim=-1)
            return pre.zero_().scatter_(-1, strongest.indices, strongest.values.relu_())
        return pre.relu_()

    def extra_repr(self) -> str:
        """Widths and form."""
        chosen = f", k={self.k}" if self.form == TOP_K else ""
        return f"{self.width} → {self.latents}, {self.form}{chosen}"


def attach(subject: Inspected, saes: Mapping[str, Path]) -> Inspected:
    """The subject with an autoencoder on each of these layers, read from a .safetensors file or a folder with one.

    Raises UnknownName for a layer, InvalidInput for no file, SubjectFault for a file that is not understood.
    A width other than the layer's is told when the layer runs.
    """
    layers = named_layers(subject.module, list(saes))
    if isinstance(subject, TextSubject):
        layouts = {layer: Layout(layer, last=True) for layer in saes}
    else:
        layouts = layouts_of(subject.module, saes)
    made = {layer: SparseAutoencoder(read_weights(Path(file))) for layer, file in saes.items()}
    notes = list(subject.notes)
    device = next((each.device for each in subject.module.parameters()), torch.device("cpu"))
    for layer, sae in made.items():
        if hasattr(layers[layer], NAME):
            raise InvalidInput(f"Layer {layer!r} already has a module {NAME!r}.", hint="Give one autoencoder a layer.")
        _show(layers[layer], sae.to(device).eval())
        layers[layer].register_forward_hook(_Reading(sae, layouts[layer]))
        notes.append(f"{layer}.{NAME} holds the {sae.latents} latents of {Path(saes[layer]).name} ({sae.form}).")
    return replace(subject, notes=tuple(notes))


class _Read(nn.Module):
    """Mixed into the class of a layer with an autoencoder, which is a module of it by name, but no child.

    Containers run, count and slice their children.
    """

    def named_modules(self, memo: Any = None, prefix: str = "", remove_duplicate: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002
        """Those of the layer, then the autoencoder."""
        memo = set() if memo is None else memo
        yield from super().named_modules(memo, prefix, remove_duplicate)
        sae: SparseAutoencoder = self.__dict__[NAME]
        yield from sae.named_modules(memo, f"{prefix}.{NAME}" if prefix else NAME, remove_duplicate)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002
        self.__dict__[NAME]._apply(fn)
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]


def _show(layer: nn.Module, sae: SparseAutoencoder) -> None:
    kind = type(layer)
    layer.__dict__[NAME] = sae
    layer.__class__ = type(kind.__name__, (_Read, kind), {"__module__": kind.__module__})


@dataclass(frozen=True)
class _Reading:
    """The hook on a layer that shows its output to the autoencoder, when anybody looks at that."""

    sae: SparseAutoencoder
    layout: Layout

    def __call__(self, _module: object, _inputs: object, output: object) -> object:
        if not self.sae._forward_hooks:
            return None
        tensor = first_tensor(output, self.layout.layer)
        dimensions = self.layout.neurons_last(tensor)
        if dimensions.shape[-1] != self.sae.width:
            raise SubjectFault(
                f"The autoencoder for layer {self.layout.layer!r} reads {self.sae.width} dimensions, but the layer "
                f"gives {dimensions.shape[-1]} (shape {list(tensor.shape)}).",
                hint="Name the layer it was trained on: lens build --list-layers shows each with its shape.",
            )
        changes = [self._change(rows) for rows in self._slices(dimensions)]
        if all(each is None for each in changes):
            return None
        slices = zip(self._slices(dimensions), changes, strict=True)
        change = torch.cat([torch.zeros_like(rows) if each is None else each.to(rows) for rows, each in slices])
        # The neurons' axis goes back to where it was; the output leads, so that the sum lies in memory as it does.
        return exchanged(output, tensor, tensor + change.movedim(-1, self.layout.axis(tuple(tensor.shape))))

    def _change(self, rows: torch.Tensor) -> torch.Tensor | None:
        """What hooks on the latents add to the output; None where they change nothing and nobody wants gradients."""
        seen: list[torch.Tensor] = []
        handle = self.sae.register_forward_hook(lambda _module, _inputs, output: seen.append(output), prepend=True)
        try:
            latents = self.sae(rows)
        finally:
            handle.remove()
        if latents is seen[0] and not torch.is_grad_enabled():
            return None
        return self.sae.added(latents, seen[0].detach())

    def _slices(self, dimensions: torch.Tensor) -> Iterator[torch.Tensor]:
        """Rows at a time; all at once for gradients, whose graph holds all latents anyway."""
        positions = dimensions[0].numel() // self.sae.width if len(dimensions) else 1
        rows = max(1, SLICE_BYTES // (4 * positions * self.sae.latents))
        yield from [dimensions] if torch.is_grad_enabled() else dimensions.split(rows)
