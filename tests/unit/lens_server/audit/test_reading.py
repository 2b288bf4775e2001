"""Rulebooks are read strictly: all faults at once, each with its line and its cure."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import InvalidInput, UnknownName
from lens_server.audit.reading import SHIPPED, EmptyRulebook, RulebookFault, parse_rulebook, read_rulebook
from lens_server.audit.strict_yaml import MOST_BYTES, parse
from tests.unit.lens_server.audit.sample_rulebooks import GOOD, LAST, changed, line_of

ROOT = Path(__file__).resolve().parents[4]
EXAMPLES = Path(os.environ.get("LENS_DATA", ROOT.parent / "shared" / "data")).parent / "examples"
SOUND = {"base_ok.yaml", "exp_ok.yaml"}


def faults_of(text: bytes | str) -> list[tuple[int, str]]:
    """(line, what and cure) of every fault."""
    with pytest.raises(RulebookFault) as caught:
        parse_rulebook(text if isinstance(text, bytes) else text.encode(), "rules.yaml")
    assert all(f"rules.yaml:{each.line}: {each.message}" in str(caught.value) for each in caught.value.faults)
    return [(each.line, f"{each.message} {each.hint}".strip()) for each in caught.value.faults]


def test_a_good_rulebook_is_read(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD)
    read = read_rulebook(path)
    assert read.path == str(path) and read.warnings == ()
    assert read.lines["no-flip"] == line_of("id: no-flip") and len(read.lines) == 7
    assert read.rulebook.target.classes == {"benign": 0, "malignant": 1}
    assert read.rulebook.rules[0].bound == ("min", 0.05)


def test_it_is_read_alike_from_bytes_and_with_a_byte_order_mark():
    plain, marked = parse_rulebook(GOOD.encode(), "a"), parse_rulebook(b"\xef\xbb\xbf" + GOOD.encode(), "a")
    assert plain.rulebook == marked.rulebook and plain.rulebook.digest == marked.rulebook.digest


@pytest.mark.parametrize(
    ("text", "line", "what", "cure"),
    [
        (changed("schema: concept-rules/v1", "schema: concept-rules/v2"), 1, "schema cannot be", "concept-rules/v1"),
        (changed('version: "1.0.0"', "version: 1.10"), 2, "ruleset.version must be a text, not 1.1.", "Quote it."),
        (changed('version: "1.0.0"', "version: 1.0"), 2, "ruleset.version must be a text", "Quote it."),
        (changed('version: "1.0.0"', 'version: "1.0"'), 2, "ruleset.version cannot be '1.0'.", "Three numbers"),
        (changed("{benign: 0", "{0: 0"), 4, "The key 0 of target.classes must be a text.", "Quote it."),
        (changed("malignant: 1}", "malignant: one}"), 4, "must be a whole number, not 'one'.", "bare"),
        (changed("malignant: 1}", "malignant: -1}"), 4, "must be greater than or equal to 0, not -1.", ""),
        (changed("  classes: {benign: 0, malignant: 1}", "  classes: {}"), 4, "target.classes is empty.", "Give one"),
        (changed("  name: index", "  name:"), 6, "name has no value.", "Give one or remove the line."),
        (changed("{}", "it"), 7, "foundation_model.templates cannot be", "{}"),
        (changed("alpha: 0.05", "alpha: 5"), 8, "statistics.alpha must be less than or equal to 0.2, not 5.", ""),
        (changed("alpha: 0.05", "alpha: .nan"), 8, "statistics.alpha must be a finite number, not nan.", ""),
        (changed("alpha: 0.05", "alpha: 1e999"), 8, "statistics.alpha must be a finite number, not inf.", ""),
        (changed("alpha: 0.05", "alpha: yes"), 8, "statistics.alpha must be a number, not 'yes'.", "0.05"),
        (changed("alpha: 0.05", "alpah: 0.05"), 8, "Unknown key 'alpah'.", "Did you mean 'alpha'?"),
        (changed('["a bicycle"]', "a bicycle"), 10, "controls.placebo_prompts must be a list", "[one, another]"),
        (changed('["gel"]', '["g"]'), line_of("id: gel"), "prompts cannot be 'g'.", "Say more."),
        (changed("kind: spurious", "kind: spurius"), line_of("id: patch"), "kind cannot be", "'spurious'"),
        (changed("id: no-flip", "id: no flip"), line_of("id: no-flip"), "id cannot be 'no flip'.", "A letter first"),
        (changed("type: forbid", "type: forbit"), line_of("id: no-flip"), "type cannot be", "Did you mean 'forbid'?"),
        (changed("measure: flip_rate", "measure: flips"), line_of("id: no-flip"), "measure cannot be", "'flip_rate'"),
        (changed("blocking: true", "blocking: yes"), line_of("min: 0.05"), "must be true or false, not 'yes'.", "1.2"),
        (changed("severity: critical", "severty: critical"), line_of("id: no-flip"), "Unknown key", "'severity'?"),
        (changed("severity: critical, ", ""), line_of("id: no-flip"), "severity is missing.", "Add `severity: …`."),
        (changed("concepts: [patch]", "concepts: [~]"), line_of("id: no-flip"), "concepts has no value.", ""),
        (changed("max: 0.10", "max: -0.10"), line_of("id: no-flip"), "max must be greater than or equal to 0", ""),
        (changed("rules:\n", "rules: 3\nrulse:\n"), line_of("rules:") , "rules must be a list, not 3.", ""),
        (changed("statistics: {alpha: 0.05, confidence: 0.95}", "statistics: [1]"), 8, "must be a mapping", "value"),
    ],
)  # fmt: skip
def test_what_is_mistyped_is_told_with_line_and_cure(text, line, what, cure):
    told = faults_of(text)
    assert any(number == line and what in words and cure in words for number, words in told), told


def test_a_misspelt_key_is_not_called_missing_too():
    assert faults_of(changed("severity: critical", "severty: critical")) == [
        (line_of("id: no-flip"), "Unknown key 'severty'. Did you mean 'severity'?")
    ]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (f"{GOOD}rules: []\n", LAST, f"'rules' stands twice. It stands in line {line_of('rules:')} already"),
        (changed("alpha: 0.05", "alpha: 0.05, alpha: 0.04"), 8, "'alpha' stands twice."),
        (changed("[shape]", "&s [shape]"), line_of("id: use-shape"), "An anchor (&s) is not taken. Remove it."),
        (changed("name: index", "name: *x"), 6, "An alias (*x) is not taken. Write the value out."),
        (changed("name: index", "name: !!str index"), 6, "A tag (tag:yaml.org,2002:str) is not taken."),
        (changed("name: index", "name: !!python/object/apply:os.system [ls]"), 6, "A tag ("),
        (f"{GOOD}---\na: 1\n", LAST, "A second document starts here. Keep one document a file."),
        ("a: [1\nb: 2\n", 2, "Not YAML: expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", 2, "Not YAML: found character"),
        ("a: 1\nb: \x07\n", 2, "Not YAML: special characters are not allowed."),
        (b"a: 1\nb: \xff\xfe\n", 2, "Byte 8 is not UTF-8. Save the file as UTF-8."),
        (GOOD.encode("utf-16"), 1, "Byte 0 is not UTF-8."),
        (b"# " + b"x" * MOST_BYTES, 1, "The file is larger than 1,000,000 bytes."),
        ("- a\n- b\n", 1, "The file must be a mapping."),
        ("a" + ": {a" * 50, 1, "Nested more than 20 deep."),
        ("a: [" + "1," * 60_000 + "]", 1, "The file holds more than 50,000 values. Split it."),
        ("[" * 100_000, 1, "Nested more than 20 deep."),
        ("? [a]\n: 1\n", 1, "A key must be a word."),
    ],
)
def test_what_yaml_may_do_and_we_do_not_take(text, line, what):
    told = faults_of(text)
    assert any(number == line and what in words for number, words in told), told


def test_all_faults_are_told_at_once():
    text = changed("alpha: 0.05", "alpha: 5").decode()
    text = text.replace("severity: critical", "severty: critical").replace("concepts: [shape]", "concepts: [shap]")
    told = faults_of(text)
    assert [line for line, _ in told] == [8, line_of("id: use-shape"), line_of("id: no-flip")]
    with pytest.raises(RulebookFault, match="rules.yaml has 3 faults:\nrules.yaml:8: "):
        parse_rulebook(text.encode(), "rules.yaml")


def test_a_thousand_faults_are_not_all_printed():
    text = GOOD + "".join(f"unknown{number}: 1\n" for number in range(500))
    with pytest.raises(RulebookFault) as caught:
        parse_rulebook(text.encode(), "x")
    assert len(caught.value.faults) == 500 and len(str(caught.value).splitlines()) == 102
    assert str(caught.value).endswith("… and 400 more.")


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# nothing yet\n", b"---\n", b"~\n", b"\xef\xbb\xbf"])
def test_an_empty_rulebook_is_a_fault_of_its_own(text):
    with pytest.raises(EmptyRulebook, match="x:1: The rulebook is empty. Start from a shipped one: abcde"):
        parse_rulebook(text, "x")


def test_no_rules_are_read_but_a_file_of_nothing_else_is_not_a_rulebook():
    none = GOOD[: GOOD.index("rules:\n")].replace("  - {id: diameter", "  # - {id: diameter") + "rules: []\n"
    assert parse_rulebook(none.encode(), "x").rulebook.rules == ()
    told = faults_of("rules: []\n")
    assert [words.split()[0] for _, words in told] == ["concepts", "foundation_model", "ruleset", "schema", "target"]


def test_a_source_that_is_nothing(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean 'abcde'"):
        read_rulebook("abcd")
    with pytest.raises(InvalidInput, match="is no file"):
        read_rulebook(tmp_path / "gone.yaml")
    with pytest.raises(InvalidInput, match="is no file"):
        read_rulebook(tmp_path)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_rulebooks_are_read_by_name(name):
    assert read_rulebook(name).path == name


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("no", "no"), ("on", "on"), ("012", 12), ("0o17", 15), ("0x1F", 31), ("1:30", "1:30"), ("1e-3", 0.001),
        ("5e-2", 0.05), (".5", 0.5), ("1_000", "1_000"), ("2026-11-01", "2026-11-01"), ("True", True), ("~", None),
        ("'1'", "1"), ("-.inf", float("-inf")), ("0b11", "0b11"), ("<<", "<<"), ("=", "="),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2_core(word, value):
    read = parse(f"a: {word}\n".encode())
    assert read.faults == () and read.content == {"a": value}
    assert type(read.content["a"]) is type(value)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_bytes_never_raise_anything_else(data):
    parse(data)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_rulebook_with_a_hole_is_read_or_refused(data):
    start = data.draw(st.integers(0, len(GOOD) - 1))
    text = GOOD[:start] + data.draw(st.text(max_size=4)) + GOOD[start + data.draw(st.integers(0, 12)) :]
    try:
        parse_rulebook(text.encode("utf-8", "replace"), "x")
    except RulebookFault as fault:
        assert fault.faults and all(each.line >= 1 for each in fault.faults)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no worked examples beside LENS_DATA")
@pytest.mark.parametrize("path", sorted((EXAMPLES / "bad_rulebooks").glob("*.yaml")), ids=lambda path: path.stem)
def test_worked_bad_rulebooks(path):
    if path.name in SOUND:
        assert len(read_rulebook(path).rulebook.rules) == 12
        return
    with pytest.raises(EmptyRulebook if path.name == "empty.yaml" else RulebookFault):
        read_rulebook(path)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no worked examples beside LENS_DATA")
@pytest.mark.parametrize("name", ["abcde", "backgrounds"])
def test_worked_good_rulebooks(name):
    assert read_rulebook(EXAMPLES / f"{name}.yaml").rulebook.rules
