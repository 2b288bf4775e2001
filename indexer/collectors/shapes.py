"""The layers of a subject, seen by running it, and the patterns that name them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from indexer.collectors.taps import evaluating
from indexer.errors import SubjectFault
from indexer.subjects.inputs import run, stacked
from indexer.subjects.layers import first_tensor, named_layers
from indexer.subjects.layouts import MAP, PLAIN, TOKENS, layouts_of
from indexer.subjects.patterns import LayerShape, matching, resolved
from indexer.subjects.subject import Subject
from indexer.subjects.widths import kind_of

__all__ = ["LayerShape", "layer_shapes", "resolve_layers"]

_PROBES = (2, 1)
"""Batch sizes of the two passes: the axis that follows them both is the batch."""


def layer_shapes(subject: Subject, patterns: Sequence[str] = ()) -> list[LayerShape]:
    """Every layer that can be indexed, in the order of the calls; those that match a pattern, where any is given.

    Runs the subject on synthetic images. Left out are layers that give no tensor, one of other than two to four axes,
    or one whose first axis is not the batch (windows of Swin, sequences with the tokens first).
    """
    shapes = _indexable(subject, _called(subject))
    names = [each.name for each in shapes]
    wanted = {name for pattern in patterns for name in matching(pattern, names)}
    return [each for each in shapes if not patterns or each.name in wanted]


def resolve_layers(subject: Subject, patterns: Sequence[str]) -> tuple[str, ...]:
    """Names and patterns → the names of layers, each once, in the order given; a pattern's in the order of the calls.

    `*` matches inside one part of a dotted name, `**` across parts: `blocks.*` are the blocks, `blocks.**` all within.
    A pattern stands for layers that can be indexed. Raises UnknownName for a name that is no layer's, SubjectFault for
    a layer that cannot be indexed, InvalidInput for a pattern that matches none.
    """
    named_layers(subject.module, [each for each in patterns if "*" not in each])
    called = _called(subject)
    usable = [each.name for each in _indexable(subject, called)]
    return resolved(patterns, usable, lambda layer: _not_indexable(layer, called.get(layer)))


class _Seen(NamedTuple):
    """Output of a layer for `_PROBES[0]` samples."""

    shape: tuple[int, ...]
    batched: bool
    """Whether its first axis is the batch."""


def _indexable(subject: Subject, called: dict[str, _Seen]) -> list[LayerShape]:
    layouts = layouts_of(subject.module, called)
    found = []
    for name, seen in called.items():
        if seen.batched and len(seen.shape) in (PLAIN, TOKENS, MAP):
            units = seen.shape[layouts[name].axis(seen.shape)]
            kind = kind_of(subject.module.get_submodule(name))
            found.append(LayerShape(name, kind, seen.shape[1:], units))
    return found


def _not_indexable(layer: str, seen: _Seen | None) -> SubjectFault:
    why = "it is not called in the forward pass, or gives no tensor of floating-point numbers"
    if seen is not None:
        order = "" if seen.batched else ", so that samples cannot be told apart"
        why = f"it gives {list(seen.shape)} for a batch of {_PROBES[0]}{order}"
    return SubjectFault(
        f"Layer {layer!r} cannot be indexed: {why}.",
        hint="Choose a layer whose first axis is the batch: lens build --list-layers names them with their shapes.",
    )


def _called(subject: Subject) -> dict[str, _Seen]:
    """What each layer gives, in the order of the calls."""
    sizes = [min(size, subject.batch or size) for size in _PROBES]
    more, one = (_pass(subject, size) for size in sizes)
    return {name: _Seen(shape, batched=[*shape[:1], *one.get(name, ())[:1]] == sizes) for name, shape in more.items()}


def _pass(subject: Subject, size: int) -> dict[str, tuple[int, ...]]:
    """Shapes of all layers in one forward pass."""
    import torch

    module, found = subject.module, dict[str, tuple[int, ...]]()
    device = next((each.device for each in module.parameters()), torch.device("cpu"))
    inputs = stacked([subject.preprocess(image) for image in _images(size)], str(device))
    handles = [each.register_forward_hook(_note(found, name)) for name, each in module.named_modules() if name]
    try:
        with evaluating(module), torch.inference_mode():
            run(module, inputs)
    except (RuntimeError, TypeError, ValueError, IndexError, AssertionError) as fault:
        raise SubjectFault(
            f"{subject.name} cannot be run on what its preprocess gives: {str(fault).strip() or type(fault).__name__}",
            hint="Check that the preprocess is the model's own; python:MODULE:FACTORY takes any.",
        ) from fault
    finally:
        for handle in handles:
            handle.remove()
    return found


def _images(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)) for _ in range(count)]


def _note(found: dict[str, tuple[int, ...]], name: str) -> Any:  # noqa: ANN401
    def note(_module: object, _inputs: object, output: object) -> None:
        with suppress(SubjectFault):
            tensor = first_tensor(output, name)
            if tensor.is_floating_point():
                found[name] = tuple(tensor.shape)

    return note
