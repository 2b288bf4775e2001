"""Names say what a thing is; what is public says what it does."""

import ast
from pathlib import PurePosixPath

import pytest

from tests.project.tree import Function, Source, documented, sources

VAGUE = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "handler", "processor", "wrapper", "base"}
VAGUE_ENDINGS = ("Manager", "Handler", "Processor", "Wrapper", "Base", "Helper", "Utils", "Info")


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.path)
def test_names_say_something(source: Source) -> None:
    path = PurePosixPath(source.path)
    vague = VAGUE & {path.stem, *path.parts}
    assert not vague, f"{source.path}: {vague.pop()!r} says nothing. Name it after what it holds."
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            assert not node.name.startswith("Abstract"), f"{source.path}:{node.lineno} {node.name}: name the contract."
            assert not node.name.endswith(VAGUE_ENDINGS), f"{source.path}:{node.lineno} {node.name}: say what it does."


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.path)
def test_public_things_have_a_docstring(source: Source) -> None:
    missing = [f"{source.path}:{node.lineno} {node.name}" for node in _public(source.tree) if not documented(node)]
    assert not missing, f"Without a docstring: {', '.join(missing)}. One line, present tense."
    assert not source.text.strip() or ast.get_docstring(source.tree), f"{source.path} does not say what it is for."


def _public(parent: ast.Module | ast.ClassDef) -> list[Function | ast.ClassDef]:
    found: list[Function | ast.ClassDef] = []
    for node in parent.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append(node)
            if isinstance(node, ast.ClassDef):
                found.extend(_public(node))
    return found
