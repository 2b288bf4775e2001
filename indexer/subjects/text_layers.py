"""The layers of a text subject, seen by running it on short prompts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from indexer.errors import SubjectFault
from indexer.subjects.layers import first_tensor
from indexer.subjects.patterns import LayerShape, resolved
from indexer.subjects.text_manners import device_of_module, ordinary_tokens, running
from indexer.subjects.text_subject import TextSubject
from indexer.subjects.token_runs import INPUT, called, tapped
from indexer.subjects.widths import kind_of

if TYPE_CHECKING:
    import torch

_PROBES = ((2, 5), (3, 4))
"""(prompts, own tokens) of the two passes: the axes that follow them are those of prompts and tokens."""


class _Pass(NamedTuple):
    prompts: int
    tokens: int
    """Of a prompt, prefix and suffix included."""
    outputs: dict[str, list[tuple[int, ...]]]
    """Shapes that a module gave, call by call; modules in the order of the calls."""
    inputs: dict[str, list[tuple[int, ...]]]
    """Likewise what it was given first."""
    unnamed: set[str]
    """Modules that were given what is no other module's output."""

    def neurons(self, layer: str) -> int | None:
        """Neurons of `LAYER` or `LAYER.in` where it gives [prompts, tokens, neurons], in one call or in slices."""
        shapes = self.shapes(layer)
        fits = all(len(shape) == 3 and shape[1:] == (self.tokens, shapes[0][2]) for shape in shapes)
        return shapes[0][2] if shapes and fits and sum(shape[0] for shape in shapes) == self.prompts else None

    def shapes(self, layer: str) -> list[tuple[int, ...]]:
        """What `LAYER` gave, or `LAYER.in` was given."""
        if layer in self.outputs or not layer.endswith(INPUT):
            return self.outputs.get(layer, [])
        return self.inputs.get(layer.removesuffix(INPUT), [])


def text_layers(subject: TextSubject) -> list[LayerShape]:
    """Every layer that gives [batch, tokens, neurons] for texts, in the order of the calls.

    Among them is `LAYER.in`, what LAYER is given, where no module has that for its output, as the neurons of a gated
    MLP before its last projection. Runs the subject on two batches of short prompts; raises SubjectFault.
    """
    passes = _passes(subject)
    shown = [name for name in _names(passes[0]) if not name.endswith(INPUT) or name in passes[0].unnamed]
    return [_shape(subject, name, units) for name in shown if (units := _neurons(passes, name))]


def resolve_text_layers(subject: TextSubject, patterns: Sequence[str]) -> tuple[str, ...]:
    """Names and patterns → the names of layers, each once, in the order given; a pattern's in the order of the calls.

    Patterns are those of `patterns.matching`; one that ends in `.in` stands for what layers are given, any other for
    what they give. Raises UnknownName for a name that is no layer's, SubjectFault for a layer that cannot be indexed,
    InvalidInput for a pattern that matches none.
    """
    for pattern in patterns:
        if "*" not in pattern:
            tapped(subject.module, pattern)
    passes = _passes(subject)
    usable = [name for name in _names(passes[0]) if _neurons(passes, name)]
    given = [name for name in usable if name.endswith(INPUT)]
    found: list[str] = []
    for pattern in patterns:
        among = usable if "*" not in pattern else given if pattern.endswith(INPUT) else _without(usable, given)
        found += resolved([pattern], among, lambda layer: _not_indexable(layer, passes[0]))
    return tuple(dict.fromkeys(found))


def _names(seen: _Pass) -> list[str]:
    """In the order in which the layers end, `LAYER.in` before `LAYER`."""
    order = dict.fromkeys([*seen.outputs, *seen.inputs])
    return [name for layer in order for name in (f"{layer}{INPUT}", layer)]


def _without(names: Sequence[str], others: Iterable[str]) -> list[str]:
    left_out = set(others)
    return [name for name in names if name not in left_out]


def _neurons(passes: Sequence[_Pass], layer: str) -> int | None:
    counts = {each.neurons(layer) for each in passes}
    return counts.pop() if len(counts) == 1 else None


def _shape(subject: TextSubject, layer: str, units: int) -> LayerShape:
    return LayerShape(layer, kind_of(tapped(subject.module, layer)), (subject.context, units), units)


def _not_indexable(layer: str, seen: _Pass) -> SubjectFault:
    shapes = seen.shapes(layer)
    given = "is given" if layer.endswith(INPUT) and layer not in seen.outputs else "gives"
    why = f"it is not called in the forward pass, or {given} no tensor of floating-point numbers"
    if shapes:
        times = f" {len(shapes)} times" if len(shapes) > 1 else ""
        why = f"it {given} {list(shapes[0])}{times} for {seen.prompts} texts of {seen.tokens} tokens"
    return SubjectFault(
        f"Layer {layer!r} cannot be indexed: {why}.",
        hint="Choose a layer that gives [batch, tokens, neurons]: lens build --list-layers names them.",
    )


def _passes(subject: TextSubject) -> list[_Pass]:
    ordinary = ordinary_tokens(subject)
    return [
        _pass(subject, [subject.prompt((ordinary * tokens)[: min(tokens, subject.room)])] * prompts)
        for prompts, tokens in _PROBES
    ]


@dataclass
class _Watch:
    """Notes of all calls of one forward pass."""

    outputs: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)
    inputs: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)
    unnamed: set[str] = field(default_factory=set)
    held: "dict[int, torch.Tensor]" = field(default_factory=dict)
    """Outputs by their identity, which is theirs as long as they are held."""

    def give(self, name: str) -> Any:  # noqa: ANN401
        def note(_module: object, _inputs: object, output: object) -> None:
            tensor = _numbers(output, name)
            if tensor is not None:
                self.outputs.setdefault(name, []).append(tuple(tensor.shape))
                self.held[id(tensor)] = tensor

        return note

    def take(self, name: str) -> Any:  # noqa: ANN401
        def note(module: object, given: tuple[object, ...], named: dict[str, object]) -> None:
            tensor = _numbers((*given, *named.values()), name)
            if tensor is not None:
                self.inputs.setdefault(name, []).append(tuple(tensor.shape))
                if id(tensor) not in self.held and not getattr(module, "sliced", False):
                    self.unnamed.add(f"{name}{INPUT}")
                    self.held[id(tensor)] = tensor

        return note


def _numbers(value: object, name: str) -> "torch.Tensor | None":
    try:
        tensor = first_tensor(value, name)
    except SubjectFault:
        return None
    return tensor if tensor.is_floating_point() else None


def _pass(subject: TextSubject, ids: list[list[int]]) -> _Pass:
    module, watch = subject.module, _Watch()
    handles = []
    for name, each in module.named_modules():
        if name:
            handles.append(each.register_forward_pre_hook(watch.take(name), with_kwargs=True))
            handles.append(each.register_forward_hook(watch.give(name)))
    try:
        with running(subject, len(ids[0])):
            called(subject, ids, device_of_module(module))
    finally:
        for handle in handles:
            handle.remove()
    return _Pass(len(ids), len(ids[0]), watch.outputs, watch.inputs, watch.unnamed)
