"""A file fits in a head, a function on a screen."""

import ast

import pytest

from tests.project.tree import Source, body_lines, sources

LINES, FUNCTION_LINES = 300, 40
LONGER = {
    ("indexer/pipeline.py", "build_index"): 65,  # the flow of a build, from top to bottom on one screen
}
"""Functions that may be longer, and how long."""


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.path)
def test_sizes(source: Source) -> None:
    lines = len(source.text.splitlines())
    assert lines <= LINES, f"{source.path} has {lines} lines, more than {LINES}. Move a part that has a name to a file."
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            most = LONGER.get((source.path, node.name), FUNCTION_LINES)
            length = body_lines(node)
            assert length <= most, (
                f"{source.path}:{node.lineno} {node.name} has {length} lines, more than {most}. Give its parts names."
            )
