"""The page for a terminal says everything that decides, within its columns."""

import re

import pytest

from lens_server.audit.renderers.text import WIDTH, columns, render
from tests.unit.lens_server.audit.sample_reports import (
    against_baseline,
    every_report,
    failed_controls,
    failing_shortcut,
    waived,
    warn_only,
)

REPORTS = every_report()


def flat(report):
    return " ".join(render(report).split())


@pytest.mark.parametrize("name", REPORTS)
def test_it_fits_and_is_plain(name):
    page = render(REPORTS[name])
    assert page.endswith("\n") and "\x1b" not in page
    assert max(columns(line) for line in page.splitlines()) <= WIDTH
    page.encode("utf-8")


@pytest.mark.parametrize("name", REPORTS)
def test_every_rule_and_its_sentence_are_there(name):
    page = flat(REPORTS[name])
    for finding in REPORTS[name].findings:
        assert finding.rule in page
        assert " ".join(finding.sentence.split())[:40] in page


def test_the_number_its_interval_and_its_limit():
    assert "FAIL patch → melanoma: 0.412 [0.341, 0.480], limit ≤ 0.100" in flat(failing_shortcut())


def test_the_order_of_verdicts():
    heads = re.findall(r"^(FAIL|INCONCLUSIVE|NOT ASSESSABLE|WAIVED|PASS)(?: {2}|$)", render(failing_shortcut()), re.M)
    assert heads == ["FAIL", "INCONCLUSIVE", "NOT ASSESSABLE", "NOT ASSESSABLE", "PASS", "PASS"]


def test_the_five_counts():
    assert "1 failed · 1 inconclusive · 2 not assessable · 0 waived · 2 passed" in flat(failing_shortcut())


def test_what_was_declared_and_what_limits_it():
    page = flat(failing_shortcut())
    assert failing_shortcut().declared[0] in page and failing_shortcut().limitations[0] in page
    assert "it would need pixel spacing (mm) in the metadata" in page


def test_witnesses_pairs_and_confirmation_are_named():
    page = flat(failing_shortcut())
    assert "block4/17 (0.750)" in page and "lesion-00900.jpg (benign → melanoma)" in page and "5 of 6 flip" in page
    assert "confirmed by intervention_effect: 1.820 [1.610, 2.030]" in page


def test_waivers_with_days_left():
    page = flat(waived())
    assert "12 days left" in page and "expired 124 days ago" in page and "QMS-1182" in page


def test_the_change_against_the_baseline():
    page = flat(against_baseline())
    assert "worse than the baseline" in page and "baseline 0.287" in page and "no-ink-flip, no-gel-flip" in page


def test_failed_controls():
    page = flat(failed_controls())
    assert "FAILED: positive colour_patch" in page and "not run: positive ink" in page


def test_the_exit_status_is_the_true_one():
    assert "Exit status 1: at least one blocking rule failed." in flat(warn_only())
    assert "The process ends with 0" in flat(warn_only()) and "ends with 0" not in flat(failing_shortcut())
