"""JUnit XML: outcomes as the audit defines them, in the order and with the attributes that Jenkins' schema asks for."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from lens_server.audit.renderers.junit import render
from lens_server.report import Verdict
from tests.unit.lens_server.audit.sample_parts import finding, report
from tests.unit.lens_server.audit.sample_reports import clean_pass, empty, every_report, failed_controls, waived

REPORTS = every_report()


def outcomes(drawn):
    root = ElementTree.fromstring(render(drawn))
    found = {}
    for case in root.iter("testcase"):
        found[case.get("name")] = next((each.tag for each in case if each.tag != "system-out"), "passed")
    return found


@pytest.mark.parametrize(
    ("verdict", "blocking", "on_inconclusive", "outcome"),
    [
        (Verdict.PASS, True, "fail", "passed"),
        (Verdict.FAIL, True, "fail", "failure"),
        (Verdict.FAIL, False, "ignore", "failure"),
        (Verdict.INCONCLUSIVE, True, "fail", "error"),
        (Verdict.INCONCLUSIVE, True, "warn", "skipped"),
        (Verdict.INCONCLUSIVE, False, "fail", "skipped"),
        (Verdict.NOT_ASSESSABLE, True, "fail", "skipped"),
        (Verdict.WAIVED, True, "fail", "skipped"),
    ],
)
def test_a_verdict_is_an_outcome(verdict, blocking, on_inconclusive, outcome):
    one = finding("r", verdict, blocking=blocking, on_inconclusive=on_inconclusive)
    assert outcomes(report([one]))["r"] == outcome


@pytest.mark.parametrize("name", REPORTS)
def test_the_counts_are_those_of_the_cases(name):
    root = ElementTree.fromstring(render(REPORTS[name]))
    for suite in root.iter("testsuite"):
        cases = list(suite.iter("testcase"))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute)) == sum(each.find(tag) is not None for each in cases)
        assert int(suite.get("tests")) == len(cases)
    total = [sum(int(each.get(name)) for each in root.iter("testsuite")) for name in ("tests", "failures", "errors")]
    assert total == [int(root.get(each)) for each in ("tests", "failures", "errors")]


def test_a_message_holds_the_number_its_interval_and_its_limit():
    failure = ElementTree.fromstring(render(REPORTS["failing_shortcut"])).find(".//failure")
    assert failure.get("message").startswith("FAIL: 0.412 of decisions change")
    assert "patch → melanoma: 0.412 [0.341, 0.480], limit ≤ 0.100" in failure.text


def test_a_failed_control_is_an_error_and_one_not_run_is_skipped():
    found = outcomes(failed_controls())
    assert found["positive: colour_patch"] == "error" and found["positive: ink"] == "skipped"


def test_an_audit_that_evaluated_nothing_is_not_green():
    assert outcomes(empty()) == {"the audit was carried out": "error"}
    assert outcomes(clean_pass())["the audit was carried out"] == "passed"


def test_a_waiver_is_named():
    skipped = ElementTree.fromstring(render(waived())).findall(".//skipped")
    assert any("waiver W-2026-003" in each.text for each in skipped)


def test_times_that_cannot_be_read_are_left_out():
    one = clean_pass()
    suite = ElementTree.fromstring(render(one)).find("testsuite")
    assert suite.get("timestamp") == "2026-05-04T09:00:00" and suite.get("time") == "72.000"
    lost = replace(one, provenance=replace(one.provenance, started="yesterday"))
    assert ElementTree.fromstring(render(lost)).find("testsuite").get("timestamp") is None


def test_an_independent_reader_reads_it():
    junitparser = pytest.importorskip("junitparser", reason="junitparser is not installed")
    for drawn in REPORTS.values():
        read = junitparser.JUnitXml.fromstring(render(drawn).encode())
        assert read.failures == drawn.counts.failed
        assert len(list(next(iter(read)))) == len(drawn.findings)
