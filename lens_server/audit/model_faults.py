"""Pydantic's errors in our words: what is wrong, in which line, and its cure."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from indexer.errors import nearest_hint
from lens_server.audit.strict_yaml import UNREAD, Document, Fault, Place

M = TypeVar("M", bound=BaseModel)

_WANTED = {
    "string_type": ("a text", "Quote it."),
    "float_type": ("a number", "Write it bare, as 0.05."),
    "int_type": ("a whole number", "Write it bare, as 20."),
    "int_from_float": ("a whole number", "Write it without a fraction."),
    "bool_type": ("true or false", "YAML 1.2 knows no other words for it."),
    "tuple_type": ("a list", "Write it in brackets: [one, another]."),
    "dict_type": ("a mapping", "Write lines of `name: value`."),
    "model_type": ("a mapping", "Write lines of `name: value`."),
}
_PATTERNS = {
    r"^\d+\.\d+\.\d+$": 'Three numbers, quoted: "1.0.0".',
    r"^[0-9a-f]{64}$": "64 hexadecimal digits.",
    r"^(any|sha256:[0-9a-f]{64})$": "Write `any`, or sha256: and 64 hexadecimal digits.",
    r"\{\}": 'Write {} where the words go: "a photo of {}".',
    r"^[a-zA-Z][a-zA-Z0-9_.-]{1,63}$": "A letter first, then letters, digits, '_', '.' or '-'; 2 to 64 in all.",
}


def typed(document: Document, model: type[M]) -> tuple[M | None, dict[str, Any], tuple[Fault, ...]]:
    """The model that a document holds, if it does; what the document says; every fault of reading and of typing."""
    if not isinstance(document.content, Mapping):
        known = document.faults or (
            Fault(document.line(()), "The file must be a mapping.", "It starts with `schema: …`."),
        )
        return None, {}, known
    content, empty = _without_empty(document)
    try:
        return model.model_validate(content), content, (*document.faults, *empty)
    except ValidationError as error:
        return None, content, (*document.faults, *empty, *_model_faults(error, document, model))


def whole(model: type[M], items: object) -> dict[int, M]:
    """The items of a list that are well typed, by position: they can be judged although others are not."""
    found: dict[int, M] = {}
    for number, item in enumerate(items if isinstance(items, tuple) else ()):
        try:
            found[number] = model.model_validate(item)
        except ValidationError:
            continue
    return found


def _model_faults(error: ValidationError, document: Document, model: type[BaseModel]) -> tuple[Fault, ...]:
    faults = []
    misspelt = {
        (*each["loc"][:-1], right)
        for each in error.errors()
        if each["type"] == "extra_forbidden" and (right := _meant(each, model))
    }
    for each in error.errors():
        known = each["type"] == "missing" and (each["loc"] in misspelt or each["loc"] in document.lines)
        # pydantic calls a list too short when its items are mistyped, which it has said already.
        known = known or (each["type"] == "too_short" and bool(each["input"]))
        if each["input"] is not UNREAD and not known:
            message, hint = _words(each, model)
            faults.append(Fault(document.line(each["loc"]), message, hint))
    return tuple(faults)


def _without_empty(document: Document) -> tuple[Any, tuple[Fault, ...]]:
    """The content without keys that have no value, and a fault for each of them."""
    faults: list[Fault] = []

    def pruned(value: Any, place: Place) -> Any:  # noqa: ANN401
        if isinstance(value, tuple):
            return tuple(pruned(each, (*place, number)) for number, each in enumerate(value))
        if not isinstance(value, Mapping):
            return value
        for key, inside in value.items():
            if inside is None:
                faults.append(
                    Fault(document.line((*place, key)), f"{key} has no value.", "Give one or remove the line.")
                )
        return {
            key: pruned(inside, (*place, key))
            for key, inside in value.items()
            if inside is not None and inside is not UNREAD
        }

    return pruned(document.content, ()), tuple(faults)


def _words(error: Any, model: type[BaseModel]) -> tuple[str, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    kind, place, given = error["type"], error["loc"], error["input"]
    name = _name(place)
    if kind == "missing":
        return f"{name} is missing.", f"Add `{place[-1]}: …`."
    if kind == "extra_forbidden":
        return f"Unknown key {place[-1]!r}.", nearest_hint(str(place[-1]), _fields(model, place[:-1]))
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", error["ctx"]["expected"])
        return f"{name} cannot be {given!r}.", nearest_hint(str(given), known)
    if place[-1:] == ("[key]",):
        return f"The key {given!r} of {_name(place[:-2])} must be a text.", "Quote it."
    if given is None:
        return f"{name} has no value.", "Give one or remove it."
    return _wrong_value(error, name)


def _wrong_value(error: Any, name: str) -> tuple[str, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    kind, given = error["type"], error["input"]
    if kind == "string_pattern_mismatch":
        return f"{name} cannot be {given!r}.", _PATTERNS[error["ctx"]["pattern"]]
    if kind in _WANTED:
        wanted, hint = _WANTED[kind]
        return f"{name} must be {wanted}, not {_shown(given)}.", hint
    if kind in ("too_short", "string_too_short"):
        return (f"{name} cannot be {given!r}.", "Say more.") if given else (f"{name} is empty.", "Give one at least.")
    told = re.sub(r"^\w+ should", "must", error["msg"]).split(" after validation")[0]
    return f"{name} {told}, not {_shown(given)}.", ""


def _shown(given: object) -> str:
    if isinstance(given, Mapping):
        return "a mapping"
    return "a list" if isinstance(given, tuple) else repr(given)[:80]


def _name(place: Place) -> str:
    """`statistics.alpha`; a rule or a concept is told by its line already."""
    words = [str(each) for each in place if isinstance(each, str)]
    return ".".join(words[1:] if len(words) > 1 and words[0] in ("rules", "concepts", "waivers") else words) or "It"


def _meant(error: Any, model: type[BaseModel]) -> str | None:  # noqa: ANN401 - pydantic's ErrorDetails
    near = re.match(r"Did you mean '([^']*)'", nearest_hint(str(error["loc"][-1]), _fields(model, error["loc"][:-1])))
    return near[1] if near else None


def _fields(model: type[BaseModel], place: Place) -> list[str]:
    for part in place:
        if isinstance(part, str):
            inside = _model_in(model.model_fields[part].annotation) if part in model.model_fields else None
            model = inside or model
    return [each.alias or name for name, each in model.model_fields.items()]


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)
