"""`audit.json`, the source of truth: a report to text and back, exactly.

Written by the types of `lens_server.report`: fields in their order, enums by value, floats by repr, bytes as base64.
Read strictly: what is unknown, missing, of another type or not finite is refused, all faults at once, each by its path.
"""

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import get_args, get_origin, get_type_hints

from indexer.errors import InvalidInput, nearest_hint
from lens_server.report import Picture, Report

SCHEMA = "audit-report/v1"

_MOST_FAULTS = 10
_CURE = "Take an audit.json as `lens audit` wrote it, unedited; if another version of Lens did, run the audit again."
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Fault(Exception):
    """One thing wrong, with its path."""


def to_json(report: Report) -> str:
    """The whole report as JSON text; raises InvalidInput on a number that is not finite."""
    try:
        plain = _encoded(report, Report, "report")
    except _Fault as fault:
        raise InvalidInput(
            f"The report cannot be written: {fault}.",
            hint="Every number of a report must be finite: look at the measure.",
        ) from None
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False)
    # Names of files that are not UTF-8 hold lone surrogates, which a text file cannot: escaped, they can be read back.
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


render = to_json


def from_json(text: str) -> Report:
    """The report that `to_json` wrote; raises InvalidInput naming what is wrong."""
    plain = _parsed(text)
    schema = plain.get("schema")
    if schema != SCHEMA:
        raise InvalidInput(f"This is no {SCHEMA}: its schema is {schema!r}.", hint=_CURE)
    faults: list[str] = []
    report = _decoded(plain, Report, "report", faults)
    if faults or not isinstance(report, Report):
        shown = "\n".join(f"  {each}" for each in faults[:_MOST_FAULTS])
        more = f"\n  … and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise InvalidInput(f"This audit.json cannot be trusted:\n{shown}{more}", hint=_CURE)
    return report


def _parsed(text: str) -> dict[str, object]:
    try:
        plain = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except _Fault as fault:
        raise InvalidInput(f"This audit.json cannot be trusted: {fault}.", hint=_CURE) from None
    except (ValueError, RecursionError) as fault:
        raise InvalidInput(f"This is no JSON: {fault}.", hint=_CURE) from None
    if not isinstance(plain, dict):
        raise InvalidInput(f"An audit.json is an object, this is {_named(plain)}.", hint=_CURE)
    return plain


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise _Fault(f"{name!r} is there twice in one object")
        found[name] = value
    return found


def _refuse_constant(name: str) -> object:
    raise _Fault(f"{name} is no number")


@cache
def _types(kind: type) -> dict[str, object]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _inner(kind: object) -> object:
    """X of `X | None`, of `tuple[X, ...]`."""
    return next(each for each in get_args(kind) if each not in (NoneType, Ellipsis))


# ---- to plain values


def _encoded(value: object, kind: object, path: str) -> object:
    if get_origin(kind) is UnionType:
        return None if value is None else _encoded(value, _inner(kind), path)
    if get_origin(kind) is tuple:
        assert isinstance(value, tuple), path
        return [_encoded(each, _inner(kind), f"{path}[{number}]") for number, each in enumerate(value)]
    if isinstance(kind, type) and is_dataclass(kind):
        return {name: _encoded(getattr(value, name), of, f"{path}.{name}") for name, of in _types(kind).items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if kind is float:
        return _finite(value, path)
    return value


def _finite(value: object, path: str) -> float:
    assert isinstance(value, int | float), path
    if not math.isfinite(value):
        raise _Fault(f"{path} is {value}")
    return float(value) + 0.0  # -0.0 equals 0.0, so it must be written like it


# ---- and back


def _decoded(value: object, kind: object, path: str, faults: list[str]) -> object:
    if get_origin(kind) is UnionType:
        return None if value is None else _decoded(value, _inner(kind), path, faults)
    if get_origin(kind) is tuple:
        return _items(value, kind, path, faults)
    assert isinstance(kind, type), path
    if is_dataclass(kind):
        return _object(value, kind, path, faults)
    try:
        return _READERS.get(kind, _enum(kind))(value)
    except _Fault as fault:
        faults.append(f"{path} {fault}")
        return None


def _items(value: object, kind: object, path: str, faults: list[str]) -> object:
    if not isinstance(value, list):
        faults.append(f"{path} must be a list, not {_named(value)}")
        return None
    return tuple(_decoded(each, _inner(kind), f"{path}[{number}]", faults) for number, each in enumerate(value))


def _object(value: object, kind: type, path: str, faults: list[str]) -> object:
    if not isinstance(value, dict):
        faults.append(f"{path} must be an object, not {_named(value)}")
        return None
    known, before = _types(kind), len(faults)
    faults.extend(f"{path}.{name} is unknown. {nearest_hint(name, known)}" for name in value if name not in known)
    faults.extend(f"{path}.{name} is missing" for name in known if name not in value)
    given = {name: _decoded(value[name], of, f"{path}.{name}", faults) for name, of in known.items() if name in value}
    if len(faults) > before:
        return None
    made = kind(**given)
    if isinstance(made, Picture) and made.id != hashlib.sha256(made.jpeg).hexdigest()[:16]:
        faults.append(f"{path}.id is not the digest of its jpeg")
    return made


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Fault(f"must be a text, not {_named(value)}")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Fault(f"must be true or false, not {_named(value)}")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Fault(f"must be a whole number, not {_named(value)}")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _Fault(f"must be a number, not {_named(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _Fault("is not finite")
    return number


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(_text(value), validate=True)
    except (binascii.Error, ValueError):
        raise _Fault("is not base64") from None


_READERS: dict[type, Callable[[object], object]] = {
    str: _text,
    bool: _truth,
    int: _whole,
    float: _number,
    bytes: _bytes,
}


def _enum(kind: type) -> Callable[[object], object]:
    def read(value: object) -> object:
        assert issubclass(kind, Enum), kind
        known = [each.value for each in kind]
        if not isinstance(value, str) or value not in known:
            raise _Fault(f"is {value!r}. {nearest_hint(str(value), known)}")
        return kind(value)

    return read


_NAMES = {dict: "an object", list: "a list", str: "a text", bool: "true or false", NoneType: "null"}


def _named(value: object) -> str:
    return _NAMES.get(type(value), f"the number {value!r}")
