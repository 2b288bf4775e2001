"""YAML 1.2 core, strictly: every value with its line, every fault with its line and its cure."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from indexer.errors import InvalidInput

MOST_BYTES = 1_000_000
MOST_VALUES = 50_000
"""Bounds the time that a file of a megabyte can take; a rule has a dozen."""
DEEPEST = 20
MOST_TOLD = 100
Place = tuple[str | int, ...]
"""Keys and positions that lead to a value, as pydantic's `loc`."""
UNREAD = object()
"""Stands for a value that was refused."""

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong with a file."""

    line: int
    """From 1."""
    message: str
    hint: str
    """Its cure; empty where the message holds it."""


class DocumentFault(InvalidInput):
    """A file that cannot be taken as it stands; the message lists every fault."""

    def __init__(self, name: str, faults: tuple[Fault, ...]) -> None:
        self.name = name
        self.faults = tuple(sorted(set(faults)))
        lines = [f"{name}:{each.line}: {each.message} {each.hint}".rstrip() for each in self.faults[:MOST_TOLD]]
        if len(self.faults) > 1:
            lines.insert(0, f"{name} has {len(self.faults)} faults:")
        if len(self.faults) > MOST_TOLD:
            lines.append(f"… and {len(self.faults) - MOST_TOLD} more.")
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class Document:
    """What a file says, and where."""

    content: Any
    """Mappings as dicts, sequences as tuples; None when the file is empty."""
    lines: Mapping[Place, int] = field(repr=False)
    """Line of each key and of each item."""
    faults: tuple[Fault, ...]

    def line(self, place: Place) -> int:
        """Line of the nearest thing that is there."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_bytes(path: Path) -> bytes:
    """The file, or as much of it as shows that it is too long; raises InvalidInput when it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as fault:
        raise InvalidInput(f"{path} cannot be read: {fault.strerror}.") from fault


def parse(text: bytes) -> Document:
    """One document of YAML 1.2 core without anchors, aliases and tags; never raises, the faults are in it."""
    if len(text) > MOST_BYTES:
        return _refused(1, f"The file is larger than {MOST_BYTES:,} bytes.", "Split it; a rule takes a few hundred.")
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = text.count(b"\n", 0, fault.start) + 1
        return _refused(line, f"Byte {fault.start} is not UTF-8.", "Save the file as UTF-8.")
    return _Reading(decoded).document()


def _refused(line: int, message: str, hint: str) -> Document:
    return Document(None, {}, (Fault(line, message, hint),))


class _TooMuch(Exception):
    """Raised to stop at once: what follows is not looked at."""


class _Reading:
    """Builds the values from the events, so that nothing is ever constructed that the file could choose."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: dict[Place, int] = {}
        self.faults: list[Fault] = []
        self.values = 0

    def document(self) -> Document:
        content: Any = None
        try:
            content = self._content(YAML(typ="safe", pure=True).parse(self.text))
        except _TooMuch:
            pass
        except MarkedYAMLError as fault:
            mark = fault.problem_mark or fault.context_mark
            self._note(mark.line if mark else 0, f"Not YAML: {fault.problem or fault.context}.", "")
        except YAMLError as fault:
            line = self.text.count("\n", 0, getattr(fault, "position", 0))
            self._note(line, f"Not YAML: {getattr(fault, 'reason', fault)}.", "Remove the control character.")
        return Document(content, self.lines, tuple(self.faults))

    def _content(self, events: Iterator[Event]) -> Any:  # noqa: ANN401 - whatever the file says
        content, documents = None, 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._note(event.start_mark.line, "A second document starts here.", "Keep one document a file.")
                    return content
            elif not isinstance(event, StreamStartEvent | DocumentEndEvent | StreamEndEvent):
                content = self._value(event, events, ())
        return content

    def _value(self, event: Event, events: Iterator[Event], place: Place) -> Any:  # noqa: ANN401
        line = event.start_mark.line
        self.lines.setdefault(place, line + 1)
        if len(place) > DEEPEST:
            self._note(line, f"Nested more than {DEEPEST} deep.", "")
            raise _TooMuch
        self.values += 1
        if self.values > MOST_VALUES:
            self._note(line, f"The file holds more than {MOST_VALUES:,} values.", "Split it.")
            raise _TooMuch
        if isinstance(event, AliasEvent):
            self._note(line, f"An alias (*{event.anchor}) is not taken.", "Write the value out.")
            return UNREAD
        self._refuse_marks(event)
        if isinstance(event, ScalarEvent):
            return _scalar(event.value) if not event.style else event.value
        if isinstance(event, SequenceStartEvent):
            return self._sequence(events, place)
        return self._mapping(events, place)

    def _refuse_marks(self, event: Event) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor:
            self._note(event.start_mark.line, f"An anchor (&{anchor}) is not taken.", "Remove it.")
        if tag:
            self._note(event.start_mark.line, f"A tag ({tag}) is not taken.", "Remove it; quote what is a text.")

    def _sequence(self, events: Iterator[Event], place: Place) -> tuple[Any, ...]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._value(event, events, (*place, len(items))))
        return tuple(items)

    def _mapping(self, events: Iterator[Event], place: Place) -> dict[Any, Any]:
        content: dict[Any, Any] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            line = event.start_mark.line
            key = self._key(event, events, place)
            inside = (*place, key)
            if key in content:
                self._note(line, f"{key!r} stands twice.", f"It stands in line {self.lines[inside]} already; keep one.")
                self._value(next(events), events, (*place, key, "again"))
                continue
            self.lines[inside] = line + 1
            content[key] = self._value(next(events), events, inside)
        return content

    def _key(self, event: Event, events: Iterator[Event], place: Place) -> Any:  # noqa: ANN401
        if isinstance(event, ScalarEvent):
            key = self._value(event, events, (*place, "key of"))
            return "nan" if isinstance(key, float) and math.isnan(key) else key
        self._note(event.start_mark.line, "A key must be a word.", "Write `name: value`.")
        self._value(event, events, (*place, "key of"))
        return f"line {event.start_mark.line + 1}"

    def _note(self, line: int, message: str, hint: str) -> None:
        self.faults.append(Fault(line + 1, message, hint))


def _scalar(word: str) -> str | int | float | bool | None:
    """A plain scalar by the core schema: `no`, `1:30` and dates are texts, `012` is twelve, `1e-3` a number."""
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(word) and len(word) <= 100:
        return int(word, 0 if word[:2] in ("0o", "0x") else 10)
    if _FLOAT.fullmatch(word):
        return float(word)
    special = _SPECIAL.fullmatch(word)
    if special:
        return math.nan if special[1] is None else float(f"{special[1]}inf")
    return word
