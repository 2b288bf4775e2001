"""The files that git knows, for the tests of the house."""

import ast
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("indexer/", "lens_server/", "clients/", "proto/", "benchmarks/")
GENERATED = "lens_server/v1/"

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """A Python file of ours."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


def tracked() -> list[str]:
    """Paths of all files that are there and that git tracks; all files below the root without git."""
    try:
        asked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        found = (each.relative_to(ROOT) for each in ROOT.rglob("*"))
        return sorted(each.as_posix() for each in found if not any(part.startswith(".") for part in each.parts))
    return [each for each in asked.stdout.decode().split("\0") if each and (ROOT / each).is_file()]


def sources() -> list[Source]:
    """Every Python file of the product, but for generated ones."""
    ours = [each for each in tracked() if each.endswith(".py") and each.startswith(PRODUCT)]
    return [Source(each, (ROOT / each).read_text()) for each in ours if not each.startswith(GENERATED)]


def documented(node: Function | ast.ClassDef) -> bool:
    """Whether it has a docstring."""
    return bool(ast.get_docstring(node))


def body_lines(function: Function) -> int:
    """Lines from the first statement to the last, without the docstring."""
    body = function.body[1:] if documented(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
