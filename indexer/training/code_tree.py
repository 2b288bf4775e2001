"""Facts of Python source that its syntax tree tells."""

import ast
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from indexer.training.code_marks import Marked, mark_docstring

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Placed(Marked, Protocol):
    """Facts, with where a line and a column in bytes are."""

    def at_byte(self, line: int, column: int) -> int:
        """Number of a character."""
        ...


WHOLE = {
    ast.Import: ("import statement",),
    ast.ImportFrom: ("import statement", "from import"),
    ast.Return: ("return statement",),
    ast.Raise: ("raise an exception",),
    ast.Assert: ("assert statement",),
    ast.Delete: ("delete statement",),
    ast.Global: ("global statement",),
    ast.Nonlocal: ("global statement",),
    ast.AugAssign: ("augmented assignment",),
    ast.Lambda: ("lambda",),
    ast.ListComp: ("list comprehension", "comprehension"),
    ast.DictComp: ("dictionary comprehension", "comprehension"),
    ast.SetComp: ("comprehension",),
    ast.GeneratorExp: ("generator expression", "comprehension"),
    ast.Dict: ("dictionary",),
    ast.Set: ("set literal",),
    ast.List: ("list",),
    ast.Tuple: ("tuple",),
    ast.Slice: ("slice",),
    ast.Compare: ("comparison",),
    ast.BoolOp: ("boolean expression",),
    ast.IfExp: ("conditional expression",),
    ast.Yield: ("yield",),
    ast.YieldFrom: ("yield",),
    ast.Await: ("await",),
    ast.Starred: ("unpacked argument",),
    ast.JoinedStr: ("f-string",),
}
"""Facts that hold all over a node."""


def mark_tree(facts: Placed, tree: ast.Module) -> None:
    """Every node that a fact is of."""
    _mark_docstring(facts, tree, "docstring of a module")
    for node in ast.walk(tree):
        for name in WHOLE.get(type(node), ()):
            _mark(facts, name, node)
        rule = RULES.get(type(node))
        if rule is not None:
            rule(facts, node)


def _mark(facts: Placed, name: str, *nodes: Any) -> None:  # noqa: ANN401 - nodes of many kinds
    """From the first node's start to the last one's end."""
    if nodes and nodes[0] is not None:
        facts.mark(name, _start(facts, nodes[0]), _stop(facts, nodes[-1]))


def _start(facts: Placed, node: Any) -> int:  # noqa: ANN401
    return facts.at_byte(node.lineno, node.col_offset)


def _stop(facts: Placed, node: Any) -> int:  # noqa: ANN401
    return facts.at_byte(node.end_lineno, node.end_col_offset)


def _header(facts: Placed, node: Any, names: Iterable[str]) -> tuple[int, int]:  # noqa: ANN401
    """A compound statement up to its colon; returns where it starts and where its colon is."""
    start, body = _start(facts, node), _start(facts, node.body[0])
    if getattr(node.body[0], "decorator_list", None):
        body = _start(facts, node.body[0].decorator_list[0])
    colon = facts.source.rfind(":", start, body)
    stop = colon + 1 if colon >= start else body
    for name in names:
        facts.mark(name, start, stop)
    if colon >= start:
        facts.mark("colon at the end of a line", colon, colon + 1)
    return start, colon


def _name_of(facts: Placed, node: Scope, word: str, fact: str) -> None:
    start = facts.source.find(node.name, facts.source.find(word, _start(facts, node)) + len(word))
    facts.mark(fact, start, start + len(node.name))


def _function(facts: Placed, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    start, colon = _header(facts, node, ["function definition"])
    if isinstance(node, ast.AsyncFunctionDef):
        facts.mark("asynchronous function", start, colon + 1)
    if colon >= start:
        facts.mark("colon at the end of a function definition", colon, colon + 1)
    _name_of(facts, node, "def", "function name")
    _mark(facts, "return type annotation", node.returns)
    _mark(facts, "type annotation", node.returns)
    _arguments(facts, node.args)
    _decorators(facts, node)
    _mark_docstring(facts, node, "docstring of a function")


def _arguments(facts: Placed, given: ast.arguments) -> None:
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    for each in named:
        start = _start(facts, each)
        facts.mark("argument name", start, start + len(each.arg))
        _mark(facts, "type annotation", each.annotation)
    for default in (*given.defaults, *given.kw_defaults):
        _mark(facts, "default value", default)


def _decorators(facts: Placed, node: Scope) -> None:
    for each in node.decorator_list:
        start = facts.source.rfind("@", 0, _start(facts, each))
        facts.mark("decorator", start, _stop(facts, each))


def _class(facts: Placed, node: ast.ClassDef) -> None:
    _header(facts, node, ["class definition"])
    _name_of(facts, node, "class", "class name")
    for base in node.bases:
        _mark(facts, "base class", base)
    _decorators(facts, node)
    _mark_docstring(facts, node, "docstring of a class")


def _mark_docstring(facts: Placed, node: Any, fact: str) -> None:  # noqa: ANN401
    if ast.get_docstring(node, clean=False) is not None:
        start, stop = _start(facts, node.body[0].value), _stop(facts, node.body[0].value)
        mark_docstring(facts, start, stop)
        facts.mark(fact, start, stop)


def _import(facts: Placed, node: ast.Import | ast.ImportFrom) -> None:
    for each in node.names:
        whole = _start(facts, each)
        fact = "module name in an import" if isinstance(node, ast.Import) else "imported name"
        facts.mark(fact, whole, whole + len(each.name))
        if each.asname:
            facts.mark("alias of an import", whole + len(each.name) + 1, _stop(facts, each))
    if isinstance(node, ast.ImportFrom) and node.module:
        start = facts.source.find(node.module, _start(facts, node) + 4)
        facts.mark("module name in an import", start, start + len(node.module))


def _try(facts: Placed, node: ast.Try) -> None:
    _header(facts, node, ["try and except"])
    for handler in node.handlers:
        _header(facts, handler, ["try and except", "except clause"])
        _mark(facts, "exception name", handler.type)


def _raise(facts: Placed, node: ast.Raise) -> None:
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    _mark(facts, "exception name", raised)


def _if(facts: Placed, node: ast.If) -> None:
    _header(facts, node, ["if condition"])
    compared = ast.unparse(node.test)
    if compared == "__name__ == '__main__'":
        _mark(facts, "check for being the main program", node.test)


def _for(facts: Placed, node: ast.For | ast.AsyncFor) -> None:
    _header(facts, node, ["for loop"])
    _mark(facts, "loop variable", node.target)


def _while(facts: Placed, node: ast.While) -> None:
    _header(facts, node, ["while loop"])


def _with(facts: Placed, node: ast.With | ast.AsyncWith) -> None:
    _header(facts, node, ["with statement"])


def _assign(facts: Placed, node: ast.Assign) -> None:
    _mark(facts, "assignment", node.targets[0], node.targets[-1])
    _mark(facts, "assigned variable", *node.targets)
    stop = _stop(facts, node.targets[-1])
    facts.mark("assignment", stop, _start(facts, node.value))
    _mark(facts, "assigned value", node.value)


def _annotated(facts: Placed, node: ast.AnnAssign) -> None:
    _mark(facts, "type annotation", node.annotation)
    _mark(facts, "assigned variable", node.target)


def _call(facts: Placed, node: ast.Call) -> None:
    called = node.func
    if isinstance(called, ast.Attribute):
        stop = _stop(facts, called)
        facts.mark("method call", stop - len(called.attr), stop)
    elif isinstance(called, ast.Name):
        _mark(facts, "function call", called)
        if called.id in ("isinstance", "issubclass", "hasattr", "getattr", "len", "range", "print", "super", "open"):
            _mark(facts, "call of a built-in function", called)
    facts.mark("argument of a call", _stop(facts, called), _stop(facts, node))
    for each in node.keywords:
        if each.arg:
            start = _start(facts, each)
            facts.mark("keyword argument", start, start + len(each.arg) + 1)


def _attribute(facts: Placed, node: ast.Attribute) -> None:
    stop = _stop(facts, node)
    facts.mark("attribute access", stop - len(node.attr) - 1, stop)
    if isinstance(node.value, ast.Name) and node.value.id == "self":
        facts.mark("attribute of self", stop - len(node.attr), stop)


def _subscript(facts: Placed, node: ast.Subscript) -> None:
    facts.mark("index in square brackets", _stop(facts, node.value), _stop(facts, node))


def _dict(facts: Placed, node: ast.Dict) -> None:
    for key in node.keys:
        _mark(facts, "dictionary key", key)


def _arithmetic(facts: Placed, node: ast.BinOp) -> None:
    texts = isinstance(node.left, (ast.Constant, ast.JoinedStr)) and isinstance(node.op, ast.Mod)
    fact = "string formatting" if texts else "arithmetic"
    _mark(facts, fact, node)


def _constant(facts: Placed, node: ast.Constant) -> None:
    if node.value is None or isinstance(node.value, bool):
        _mark(facts, "None" if node.value is None else "True or False", node)


RULES: dict[type[ast.AST], Callable[[Placed, Any], None]] = {
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Try: _try,
    ast.Raise: _raise,
    ast.If: _if,
    ast.While: _while,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.Call: _call,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Dict: _dict,
    ast.BinOp: _arithmetic,
    ast.Constant: _constant,
}
