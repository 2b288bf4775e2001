"""The comment on a pull request: what failed first, never too long, and nothing in it is markup but ours."""

import re
from dataclasses import replace

import pytest

from lens_server.audit.renderers.markdown import MOST_BYTES, render
from lens_server.report import Verdict
from tests.unit.lens_server.audit.sample_parts import finding, report, result
from tests.unit.lens_server.audit.sample_reports import (
    against_baseline,
    every_report,
    failed_controls,
    failing_shortcut,
    hostile,
    waived,
)

REPORTS = every_report()
OURS = {"details", "summary", "b", "sub"}


@pytest.mark.parametrize("name", REPORTS)
def test_only_our_tags_are_tags_and_all_are_closed(name):
    comment = render(REPORTS[name])
    assert set(re.findall(r"<(\w+)", comment)) <= OURS
    for tag in OURS:
        assert comment.count(f"<{tag}>") == comment.count(f"</{tag}>")


def test_the_verdict_comes_first_then_the_counts_then_what_failed():
    comment = render(failing_shortcut())
    order = ["### ✗ Audit FAIL", "| **1** | **1** | **2** | 0 | **2** |", "ABCDE: 3 of 5", "✗ FAIL, blocking"]
    order += ["**no-ruler-flip**", "<summary>✗ FAIL", "Not assessable (2)", "Passed (2)", "What this audit cannot say"]
    assert sorted(order, key=comment.index) == order
    assert r"| patch → melanoma | 0.412 \[0.341, 0.480\] | ≤ 0.100 |" in comment


def test_controls_waivers_and_changes():
    assert "**Control failed:** The planted overlay is missed" in render(failed_controls())
    assert "12 days left" in render(waived())
    assert "worse than the baseline" in render(against_baseline()) and "no-ink-flip" in render(against_baseline())


def test_it_never_grows_too_long():
    results = tuple(result(f"concept-{number}", Verdict.FAIL, (0.4, 0.3, 0.5), note="x" * 900) for number in range(40))
    many = [finding(f"rule-{number}", Verdict.FAIL, "why " * 500, results) for number in range(300)]
    comment = render(report(many, verdict=Verdict.FAIL, exit_status=1))
    assert len(comment.encode()) <= MOST_BYTES
    assert "Shortened" in comment and comment.count("<details>") == comment.count("</details>")
    assert all("</summary>" in each for each in comment.split("<details>")[1:])


def test_nobody_is_called_and_no_issue_is_linked():
    named = replace(failing_shortcut(), sentence="Ask @octocat about #12.")
    comment = render(named)
    assert "@octocat" not in comment and "#12" not in comment


def test_a_cell_cannot_end_its_row():
    rows = [each for each in render(hostile()).splitlines() if each.startswith("| ")]
    assert rows and all(len(re.findall(r"(?<!\\)\|", each)) == 6 for each in rows)
