"""The linter refuses what is well typed and still wrong, in the words of the audit's principles."""

import pytest

from lens_server.audit import rulebook as rulebooks
from lens_server.audit.lint import TYPES, lint_rulebook
from lens_server.audit.reading import RulebookFault, parse_rulebook
from lens_server.audit.schema import rulebook_schema
from tests.unit.lens_server.audit.sample_rulebooks import GOOD, LAST, changed, line_of, with_rule


def told(text: bytes) -> list[tuple[int, str]]:
    with pytest.raises(RulebookFault) as caught:
        parse_rulebook(text, "x")
    return [(each.line, f"{each.message} {each.hint}".strip()) for each in caught.value.faults]


def warned(text: bytes) -> str:
    return "\n".join(parse_rulebook(text, "x").warnings)


def test_a_good_rulebook_has_neither_faults_nor_warnings():
    assert lint_rulebook(parse_rulebook(GOOD.encode(), "x").rulebook) == ((), ())


@pytest.mark.parametrize(
    ("old", "new", "at", "what", "cure"),
    [
        ("id: border", "id: shape", "id: border", "The concept 'shape' stands twice.", "Rename one."),
        ("id: no-flip", "id: use-shape", "id: no-flip", "The rule 'use-shape' stands twice.", "Rename one."),
        ("concepts: [shape]", "concepts: [shap]", "id: use-shape", "no concept named 'shap'.", "Did you mean 'shape'?"),
        ("adjust_for: [border]", "adjust_for: [boarder]", "min: 0.05", "no concept named 'boarder'.", "'border'"),
        ("classes: [malignant]", "classes: [melignant]", "id: use-shape", "no class named 'melignant'.", "'malignant'"),
        ("concepts: [patch]", "concepts: [patch, patch]", "id: no-flip", "names 'patch' twice.", "Once is enough."),
        ("overlay: colour_patch", "overlay: color_patch", "positive", "No overlay named 'color_patch'.", "colour_"),
        ("{}", "{} and {}", "templates", "must hold {} once.", "Words are put there."),
        ("0.95}", "0.95, bootstrap: 200000}", "statistics", "bootstrap is above 100,000.", ""),
        ("malignant: 1", "malignant: 0", "classes: {", "'malignant' and 'benign' are both output 0.", "One name"),
        ('["a bicycle"]', '["gel"]', "a bicycle", "The placebo 'gel' is the prompt of a concept too.", "another"),
        ('["a bicycle"]', '[" "]', "a bicycle", "The placebo ' ' says nothing.", "no picture shows"),
        (", label_column: patches", ', label_value: "2"', "id: patch", "label_value is of no column.", "label_column"),
        (", prompts: [\"gel\"]", "", "id: gel", "gel has no prompts.", "Add prompts or image_probes"),
        ("because: no scale is known, ", "", "id: diameter", "does not say 'because'.", "Add `because: …`"),
        (", needs: millimetres", "", "id: diameter", "does not say 'needs'.", "Add `needs: …`"),
    ],
)  # fmt: skip
def test_names_and_parts(old, new, at, what, cure):
    lines = [number for number, line in enumerate(GOOD.splitlines(), start=1) if at in line]
    found = told(changed(old, new))
    assert any(line - lines[0] in (0, 1) and what in words and cure in words for line, words in found), found


def test_an_unknown_overlay_of_a_concept_is_told():
    found = told(changed("overlay: colour_patch, label", "overlay: rular, label"))
    assert found == [(line_of("id: patch"), "No overlay named 'rular'. Did you mean 'ruler'?")]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("type: require, concepts: [shape], measure: encoded", "`require` needs min. Add `min: …`."),
        ("type: require, concepts: [shape], min: 0.1", "`require` needs measure."),
        ("type: require, measure: encoded, min: 0.1", "`require` needs concepts."),
        (
            "type: require, concepts: [shape], measure: encoded, min: 0.1, max: 0.2",
            "`require` takes no max. Remove it.",
        ),
        ("type: forbid, concepts: [patch], measure: flip_rate, min: 0.01, max: 0.1", "`forbid` takes no min."),
        ("type: forbid, concepts: [patch], measure: flip_rate", "`forbid` needs max."),
        ("type: forbid, concepts: [patch], measure: flip_rate, max: 0.1, baseline: x", "`forbid` takes no baseline."),
        ("type: limit, concepts: [patch], measure: encoded", "`limit` has no limit. Give either max or max_ratio."),
        (
            "type: limit, concepts: [shape], measure: relevance_share, max: 0.1, max_ratio: 2.0",
            "`limit` has two limits.",
        ),
        (
            "type: limit, concepts: [patch], measure: flip_rate, max_ratio: 2.0",
            "max_ratio is for relevance_share only.",
        ),
        (
            "type: limit, concepts: [patch], measure: encoded, max: 0.1, aggregate: any",
            "`limit` cannot aggregate by 'any'.",
        ),
        ("type: limit, concepts: [patch], measure: flip_rate, max: 0.1, aggregate: sum", "flip_rate cannot be summed."),
        ("type: compare, concepts: [patch], measure: flip_rate, baseline: x", "`compare` needs max_increase."),
        ("type: compare, concepts: [patch], measure: flip_rate, max_increase: 0.1", "`compare` needs baseline."),
        ("type: unexplained", "`unexplained` needs max."),
        ("type: unexplained, max: 0.5, concepts: [patch]", "`unexplained` takes no concepts."),
        ("type: unexplained, max: 0.5, measure: encoded", "`unexplained` takes no measure."),
        ("type: declare", "`declare` needs concepts."),
        ("type: declare, concepts: [diameter], max: 0.1", "`declare` takes no max."),
    ],
)
def test_what_a_type_needs_and_what_it_takes(rule, what):
    found = told(with_rule(f"id: added, severity: low, {rule}"))
    assert [line for line, _ in found] == [LAST] * len(found) and any(f"added: {what}" in words for _, words in found)


ADDED = "id: added, severity: low"
ENCODED = f"{ADDED}, type: limit, concepts: [patch], measure: encoded, max: 0.1"
CONTRAST = "type: limit, concepts: [patch], measure: contrast_effect, max: 0.3"


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (
            "type: limit, concepts: [patch], measure: relevance_share, max: 0.3",
            "relevance_share is evidence of tier 2, which can only warn. Remove `blocking: true`",
        ),
        ("type: require, concepts: [shape], measure: encoded, min: 0.1", "encoded is evidence of tier 1"),
        (
            "type: compare, concepts: [patch], measure: relevance_share, baseline: x, max_increase: 0.1",
            "relevance_share is evidence of tier 2",
        ),
        (CONTRAST, "only when it is adjusted for valid concepts. Add `adjust_for: [shape, border]`."),
        (f"{CONTRAST}, adjust_for: [gel]", "only when it is adjusted for valid concepts."),
        (
            "type: require, concepts: [shape, border], measure: contrast_effect, min: 0.1, adjust_for: [shape]",
            "List a valid concept and adjust for it.",
        ),
        ("type: unexplained, max: 0.5", "`unexplained` never blocks. Remove `blocking: true`."),
        ("type: declare, concepts: [diameter]", "`declare` never blocks."),
    ],
)
def test_who_may_not_block(rule, what):
    assert any(what in words for _, words in told(with_rule(f"id: added, severity: low, blocking: true, {rule}")))
    if "adjust_for: [shape]" not in rule:
        parse_rulebook(with_rule(f"id: added, severity: low, {rule}"), "x")


@pytest.mark.parametrize(
    "rule",
    [
        f"{CONTRAST}, adjust_for: [border]",
        "type: forbid, concepts: [patch], measure: intervention_effect, max: 0.3",
        "type: limit, concepts: [patch, gel], measure: ablation_effect, max: 0.3",
        "type: compare, concepts: [gel], measure: contrast_effect, adjust_for: [shape], baseline: x, max_increase: 0.1",
    ],
)
def test_who_may_block(rule):
    parse_rulebook(with_rule(f"id: added, severity: low, blocking: true, {rule}"), "x")


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("type: require, concepts: [diameter], measure: encoded, min: 0.1", "'diameter' is never assessable: no scale"),
        ("type: forbid, concepts: [diameter], measure: encoded, max: 0.1", "Only a `declare` rule may name it."),
        ("type: declare, concepts: [shape]", "`declare` names 'shape', which can be assessed."),
        ("type: require, concepts: [gel], measure: encoded, min: 0.1", "requires 'gel', which is spurious."),
        (f"{CONTRAST}, adjust_for: [patch, shape]", "adjust_for names its own concept 'patch'."),
        (f"{CONTRAST}, adjust_for: [diameter]", "adjust_for names 'diameter', which is never assessable."),
        ("type: forbid, concepts: [patch, gel], measure: flip_rate, max: 0.1", "needs an overlay, and 'gel' has none."),
        (
            "type: forbid, concepts: [gel], measure: intervention_effect, max: 0.1",
            "intervention_effect needs an overlay",
        ),
        ("type: compare, measure: flip_rate, baseline: x, max_increase: 0.1", "and 'gel' has none."),
        (
            "type: limit, concepts: [gel], measure: contrast_effect, max: 0.3, confirm_by: flip_rate",
            "confirm_by flip_rate needs an overlay, and none of its concepts has one.",
        ),
        ("type: forbid, concepts: [patch], measure: flip_rate, max: 10", "max is 10 and a share at most 1"),
        ("type: require, concepts: [shape], measure: encoded, min: 1.5", "so it could never pass."),
        ("type: unexplained, max: 2", "so it could never fail."),
    ],
)
def test_what_a_rule_may_not_ask(rule, what):
    found = told(with_rule(f"id: added, severity: low, {rule}"))
    assert any(line == LAST and what in words for line, words in found), found


def test_a_declaration_cannot_be_dropped():
    found = told(changed("  - {id: no-diameter, type: declare, concepts: [diameter], severity: info}\n", ""))
    assert found[0][0] == line_of("id: diameter")
    assert found[0][1].startswith(
        "diameter is never assessable, and no rule declares it. Add the rule {id: diameter-not"
    )


def test_a_measurable_diameter_cannot_be_required_either():
    text = changed("{id: diameter, kind: valid, assessable: never, because: no scale is known, needs: millimetres}",
                   "{id: size, kind: valid, prompts: [a diameter above 6 mm]}")  # fmt: skip
    text = text.replace(
        b"type: declare, concepts: [diameter]", b"type: require, concepts: [size], measure: encoded, min: 0.1"
    )
    assert told(text) == [
        (LAST - 1, "no-diameter: 'size' is never assessable: one image shows no diameter. "
                   "Only a `declare` rule may name it.")
    ]  # fmt: skip


def test_an_abcde_rulebook_declares_diameter_and_evolution():
    found = told(changed("title: Rules to try the reading with", "title: ABCDE"))
    assert [words for _, words in found] == [
        "An ABCDE rulebook must declare evolution as never assessable. "
        "Add the concept (assessable: never) and a `declare` rule."
    ]


def test_mistyped_and_linted_faults_come_together():
    text = changed("severity: critical", "severty: critical").replace(b"concepts: [shape]", b"concepts: [diameter]")
    assert [line for line, _ in told(text)] == [line_of("id: use-shape"), line_of("id: no-flip")]


def test_a_rule_that_names_a_mistyped_concept_is_not_blamed():
    assert [line for line, _ in told(changed("kind: spurious", "kind: spurius"))] == [line_of("id: patch")]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (changed("  - {id: gel", "  - {id: ink, kind: neutral, prompts: [ink]}\n  - {id: gel"), "No rule names 'ink'"),
        (changed("  name: index", f"  name: index\n  weights_sha256: '{'0' * 64}'"), "is all zeros"),
        (changed("  positive_control: {overlay: colour_patch, must_detect_at: 0.30}\n", ""), "No overlay is planted"),
        (changed('  placebo_prompts: ["a bicycle"]\n', ""), "No placebo is asked for."),
        (changed("0.95}", "0.95, correction: none}"), "judged without correction"),
        (changed("aggregate: sum", "aggregate: max"), "no-flip: no `limit` with `aggregate: sum` counts patch"),
        (changed("severity: critical, blocking: true", "severity: critical, blocking: true, on_inconclusive: ignore"),
         "no-flip: blocks, but says nothing when it cannot decide."),
        (GOOD.replace("blocking: true", "blocking: false").encode(), "No rule blocks, so the audit cannot fail."),
        (with_rule(f"{ADDED}, type: forbid, concepts: [shape], measure: encoded, max: 0.1"), "is valid."),
        (with_rule(f"{ADDED}, type: require, concepts: [shape], measure: encoded, min: 0"), "min 0 asks for nothing"),
        (with_rule(f"{ENCODED}, adjust_for: [shape]"), "adjust_for does nothing for encoded."),
        (with_rule(f"{ENCODED}, direction: for"), "encoded has no direction."),
        (with_rule(f"{ENCODED}, classes: [benign]"), "encoded knows no classes."),
        (with_rule(f"{ADDED}, type: forbid, concepts: [patch], measure: flip_rate, max: 0.1, confirm_by: flip_rate"),
         "is confirmed by its own measure"),
        (changed("kind: valid, prompts: [\"an asym", "kind: neutral, prompts: [\"an asym"), "which is neutral"),
    ],
)  # fmt: skip
def test_what_is_warned_of(text, what):
    assert what in warned(text)


def test_every_type_is_known_and_the_schema_asks_for_no_more_than_the_linter():
    needed = {
        each["if"]["properties"]["type"]["const"]: each["then"] for each in rulebook_schema()["$defs"]["Rule"]["allOf"]
    }
    assert set(needed) == set(TYPES) == set(rulebooks.RuleType.__args__)
    for kind, asked in needed.items():
        assert set(asked.get("required", ())) <= set(TYPES[kind].needed)
        assert set(asked.get("not", {}).get("required", ())) <= set(TYPES[kind].refused)


def test_the_overlays_are_those_that_are_drawn():
    drawn = pytest.importorskip("indexer.interventions.overlays").OVERLAYS
    assert tuple(drawn) == rulebooks.OVERLAYS


def test_every_measure_has_a_tier():
    assert set(rulebooks.TIERS) == set(rulebooks.MeasureName.__args__)
