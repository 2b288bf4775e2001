"""The published JSON schemas, for editors: made from the models, committed beside them.

    python -m lens_server.audit.schema      # writes them again

What a schema cannot say — names that must exist, who may block — the linter does.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from lens_server.audit.rulebook import OVERLAYS, SCHEMA, Rulebook
from lens_server.audit.waiver_reading import Waivers

FILES = ("concept-rules.schema.json", "concept-waivers.schema.json")
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_NEEDED: dict[str, dict[str, Any]] = {
    "require": {"required": ["concepts", "measure", "min"], "not": {"required": ["max"]}},
    "forbid": {"required": ["concepts", "measure", "max"], "not": {"required": ["min"]}},
    "limit": {"required": ["concepts", "measure"], "anyOf": [{"required": ["max"]}, {"required": ["max_ratio"]}]},
    "compare": {"required": ["measure", "baseline", "max_increase"]},
    "unexplained": {"required": ["max"]},
    "declare": {"required": ["concepts"]},
}


def rulebook_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of a rulebook."""
    schema = _published(Rulebook.model_json_schema(by_alias=True), SCHEMA, "A rulebook of the audit.")
    schema["$defs"]["Rule"]["allOf"] = [
        {"if": {"properties": {"type": {"const": kind}}, "required": ["type"]}, "then": needed}
        for kind, needed in _NEEDED.items()
    ]
    schema["$defs"]["Concept"] |= {
        "if": {"properties": {"assessable": {"const": "never"}}, "required": ["assessable"]},
        "then": {"required": ["because", "needs"]},
        "else": {"anyOf": [{"required": ["prompts"]}, {"required": ["image_probes"]}]},
    }
    schema["$defs"]["Concept"]["properties"]["overlay"]["examples"] = list(OVERLAYS)
    return schema


def waivers_schema() -> dict[str, Any]:
    """JSON Schema, draft 2020-12, of a file of waivers."""
    return _published(Waivers.model_json_schema(by_alias=True), "concept-waivers/v1", "Waivers of an audit.")


def schema_text(name: str) -> str:
    """What the file of this name must hold."""
    schema = rulebook_schema() if name == FILES[0] else waivers_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def schema_path(name: str) -> Path:
    """Where it lies in the package."""
    return Path(str(files(__package__) / "schemas" / name))


def _published(schema: dict[str, Any], identity: str, title: str) -> dict[str, Any]:
    plain = _plain(schema)
    return {"$schema": _DRAFT, "$id": identity, "title": title, **plain}


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without what pydantic adds for Python: titles, nulls that nobody may write, and their defaults."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    choices = [each for each in value.get("anyOf", []) if each != {"type": "null"}]
    if "anyOf" in value and len(choices) == 1:
        value = {**{key: inside for key, inside in value.items() if key != "anyOf"}, **choices[0]}
    return {
        key: {name: _plain(each) for name, each in inside.items()} if key in ("properties", "$defs") else _plain(inside)
        for key, inside in value.items()
        if not (key == "title" and isinstance(inside, str)) and not (key == "default" and inside is None)
    }


def main() -> None:
    """Write the schemas again."""
    for name in FILES:
        path = schema_path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
