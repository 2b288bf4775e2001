"""What the documents and the help say is complete and true."""

import ast
import inspect
import re

import pytest
from pydantic import BaseModel

from indexer import catalogue, config
from lens_server.cli.build import build
from lens_server.cli.main import app
from tests.project.tree import ROOT, tracked

README = (ROOT / "README.md").read_text()
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
ADAPTERS = [
    (port, name)
    for port in (catalogue.SUBJECTS, catalogue.DATASETS, catalogue.FOUNDATION_MODELS, catalogue.ENGINES)
    for name in port.entries
]


def _settings() -> list[tuple[str, str]]:
    stages = [each for each in vars(config).values() if inspect.isclass(each) and issubclass(each, BaseModel)]
    return [(each.__name__, name) for each in stages for name in each.model_fields]


def _described() -> set[tuple[str, str]]:
    """(model, field) of the fields followed by a docstring, or whose type is a stage with one of its own."""
    found: set[tuple[str, str]] = set()
    for node in ast.parse(inspect.getsource(config)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                if text or getattr(config, ast.unparse(field.annotation), type).__name__.endswith("Config"):
                    found.add((node.name, field.target.id))
    return found


def _options() -> dict[str, str]:
    """Help of each option of `lens build`."""
    parameters = inspect.signature(build).parameters.values()
    return {each.name: each.annotation.__metadata__[0].help or "" for each in parameters}


@pytest.mark.parametrize(("stage", "name"), _settings())
def test_every_setting_is_documented(stage: str, name: str) -> None:
    assert (stage, name) in _described() or _options().get(name), (
        f"{stage}.{name} is nowhere explained: put a docstring below it in indexer/config.py."
    )


def test_every_option_has_help() -> None:
    silent = [name for name, text in _options().items() if not text]
    assert not silent, f"Options of lens build without help: {', '.join(silent)}."


@pytest.mark.parametrize(("port", "name"), ADAPTERS, ids=lambda each: each if isinstance(each, str) else each.port)
def test_every_adapter_is_in_the_readme(port: catalogue.Catalogue, name: str) -> None:
    section = re.search(r"^## Adapters\n(.*?)(?=^## )", README, re.MULTILINE | re.DOTALL)
    assert section, "README.md has no section 'Adapters'."
    assert f"`{name}" in section[1], f"README.md, Adapters, does not name the {port.port} `{name}`."


@pytest.mark.parametrize("command", [each.callback.__name__ for each in app.registered_commands if each.callback])
def test_every_command_is_in_the_readme(command: str) -> None:
    assert re.search(rf"\b(lens|make) {command}\b", README), f"README.md never shows `lens {command}`."


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_in_documents_exist(document: str) -> None:
    named = re.findall(
        r"(?:`|\]\()((?:indexer|lens_server|clients|proto|tests|benchmarks|\.ci)/[\w./-]*)", _text(document)
    )
    gone = [each for each in named if not (ROOT / each.rstrip(".")).exists()]
    assert not gone, f"{document} names what is not there: {', '.join(gone)}."


@pytest.mark.parametrize("document", DOCUMENTS)
def test_no_placeholder_is_left_in_a_document(document: str) -> None:
    left = re.findall(r"^[A-Z]+_[A-Z_]+$", _text(document), re.MULTILINE)
    assert not left, f"{document} still waits for {', '.join(left)}."


def test_every_method_of_the_protocol_is_tested() -> None:
    services = (ROOT / "proto/lens_server/v1").glob("*_service.proto")
    methods = {name for each in services for name in re.findall(r"^  rpc (\w+)", each.read_text(), re.MULTILINE)}
    tests = "".join(
        (ROOT / each).read_text() for each in tracked() if each.startswith("tests/") and each.endswith(".py")
    )
    untested = sorted(name for name in methods if not re.search(rf"\b{name}(Request)?\b", tests))
    assert methods and not untested, f"No test calls {', '.join(untested)}."


def _text(document: str) -> str:
    path = ROOT / document
    return path.read_text() if path.exists() else pytest.fail(f"{document} is missing.")
