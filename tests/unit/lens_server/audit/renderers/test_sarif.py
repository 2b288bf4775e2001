"""SARIF 2.1.0: failures only, each at its line of the rulebook, and nothing a reader cannot resolve."""

import json
import os
from pathlib import Path

import pytest

from lens_server.audit.renderers.sarif import render
from lens_server.report import Change, Verdict
from tests.unit.lens_server.audit.sample_parts import finding, report
from tests.unit.lens_server.audit.sample_reports import (
    against_baseline,
    empty,
    every_report,
    failed_controls,
    failing_shortcut,
    hostile,
)

REPORTS = every_report()


def run(drawn):
    return json.loads(render(drawn))["runs"][0]


@pytest.mark.parametrize("name", REPORTS)
def test_failures_only(name):
    failed = {each.rule for each in REPORTS[name].findings if each.verdict is Verdict.FAIL}
    assert {each["ruleId"] for each in run(REPORTS[name])["results"]} == failed


@pytest.mark.parametrize("name", REPORTS)
def test_every_result_points_at_its_rule(name):
    drawn = run(REPORTS[name])
    rules = drawn["tool"]["driver"]["rules"]
    assert len(rules) == len(REPORTS[name].findings)
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in drawn["results"])


def test_where_and_what():
    result = run(failing_shortcut())["results"][0]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "rules/lesions.yaml" and place["region"]["startLine"] == 47
    assert "patch → melanoma: 0.412 [0.341, 0.480], limit ≤ 0.100." in result["message"]["text"]
    assert result["partialFingerprints"]["ruleFingerprint/v1"] == failing_shortcut().findings[1].fingerprint


@pytest.mark.parametrize(("blocking", "level"), [(True, "error"), (False, "warning")])
def test_the_level_says_whether_it_blocks(blocking, level):
    assert run(report([finding("r", Verdict.FAIL, blocking=blocking)]))["results"][0]["level"] == level


def test_an_unknown_line_is_the_first():
    place = run(report([finding("r", Verdict.FAIL, line=0)]))["results"][0]["locations"][0]["physicalLocation"]
    assert place["region"]["startLine"] == 1


@pytest.mark.parametrize(
    ("change", "state"), [(Change.NEW, "new"), (Change.UNCHANGED, "unchanged"), (Change.WORSE, "updated")]
)
def test_the_state_against_the_baseline(change, state):
    assert run(report([finding("r", Verdict.FAIL, change=change)]))["results"][0]["baselineState"] == state


def test_without_a_baseline_there_is_no_state():
    assert "baselineState" not in run(failing_shortcut())["results"][0]
    assert run(against_baseline())["properties"]["fixed"] == ["no-ink-flip", "no-gel-flip"]


def test_the_run_says_how_it_went():
    went = run(failed_controls())["invocations"][0]
    assert went["exitCode"] == 3 and went["executionSuccessful"] is True
    assert [each["level"] for each in went["toolExecutionNotifications"]] == ["error", "error"]
    assert run(empty())["invocations"][0]["executionSuccessful"] is False


def test_a_path_is_a_reference():
    place = run(hostile())["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "rules/a%2Cb%3Ac%25%0A.yaml"


def test_it_keeps_to_the_schema():
    """Against the published schema, where LENS_SARIF_SCHEMA says where it lies."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    given = os.environ.get("LENS_SARIF_SCHEMA")
    if not given:
        pytest.skip("LENS_SARIF_SCHEMA names no copy of sarif-2.1.0.json")
    schema = json.loads(Path(given).read_text())
    for drawn in REPORTS.values():
        jsonschema.validate(json.loads(render(drawn)), schema)
