"""From a file, a shipped name or bytes to a rulebook; all faults at once, each with its line."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from indexer.errors import InvalidInput, UnknownName
from lens_server.audit.lint import lint
from lens_server.audit.model_faults import typed, whole
from lens_server.audit.rulebook import Concept, Rule, Rulebook
from lens_server.audit.rulebook_draft import Complaint, Draft
from lens_server.audit.strict_yaml import Document, DocumentFault, Fault, parse, read_bytes

SHIPPED = ("abcde", "seven-point", "backgrounds", "lesions")
"""Rulebooks that come with the package."""

__all__ = ["SHIPPED", "EmptyRulebook", "Fault", "ReadRulebook", "RulebookFault", "parse_rulebook", "read_rulebook"]


class RulebookFault(DocumentFault):
    """A rulebook that cannot be taken as it stands."""


class EmptyRulebook(RulebookFault):
    """A rulebook that says nothing at all: there is nothing to evaluate."""


@dataclass(frozen=True)
class ReadRulebook:
    """A rulebook and where its rules stand."""

    rulebook: Rulebook
    path: str
    """As it was asked for: a path, or a shipped name."""
    lines: Mapping[str, int]
    """Rule id → line."""
    warnings: tuple[str, ...]
    """What the linter would have otherwise, each `PATH:LINE: …`."""


def read_rulebook(source: str | Path) -> ReadRulebook:
    """A shipped rulebook by name, or a file; raises RulebookFault naming every fault."""
    name = str(source)
    if name in SHIPPED:
        return parse_rulebook((files(__package__) / "rulebooks" / f"{name}.yaml").read_bytes(), name)
    path = Path(source)
    if not path.exists() and path.name == name and not path.suffix:
        raise UnknownName("rulebook", name, SHIPPED)
    if not path.is_file():
        raise InvalidInput(f"The rulebook {name} is no file.", hint=f"Shipped rulebooks: {', '.join(SHIPPED)}.")
    return parse_rulebook(read_bytes(path), name)


def parse_rulebook(text: bytes, name: str) -> ReadRulebook:
    """The same from bytes; `name` is what the faults call it."""
    document = parse(text)
    if document.content is None and not document.faults:
        fault = Fault(1, "The rulebook is empty.", f"Start from a shipped one: {', '.join(SHIPPED)}.")
        raise EmptyRulebook(name, (fault,))
    rulebook, content, faults = typed(document, Rulebook)
    complaints, warnings = lint(_draft(content, rulebook))
    linted = tuple(Fault(document.line(each.place), each.message, each.hint) for each in complaints)
    if faults or linted or rulebook is None:
        raise RulebookFault(name, (*faults, *linted))
    return ReadRulebook(rulebook, name, _lines(rulebook, document), _told(warnings, document, name))


def _draft(content: dict[str, Any], rulebook: Rulebook | None) -> Draft:
    """What can be linted: all of it, or the concepts and rules that are well typed."""
    if rulebook is not None:
        return Draft.of(rulebook)
    return Draft(
        classes=_keys(_inside(content, "target", "classes")),
        concepts=whole(Concept, content.get("concepts")),
        rules=whole(Rule, content.get("rules")),
        named=tuple(str(each.get("id")) for each in _mappings(content.get("concepts"))),
        rulebook=None,
    )


def _mappings(items: object) -> list[dict[str, Any]]:
    return [each for each in items if isinstance(each, dict)] if isinstance(items, tuple) else []


def _inside(content: dict[str, Any], *keys: str) -> object:
    value: object = content
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _keys(value: object) -> tuple[str, ...] | None:
    return tuple(str(each) for each in value) if isinstance(value, dict) and value else None


def _lines(rulebook: Rulebook, document: Document) -> Mapping[str, int]:
    return MappingProxyType({rule.id: document.line(("rules", number)) for number, rule in enumerate(rulebook.rules)})


def _told(warnings: tuple[Complaint, ...], document: Document, name: str) -> tuple[str, ...]:
    lines = sorted((document.line(each.place), f"{each.message} {each.hint}".rstrip()) for each in warnings)
    return tuple(f"{name}:{line}: {words}" for line, words in lines)
