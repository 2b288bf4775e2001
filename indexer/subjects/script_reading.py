"""A TorchScript module as modules of Python, so that hooks on its layers are called.

TorchScript runs calls between its modules in C++, where hooks of Python do not reach. Here each module that has
children is followed call by call: what lies between two calls is compiled to a function of its own and run by
TorchScript, the call itself goes through Python. A module without children runs as it is. So does one whose code does
what is not followed here (changes of its own attributes or of dictionaries, forks, context managers): it is one layer,
and its children are not seen.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.jit._fuser import optimized_execution
from torch.utils._pytree import tree_map

from indexer.subjects.script_steps import CALL, FORWARD, Method, NotFollowedError, all_nodes


class _Kept(NamedTuple):
    """Keeps a module from becoming a child: its parameters are the reading one's by name."""

    module: Any


class Read(nn.Module):
    """One TorchScript module; its children by the same names."""

    def __init__(self, script: Any) -> None:  # noqa: ANN401 - a ScriptModule
        super().__init__()
        self._script = _Kept(script)
        self.original_name = str(script.original_name)
        self.followed = True
        self._without_fast_path = False
        self._methods: dict[str, Method] = {}
        children = {name: Read(child) for name, child in script.named_children()}
        for name, child in children.items():
            self._modules[name] = child  # whatever its name is
        methods = _methods(script)
        if any(_calls_children(script, name) for name in methods):
            try:
                self._methods = {name: Method(self, name) for name in methods}
            except NotFollowedError:
                self.followed = False
                for name in children:
                    del self._modules[name]
        self._take_state()

    def forward(self, *args: Any, overload: str = "forward") -> Any:  # noqa: ANN401 - whatever the program takes
        """Run the module, by this method where its forward has overloads."""
        return self.call(overload, args)

    @property
    def script(self) -> Any:  # noqa: ANN401 - a ScriptModule
        """The module as TorchScript has it."""
        return self._script.module

    def call(self, method: str, args: Sequence[Any]) -> Any:  # noqa: ANN401
        """Run a method: followed where it has children, else by TorchScript.

        Without the optimiser, whose fused kernels from the third pass on would differ from the first two.
        """
        with optimized_execution(should_optimize=False):
            if method in self._methods:
                return self._methods[method](args)
            return self._whole(getattr(self.script, method), args)

    def _whole(self, run: Callable[..., Any], args: Sequence[Any]) -> Any:  # noqa: ANN401
        if not self._without_fast_path:
            try:
                return run(*args)
            except RuntimeError as fault:
                if "undefined Tensor" not in str(fault) or torch.is_grad_enabled():
                    raise
            self._without_fast_path = True
        return _with_graph(run, args)

    def attribute(self, name: str) -> Any:  # noqa: ANN401
        """A child, or what the program keeps under this name."""
        return self._modules[name] if name in self._modules else getattr(self.script, name)

    def _get_name(self) -> str:
        return self.original_name

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:  # noqa: ANN401, FBT001, FBT002
        self.script._apply(fn)
        for each in self.modules():
            if isinstance(each, Read):
                each._take_state()
        return self

    def _take_state(self) -> None:
        whole = not self._modules  # what children that are not seen hold is its own
        self._parameters = dict(self.script.named_parameters(recurse=whole))
        self._buffers = dict(self.script.named_buffers(recurse=whole))


def _with_graph(run: Callable[..., Any], args: Sequence[Any]) -> Any:  # noqa: ANN401
    """As with gradients, so that attention does not take its fast path: that leaves its weights undefined, which
    TorchScript can hand to its own code, but not to Python."""
    with torch.enable_grad():
        return tree_map(lambda each: each.detach() if isinstance(each, torch.Tensor) else each, run(*args))


def _methods(script: Any) -> list[str]:  # noqa: ANN401
    """`forward`, and the methods of its own that the module calls."""
    found: list[str] = []
    todo = [name for name in script._c._method_names() if FORWARD.fullmatch(name)]
    while todo:
        name = todo.pop()
        if name not in found:
            found.append(name)
            todo += [method for method, own in _called(script, name) if own]
    return found


def _calls_children(script: Any, method: str) -> bool:  # noqa: ANN401
    return any(not own for _, own in _called(script, method))


def _called(script: Any, method: str) -> list[tuple[str, bool]]:  # noqa: ANN401
    """Each method that a method calls, and whether on the module itself."""
    graph = script._c._get_method(method).graph
    itself = next(iter(graph.inputs())).debugName()
    calls = [node for node in all_nodes(graph.nodes()) if node.kind() == CALL]
    return [(node.s("name"), next(iter(node.inputs())).debugName() == itself) for node in calls]
