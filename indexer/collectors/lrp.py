"""Layer-wise relevance propagation: zennit's rules on modules, ours on sums that no module makes.

EpsilonPlusFlat (Montavon et al. 2019, "LRP: An Overview"): ε for linear layers, z+ for convolutions, flat for the first
of them; batch norms are merged into the layer before. A residual sum a + b divides relevance as a and b make it up.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from indexer.collectors.contributions import captured
from indexer.errors import MissingExtra, SubjectFault
from indexer.subjects.inputs import attributable, mapped, run
from indexer.subjects.layers import first_tensor, named_layers

if TYPE_CHECKING:
    from indexer.subjects.inputs import Inputs

_SUMS = {"add", "add_", "__add__", "__iadd__", "__radd__"}
_ELEMENTWISE = _SUMS | {
    *("sub", "sub_", "__sub__", "__isub__", "__rsub__", "mul", "mul_", "__mul__", "__imul__", "__rmul__"),
    *("div", "div_", "__truediv__", "__itruediv__", "true_divide"),
}
_REARRANGING = {
    *("__getitem__", "cat", "chunk", "clone", "concat", "contiguous", "detach", "dropout", "expand", "flatten"),
    *("movedim", "pad", "permute", "reshape", "select", "split", "squeeze", "stack", "to", "transpose", "unsqueeze"),
    *("view", "view_as", "float", "requires_grad_", "relu", "relu_", "max_pool2d", "max_pool2d_with_indices"),
}
"""Functions whose gradient is the rule: they move values, or pass on the ones that win."""
_STABLE = 1e-6
_PRODUCTS = ("Convolution", "Addmm", "Mm", "Bmm", "Baddbmm", "Linear", "MkldnnConvolution", "ThnnConv", "Slow")
"""How the nodes of products begin that a linear layer or a convolution makes, one each."""


class Ruled:
    """A copy of a subject's module whose backward passes propagate relevance."""

    def __init__(self, module: torch.nn.Module, functions: "_Functions") -> None:
        self.module = module
        self._functions = functions

    def __call__(self, inputs: "Inputs") -> object:
        """A forward pass; only such passes propagate."""
        self._functions.begin()
        with self._functions:
            return run(self.module, inputs)


@contextmanager
def ruled(module: torch.nn.Module, layers: Sequence[str], inputs: "Inputs") -> Iterator[Ruled]:
    """What propagates relevance from the layers to the inputs; `inputs` are tried at once.

    Raises SubjectFault naming what has no rule on the way to the layers, MissingExtra without zennit.
    """
    try:
        from zennit.canonizers import NamedMergeBatchNorm
        from zennit.composites import EpsilonPlusFlat
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"Relevance propagation needs the package {missing.name!r}.", hint="pip install 'lens[lrp]'"
        ) from missing
    plain = mapped(inputs, torch.Tensor.detach)
    twin = copy.deepcopy(module)
    with captured(twin, layers) as kept, torch.no_grad():
        merged = NamedMergeBatchNorm(_normed(twin, layers, plain))
        before = [call for layer in layers for call in kept.calls[layer]]
    with (
        EpsilonPlusFlat(canonizers=[merged]).context(twin),
        _Functions.watching(twin, layers) as functions,
    ):
        propagating = Ruled(twin, functions)
        with captured(twin, layers) as kept, torch.enable_grad():
            propagating(attributable(plain))
            after = [call for layer in layers for call in kept.calls[layer]]
            functions.check(after)
        if not all(map(_same, before, after)):
            raise SubjectFault(
                f"Relevance propagation cannot follow {type(module).__name__}: read so, it computes something else.",
                hint="Use --crop gradient or --crop activation.",
            )
        yield propagating


class _Functions(TorchFunctionMode):
    """Sees every function that no ruled module calls, until all the layers have given their outputs."""

    def __init__(self, name: str, layers: Sequence[str]) -> None:
        super().__init__()
        self._name, self._layers = name, set(layers)
        self._unruled: dict[str, None] = {}
        self.begin()

    @classmethod
    @contextmanager
    def watching(cls, module: torch.nn.Module, layers: Sequence[str]) -> Iterator["_Functions"]:
        from zennit.types import Activation, AvgPool, BatchNorm, Linear, MaxPool

        functions = cls(type(module).__name__, layers)
        known = (Activation, AvgPool, BatchNorm, Linear, MaxPool, torch.nn.Dropout, torch.nn.Dropout2d)
        with ExitStack() as hooks:
            for each in module.modules():
                if isinstance(each, torch.nn.MultiheadAttention):
                    hooks.callback(each.register_forward_pre_hook(functions._attention).remove)
                elif isinstance(each, known):
                    hooks.callback(each.register_forward_pre_hook(functions._enter, prepend=True).remove)
                    hooks.callback(each.register_forward_hook(functions._leave).remove)
            for layer, each in named_layers(module, layers).items():
                hooks.callback(each.register_forward_hook(functions._reached(layer)).remove)
            yield functions

    def begin(self) -> None:
        """A forward pass starts."""
        self._depth, self._linear, self._waiting = 0, 0, set(self._layers)

    def check(self, outputs: Sequence[torch.Tensor]) -> None:
        """Refuse what was called without a rule on the way to these outputs."""
        # Scripts and exported programs call no functions that could be seen: what they did stands in the graph.
        if _products(outputs) > self._linear:
            self._unruled["products outside its modules"] = None
        if self._unruled:
            raise SubjectFault(
                f"Relevance propagation has no rule for {', '.join(self._unruled)} in {self._name}.",
                hint="Use --crop gradient or --crop activation.",
            )

    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        name, kwargs = getattr(func, "__name__", str(func)), kwargs or {}
        if self._depth or name not in _ELEMENTWISE:
            return self._noted(name, func(*args, **kwargs))
        terms = [each for each in args if isinstance(each, torch.Tensor) and each.requires_grad]
        if name in _SUMS and len(terms) == 2 and not kwargs:
            return _Sum.apply(*terms)  # never in place: backward needs both terms
        if len(terms) == 1:
            given = func(*(each.clone() if each is terms[0] else each for each in args), **kwargs)
            if given.shape == terms[0].shape:
                return _Passed.apply(terms[0], given)
        return self._noted(name, func(*args, **kwargs), known=False)

    def _noted(self, name: str, given: Any, *, known: bool = True) -> Any:  # noqa: ANN401
        known = (known and name in _REARRANGING) or self._depth > 0 or not self._waiting
        if not known and isinstance(given, torch.Tensor) and given.requires_grad:
            self._unruled[name.strip("_")] = None
        return given

    def _enter(self, module: object, _inputs: object) -> None:
        self._depth += 1
        self._linear += hasattr(module, "weight")

    def _leave(self, _module: object, _inputs: object, _output: object) -> None:
        self._depth -= 1

    def _attention(self, _module: object, _inputs: object) -> None:
        if self._waiting:
            self._unruled["attention"] = None

    def _reached(self, layer: str) -> Any:  # noqa: ANN401
        return lambda _module, _inputs, _output: self._waiting.discard(layer)


class _Sum(torch.autograd.Function):
    """a + b; relevance is divided as the values are (the rule zennit calls Norm)."""

    @staticmethod
    def forward(ctx: Any, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        ctx.save_for_backward(a, b)
        return a + b

    @staticmethod
    def backward(ctx: Any, relevance: torch.Tensor) -> Any:  # noqa: ANN401
        a, b = ctx.saved_tensors
        total = a + b
        share = relevance / (total + _STABLE * torch.where(total < 0, -1, 1))
        return (a * share).sum_to_size(a.shape), (b * share).sum_to_size(b.shape)


class _Passed(torch.autograd.Function):
    """A value computed of another and of constants; relevance passes as it is."""

    @staticmethod
    def forward(ctx: Any, _value: torch.Tensor, given: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
        return given.clone()

    @staticmethod
    def backward(ctx: Any, relevance: torch.Tensor) -> Any:  # noqa: ANN401
        return relevance, None


def _normed(module: torch.nn.Module, layers: Sequence[str], inputs: "Inputs") -> list[tuple[list[str], str]]:
    """Names of (linear layer, batch norm) where the one's output is the other's input, and no layer that is asked."""
    from zennit.types import BatchNorm, Linear

    made: dict[int, tuple[str, object]] = {}
    pairs: dict[str, set[str]] = {}

    def note(name: str, _module: object, _inputs: object, output: object) -> None:
        made[id(output)] = name, output

    def pair(name: str, _module: object, given: tuple[object, ...]) -> None:
        pairs.setdefault(name, set()).add(made.get(id(given[0]), ("", None))[0])

    def forget(layer: str, _module: object, _inputs: object, output: object) -> None:
        made.pop(id(first_tensor(output, layer)), None)

    with ExitStack() as hooks:
        for name, each in module.named_modules():
            if isinstance(each, Linear):
                hooks.callback(each.register_forward_hook(partial(note, name)).remove)
            elif isinstance(each, BatchNorm) and each.affine and each.track_running_stats:
                hooks.callback(each.register_forward_pre_hook(partial(pair, name)).remove)
        for layer, each in named_layers(module, layers).items():
            hooks.callback(each.register_forward_hook(partial(forget, layer)).remove)
        run(module, inputs)
    single = {norm: next(iter(before)) for norm, before in pairs.items() if len(before) == 1 and "" not in before}
    used = list(single.values())
    return [([before], norm) for norm, before in single.items() if used.count(before) == 1]


def _products(outputs: Sequence[torch.Tensor]) -> int:
    """Convolutions and matrix products that these tensors were made by."""
    waiting, seen = [each.grad_fn for each in outputs], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions]
    return sum(node.name().startswith(_PRODUCTS) for node in seen)


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and bool((a - b).abs().max() <= 1e-3 * a.abs().max() + 1e-6)
