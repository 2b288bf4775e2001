"""A method of a TorchScript module as steps: calls between modules in Python, all between them in TorchScript."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import torch

Env = dict[str, Any]
"""Name of a value in the graph → what it is in this call: tensors, lists, numbers, `Read` for a module."""
Step = Callable[[Env], None]

CALL, ATTRIBUTE, CONSTANT, IF, LOOP = "prim::CallMethod", "prim::GetAttr", "prim::Constant", "prim::If", "prim::Loop"
UNPACK, APPEND = "prim::TupleUnpack", "aten::append"
FORWARD = re.compile(r"forward(__\d+|\d*)")
"""A forward with overloads has a method for each, one that is traced several times a method for each call."""
IN_PYTHON = (CALL, ATTRIBUTE, APPEND, UNPACK)
"""Calls and attributes of modules; lists that others see grow; tuples, of which a call may leave parts undefined."""
MADE_WHERE_READ = (CONSTANT, "prim::Uninitialized")
NOT_FOLLOWED = ("prim::SetAttr", "prim::fork", "prim::Enter", "prim::Exit", "prim::CreateObject")


class Owner(Protocol):
    """A module whose methods are followed."""

    @property
    def script(self) -> Any:  # noqa: ANN401
        """The module as TorchScript has it."""
        ...


class NotFollowedError(Exception):
    """A method does what is not followed."""


class Method:
    """A method of a module, as steps."""

    def __init__(self, owner: Owner, name: str) -> None:
        method = owner.script._c._get_method(name)
        graph, self._owner = method.graph, owner
        self._defaults = [each.default_value if each.has_default_value() else None for each in method.schema.arguments]
        self._inputs = [each.debugName() for each in graph.inputs()]
        self._block = _Block(graph, owner)

    def __call__(self, args: Sequence[Any]) -> Any:  # noqa: ANN401
        """Run the method; what is not given is as the program's defaults say."""
        values = (self._owner, *args)
        given = dict(zip(self._inputs, (*values, *self._defaults[len(values) :]), strict=True))
        results = self._block(given)
        return results[0] if len(results) == 1 else tuple(results)


class _Block:
    """A graph, or a branch of one: calls and attributes in Python, all between them in TorchScript."""

    def __init__(self, block: Any, owner: Owner) -> None:  # noqa: ANN401 - torch._C has no types
        self._owner = owner
        self._returned = list(block.outputs())
        self._steps: list[Step] = []
        nodes = list(block.nodes())
        waiting: list[Any] = []
        for place, node in enumerate(nodes):
            if _in_torchscript(node):
                waiting.append(node)
                continue
            self._run_between(waiting, nodes[place:])
            waiting = []
            self._steps.append(self._in_python(node))
        self._run_between(waiting, [])

    def __call__(self, env: Env) -> list[Any]:
        for step in self._steps:
            step(env)
        return [_value(each, env) for each in self._returned]

    def _run_between(self, nodes: list[Any], later: list[Any]) -> None:
        nodes = [each for each in nodes if each.kind() not in MADE_WHERE_READ]
        if nodes:
            used = {each.debugName() for each in (*_reads(later), *self._returned)}
            self._steps.append(_Between(nodes, used))

    def _in_python(self, node: Any) -> Step:  # noqa: ANN401
        kind, outputs = node.kind(), [each.debugName() for each in node.outputs()]
        inputs = list(node.inputs())
        if kind == ATTRIBUTE:
            name = node.s("name")
            return lambda env: env.update({outputs[0]: _value(inputs[0], env).attribute(name)})
        if kind == CALL:
            return self._calling(node.s("name"), inputs, outputs[0])
        if kind == APPEND:
            return _appending(inputs, outputs)
        if kind == UNPACK:
            return lambda env: env.update(zip(outputs, _value(inputs[0], env), strict=True))
        if kind == IF:
            return self._branching(node, inputs[0], outputs)
        if kind == LOOP:
            return self._looping(node, inputs, outputs)
        raise NotFollowedError(kind)

    def _calling(self, method: str, inputs: list[Any], output: str) -> Step:
        def call(env: Env) -> None:
            module, *args = (_value(each, env) for each in inputs)
            through_hooks = FORWARD.fullmatch(method) and module is not self._owner
            env[output] = module(*args, overload=method) if through_hooks else module.call(method, args)

        return call

    def _branching(self, node: Any, condition: Any, outputs: list[str]) -> Step:  # noqa: ANN401
        chosen = [_Block(each, self._owner) for each in node.blocks()]

        def branch(env: Env) -> None:
            results = chosen[0 if _value(condition, env) else 1](env)
            env.update(zip(outputs, results, strict=True))

        return branch

    def _looping(self, node: Any, inputs: list[Any], outputs: list[str]) -> Step:  # noqa: ANN401
        (inside,) = node.blocks()
        body, names = _Block(inside, self._owner), [each.debugName() for each in inside.inputs()]

        def loop(env: Env) -> None:
            most, going, *carried = (_value(each, env) for each in inputs)
            count = 0
            while going and count < most:
                env.update(zip(names, (count, *carried), strict=True))
                going, *carried = body(env)
                count += 1
            env.update(zip(outputs, carried, strict=True))

        return loop


class _Between:
    """Nodes that touch no module, as a function that TorchScript runs."""

    def __init__(self, nodes: Sequence[Any], used: set[str]) -> None:
        made = {each.debugName() for node in nodes for each in node.outputs()}
        read = {each.debugName(): each for each in _reads(nodes)}
        self._inputs = [name for name, each in read.items() if name not in made and not _is_constant(each)]
        outputs = [each.debugName() for node in nodes for each in node.outputs()]
        self._names = [each for each in outputs if each in used]
        graph = torch._C.Graph()
        known: dict[str, Any] = {}
        for name in self._inputs:
            known[name] = graph.addInput().setType(read[name].type())
        for name, each in read.items():
            if name not in made and _is_constant(each):
                known[name] = _cloned(graph, each.node(), known)[0]
        for node in nodes:
            names = [each.debugName() for each in node.outputs()]
            known.update(zip(names, _cloned(graph, node, known), strict=True))
        graph.registerOutput(_tuple(graph, [known[each] for each in self._names]))
        self._function = torch._C._create_function_from_graph("between", graph)

    def __call__(self, env: Env) -> None:
        results = self._function(*(env[name] for name in self._inputs))
        env.update(zip(self._names, results, strict=True))


def _cloned(graph: Any, node: Any, known: dict[str, Any]) -> list[Any]:  # noqa: ANN401
    clone = graph.createClone(node, lambda value: known[value.debugName()])
    graph.appendNode(clone)
    return list(clone.outputs())


def _tuple(graph: Any, values: list[Any]) -> Any:  # noqa: ANN401
    node = graph.create("prim::TupleConstruct", values, 1)
    graph.appendNode(node)
    (made,) = node.outputs()
    made.setType(torch._C.TupleType([each.type() for each in values]))
    return made


def _in_torchscript(node: Any) -> bool:  # noqa: ANN401
    """Whether a node touches no module, nor a list that others see change."""
    for each in all_nodes([node]):
        kind = each.kind()
        if kind in NOT_FOLLOWED:
            raise NotFollowedError(kind)
        if kind in IN_PYTHON:
            return False
        if "(a!)" in each.schema() and not each.schema().partition("(a!)")[0].rstrip().endswith("Tensor"):
            raise NotFollowedError(kind)
    return True


def _appending(inputs: list[Any], outputs: list[str]) -> Step:
    def append(env: Env) -> None:
        kept = _value(inputs[0], env)
        kept.append(_value(inputs[1], env))
        env.update(dict.fromkeys(outputs, kept))

    return append


def all_nodes(nodes: Iterable[Any]) -> Iterable[Any]:
    """The nodes, and those of branches and loops among them."""
    for node in nodes:
        yield node
        for block in node.blocks():
            yield from all_nodes(block.nodes())


def _reads(nodes: Iterable[Any]) -> list[Any]:
    """Values from outside that nodes, or branches in them, read."""
    nodes = list(nodes)
    inside = {
        each.debugName() for node in nodes for block in node.blocks() for each in (*block.inputs(), *_made(block))
    }
    direct = [each for node in all_nodes(nodes) for each in node.inputs()]
    returned = [each for node in all_nodes(nodes) for block in node.blocks() for each in block.outputs()]
    return [each for each in (*direct, *returned) if each.debugName() not in inside]


def _made(block: Any) -> list[Any]:  # noqa: ANN401
    found = []
    for node in all_nodes(block.nodes()):
        found += list(node.outputs())
        for inner in node.blocks():
            found += list(inner.inputs())
    return found


def _is_constant(value: Any) -> bool:  # noqa: ANN401
    return value.node().kind() in MADE_WHERE_READ


def _value(value: Any, env: Env) -> Any:  # noqa: ANN401
    name = value.debugName()
    if name in env or not _is_constant(value):
        return env[name]
    return value.toIValue() if value.node().kind() == CONSTANT else None
