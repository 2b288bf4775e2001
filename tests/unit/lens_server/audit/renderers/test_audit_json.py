"""audit.json holds the report exactly, and nothing else is read as one."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InvalidInput
from lens_server.audit.renderers.audit_json import from_json, to_json
from tests.unit.lens_server.audit.sample_parts import finding, result
from tests.unit.lens_server.audit.sample_reports import clean_pass, every_report, failing_shortcut

REPORTS = every_report()


def edited(change):
    plain = json.loads(to_json(failing_shortcut()))
    change(plain)
    return json.dumps(plain)


def refusal(text):
    with pytest.raises(InvalidInput) as refused:
        from_json(text)
    assert refused.value.hint, "without a cure"
    return refused.value.message


@pytest.mark.parametrize("name", REPORTS)
def test_there_and_back_is_the_same(name):
    written = to_json(REPORTS[name])
    assert from_json(written) == REPORTS[name]
    assert to_json(from_json(written)) == written
    written.encode("utf-8")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_exactly(number):
    one = replace(clean_pass(), findings=(finding(results=(result(bounds=(number, number, number)),)),))
    assert from_json(to_json(one)) == one


@given(st.text())
def test_every_text_comes_back_exactly(text):
    one = replace(clean_pass(), title=text)
    assert from_json(to_json(one)) == one


def test_equal_reports_have_equal_bytes():
    whole, minus = (
        replace(clean_pass(), findings=(finding(results=(result(bounds=(zero, zero, zero)),)),)) for zero in (0, -0.0)
    )
    assert whole == minus and to_json(whole) == to_json(minus)


def test_only_the_times_may_differ():
    one = failing_shortcut()
    other = replace(one, provenance=replace(one.provenance, started="x", finished="y"))
    lines = zip(to_json(one).splitlines(), to_json(other).splitlines(), strict=True)
    different = [left.split('"')[1] for left, right in lines if left != right]
    assert different == ["started", "finished"]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_never_written(number):
    one = replace(clean_pass(), findings=(finding(results=(result(bounds=(number, 0.0, 0.0)),)),))
    with pytest.raises(InvalidInput, match=r"report\.findings\[0\]\.results\[0\]\.estimate"):
        to_json(one)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plain: plain.update(schema="audit-report/v2"), "audit-report/v2"),
        (lambda plain: plain.pop("findings"), "report.findings is missing"),
        (lambda plain: plain.update(verdcit="pass"), "report.verdcit is unknown. Did you mean 'verdict'?"),
        (lambda plain: plain.update(verdict="passed"), "Did you mean 'pass'?"),
        (lambda plain: plain.update(exit_status=True), "must be a whole number, not true or false"),
        (lambda plain: plain.update(exit_status=1.0), "must be a whole number"),
        (lambda plain: plain.update(warn_only=0), "must be true or false"),
        (lambda plain: plain.update(title=None), "report.title must be a text, not null"),
        (lambda plain: plain.update(concepts={}), "must be a list, not an object"),
        (lambda plain: plain["findings"].append(3), "report.findings[6] must be an object, not the number 3"),
        (lambda plain: plain["findings"][1].update(limit="1"), "report.findings[1].limit must be a number"),
        (lambda plain: plain["findings"][1].update(limit=10**400), "report.findings[1].limit is not finite"),
        (lambda plain: plain["pictures"][0].update(jpeg="?"), "report.pictures[0].jpeg is not base64"),
        (lambda plain: plain["pictures"][0].update(jpeg="AAAA"), "is not the digest"),
    ],
)
def test_what_is_not_known_is_refused(change, said):
    assert said in refusal(edited(change))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("[]", "is an object"),
        ('{"schema": NaN}', "NaN"),
        ('{"schema": 1, "schema": 2}', "twice"),
        ("[" * 100_000, "no JSON"),
        ("{}", "schema is None"),
    ],
)
def test_what_is_no_report_is_refused(text, said):
    assert said in refusal(text)


def test_a_number_too_large_for_a_float_is_refused():
    text = to_json(clean_pass()).replace('"limit": 0.05', '"limit": 1e999', 1)
    assert "is not finite" in refusal(text)


def test_all_faults_are_told_at_once():
    said = refusal(edited(lambda plain: (plain.pop("title"), plain.update(owner=1, extra=2))))
    assert all(each in said for each in ("report.title", "report.owner", "report.extra"))
