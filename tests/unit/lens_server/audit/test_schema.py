"""The published schemas are fresh, valid, and agree with what is read."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lens_server.audit.reading import SHIPPED, RulebookFault, parse_rulebook
from lens_server.audit.schema import FILES, main, rulebook_schema, schema_path, schema_text, waivers_schema
from lens_server.audit.strict_yaml import parse
from tests.unit.lens_server.audit.sample_rulebooks import GOOD, changed, with_rule
from tests.unit.lens_server.audit.test_reading import EXAMPLES

RULES = Draft202012Validator(rulebook_schema())
PACKAGE = Path(schema_path(FILES[0])).parents[1]


def listed(value):
    """As JSON has it: lists for tuples."""
    return json.loads(json.dumps(value))


def content(text: bytes | str):
    return listed(parse(text if isinstance(text, bytes) else text.encode()).content)


@pytest.mark.parametrize("name", FILES)
def test_the_committed_schema_is_fresh(name):
    assert schema_path(name).read_text(encoding="utf-8") == schema_text(name), (
        "A model changed and its published schema did not: run `python -m lens_server.audit.schema` and commit it."
    )


def test_writing_them_again_changes_nothing():
    before = [schema_path(name).read_bytes() for name in FILES]
    main()
    assert [schema_path(name).read_bytes() for name in FILES] == before


@pytest.mark.parametrize("schema", [rulebook_schema(), waivers_schema()], ids=FILES)
def test_it_is_a_schema_of_draft_2020_12(schema):
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)
    assert '"null"' not in json.dumps(schema)


def test_good_rulebooks_validate():
    for text in (GOOD, *((PACKAGE / "rulebooks" / f"{name}.yaml").read_text() for name in SHIPPED)):
        assert [each.message for each in RULES.iter_errors(content(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        changed("concept-rules/v1", "concept-rules/v2"),
        changed('"1.0.0"', "1.10"),
        changed("alpha: 0.05", "alpha: 5"),
        changed("alpha: 0.05", "alpah: 0.05"),
        changed("severity: critical", "severty: critical"),
        changed("kind: spurious", "kind: spurius"),
        changed(', prompts: ["gel"]', ""),
        changed(", needs: millimetres", ""),
        changed("{}", "it"),
        changed("min: 0.05, ", ""),
        changed("measure: flip_rate, max: 0.10", "measure: flip_rate, min: 0.01, max: 0.10"),
        with_rule("id: added, type: limit, concepts: [patch], measure: encoded, severity: low"),
        with_rule("id: added, type: compare, concepts: [patch], measure: encoded, max_increase: 0.1, severity: low"),
        with_rule("id: added, type: declare, severity: low"),
        with_rule("id: added, type: unexplained, severity: low"),
        b"rules: []\n",
        b"- a\n",
    ],
)
def test_structurally_bad_ones_do_not_and_are_not_read_either(text):
    assert list(RULES.iter_errors(content(text)))
    with pytest.raises(RulebookFault):
        parse_rulebook(text, "x")


def test_waivers_validate():
    waivers = Draft202012Validator(waivers_schema())
    good = {
        "id": "W-1", "rule": "no-flip", "concepts": ["patch"], "classes": ["benign"], "model": "any", "reason": "known",
        "approved_by": "someone", "ticket": "T-1", "created": "2026-11-01", "expires": "2027-02-01",
        "accepted": {"measure": "flip_rate", "upper_bound": 0.2},
    }  # fmt: skip
    assert waivers.is_valid({"schema": "concept-waivers/v1", "waivers": [good]})
    for missing in ("rule", "expires", "reason", "approved_by", "ticket", "model"):
        assert not waivers.is_valid(
            {"schema": "concept-waivers/v1", "waivers": [{key: good[key] for key in good if key != missing}]}
        )
    assert not waivers.is_valid({"schema": "concept-waivers/v1", "waivers": [{**good, "until": "2027"}]})


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no worked examples beside LENS_DATA")
def test_what_the_worked_schema_accepts_ours_accepts():
    """Compared keyword by keyword: ours is nowhere narrower, and adds label_value only."""
    theirs = json.loads((EXAMPLES / "rules.schema.json").read_text())
    ours = rulebook_schema()
    narrower = list(_narrower(theirs, ours, theirs, ours, "$"))
    assert narrower == []
    paths = [*sorted(EXAMPLES.glob("*.yaml")), *sorted((EXAMPLES / "bad_rulebooks").glob("*.yaml"))]
    reference = Draft202012Validator(theirs)
    readable = [path for path in paths if not parse(path.read_bytes()).faults]
    accepted = [path for path in readable if reference.is_valid(content(path.read_bytes()))]
    assert len(accepted) > 8
    for path in accepted:
        assert [each.message for each in RULES.iter_errors(content(path.read_bytes()))] == [], path.name


LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def _narrower(theirs, ours, their_root, our_root, where):
    theirs, ours = _followed(theirs, their_root), _followed(ours, our_root)
    for key in (*LEAST, *MOST, "enum", "required", "pattern"):
        if key in ours and not _as_wide(key, theirs.get(key), ours[key]):
            yield f"{where}: {key} {ours[key]} against {theirs.get(key)}"
    for name, inside in theirs.get("properties", {}).items():
        yield from _narrower(
            inside, ours["properties"].get(name, {"enum": []}), their_root, our_root, f"{where}.{name}"
        )
    for key in ("items", "additionalProperties"):
        if isinstance(theirs.get(key), dict):
            yield from _narrower(theirs[key], ours[key], their_root, our_root, f"{where}[]")


def _as_wide(key, theirs, ours):
    if theirs is None:
        return False
    if key in LEAST:
        return ours <= theirs
    if key in MOST:
        return ours >= theirs
    return {"enum": set(theirs) <= set(ours), "required": set(ours) <= set(theirs), "pattern": theirs == ours}[key]


def _followed(schema, root):
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return schema
