"""Workflow commands: at most ten, the worst first, and no text can forge one."""

import re
from dataclasses import replace

from lens_server.audit.renderers.github import MOST, render
from lens_server.report import Verdict
from tests.unit.lens_server.audit.sample_parts import finding, report
from tests.unit.lens_server.audit.sample_reports import (
    clean_pass,
    empty,
    every_report,
    failed_controls,
    failing_shortcut,
    hostile,
)

COMMAND = re.compile(r"::(error|warning|notice) ((?:[a-z]+=[^,:\r\n]*)(?:,[a-z]+=[^,:\r\n]*)*)::([^\r\n]*)")


def commands(drawn):
    lines = render(drawn).splitlines()
    found = [COMMAND.fullmatch(each) for each in lines]
    assert all(found), lines
    return [(each[1], dict(pair.split("=", 1) for pair in each[2].split(",")), each[3]) for each in found]


def test_every_report_is_commands_and_nothing_else():
    for drawn in every_report().values():
        assert 1 <= len(commands(drawn)) <= MOST


def test_a_failure_is_an_error_at_its_line():
    level, places, message = commands(failing_shortcut())[0]
    assert level == "error" and places["file"] == "rules/lesions.yaml" and places["line"] == "47"
    assert message.startswith("FAIL: 0.412 of decisions") and "%0Apatch → melanoma: 0.412 [0.341, 0.480]" in message


def test_the_worst_come_first_and_the_rest_is_counted():
    many = [finding(f"warn-{number}", Verdict.FAIL, blocking=False) for number in range(20)]
    many.append(finding("blocks", Verdict.FAIL))
    found = commands(report(many, verdict=Verdict.FAIL, exit_status=1))
    assert len(found) == MOST
    assert found[0][1]["title"] == "blocks" and [each[0] for each in found] == ["error", *["warning"] * 8, "notice"]
    assert found[-1][2].startswith("12 annotations more")


def test_exactly_ten_are_all_shown():
    found = commands(report([finding(f"r-{number}", Verdict.FAIL) for number in range(MOST)], exit_status=1))
    assert len(found) == MOST and {each[0] for each in found} == {"error"}


def test_what_is_to_be_ignored_is_not_told():
    quiet = finding("quiet", Verdict.INCONCLUSIVE, on_inconclusive="ignore")
    assert [each[0] for each in commands(report([quiet]))] == ["notice"]


def test_a_blocking_rule_that_cannot_be_assessed_is_told():
    blind = finding("blind", Verdict.NOT_ASSESSABLE)
    assert commands(report([blind]))[0][0] == "error"
    assert commands(report([replace(blind, on_inconclusive="warn")]))[0][0] == "warning"
    assert commands(report([replace(blind, blocking=False)]))[0][0] == "notice"


def test_controls_and_empty_audits_are_errors():
    assert [each[0] for each in commands(failed_controls())] == ["error", "error"]
    assert commands(empty())[0][0] == "error"
    assert commands(clean_pass())[0][0] == "notice"


def test_text_is_escaped_as_the_runner_unescapes_it():
    level, places, message = commands(hostile())[0]
    assert level == "error" and places["file"] == "rules/a%2Cb%3Ac%25%0A.yaml"
    assert places["title"].startswith("rule<b>&\"'|%25%3A%3A%2C=x")
    assert "%250A" in message  # what was %0A in the text is no line break


def test_without_a_line_there_is_no_place():
    assert "line" not in commands(report([replace(finding("r", Verdict.FAIL), line=0)]))[0][1]
