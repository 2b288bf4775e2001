"""A waiver waives what it names, as bad as it accepts, as long as it lives; a pass is never waived."""

import hashlib
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InvalidInput
from lens_server.audit.waivers import WaiversFault, apply_waivers, parse_waivers, read_waivers
from lens_server.report import Verdict
from tests.unit.lens_server.audit.sample_parts import finding, result
from tests.unit.lens_server.audit.test_reading import EXAMPLES

SUBJECT = "sha256:" + "a" * 64
TODAY = date(2026, 11, 21)
ONE = """\
schema: concept-waivers/v1
waivers:
  - id: W-1
    rule: no-flip
    concepts: [patch]
    classes: [melanoma]
    accepted: {measure: flip_rate, upper_bound: 0.36}
    model: any
    reason: stickers are removed before this model is asked
    approved_by: someone@example.org
    ticket: T-1
    created: 2026-11-01
    expires: "2027-02-01"
"""


def waivers(*changes: tuple[str, str]):
    text = ONE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_waivers(text.encode(), "waivers.yaml")


def faults(text: str) -> list[tuple[int, str]]:
    with pytest.raises(WaiversFault) as caught:
        parse_waivers(text.encode(), "waivers.yaml")
    return [(each.line, f"{each.message} {each.hint}".strip()) for each in caught.value.faults]


def broken(verdict=Verdict.FAIL, bounds=(0.3, 0.25, 0.35), **changes):
    return finding("no-flip", verdict, "It flips.", (result("patch", verdict, bounds),), **changes)


def applied(found, given, *, today=TODAY, strict=False, subject=SUBJECT):
    findings, told, warnings = apply_waivers((found,), given, subject_digest=subject, today=today, strict=strict)
    return findings[0], told[0], warnings


def test_reading(tmp_path):
    path = tmp_path / "waivers.yaml"
    path.write_text(ONE)
    (one,) = read_waivers(path).waivers
    assert one.created == date(2026, 11, 1) and one.expires == date(2027, 2, 1)
    assert one.concepts == ("patch",) and one.accepted.upper_bound == 0.36


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (ONE.replace('    expires: "2027-02-01"\n', ""), 3, "expires is missing. Add `expires: …`."),
        (ONE.replace("2027-02-01", "2027-05-01"), 13, "expires 181 days after it is created, more than 180."),
        (ONE.replace("2027-02-01", "2026-10-01"), 13, "W-1 expires before it is created."),
        (ONE.replace("2027-02-01", "2027-02-30"), 13, "expires must be a valid date"),
        (ONE.replace("2027-02-01", "20270201"), 13, "expires must be a valid date"),
        (ONE.replace("    accepted: {measure: flip_rate, upper_bound: 0.36}\n", ""), 3, "is for any model and"),
        (ONE.replace(", upper_bound: 0.36", ""), 3, "does not say how bad it may get. Add `accepted:"),
        (ONE.replace("0.36", ".inf"), 7, "accepted.upper_bound must be a finite number"),
        (ONE.replace("measure: flip_rate", "measure: flips"), 7, "accepted.measure cannot be 'flips'. Did you mean"),
        (ONE.replace("model: any", "model: sha256:abc"), 8, "model cannot be 'sha256:abc'. Write `any`"),
        (ONE.replace("ticket: T-1", "tickett: T-1"), 11, "Unknown key 'tickett'. Did you mean 'ticket'?"),
        (ONE.replace("ticket: T-1", 'ticket: ""'), 11, "ticket is empty."),
        (ONE + ONE[ONE.index("  - id"):], 14, "The waiver 'W-1' stands twice. Rename one."),
        (ONE.replace("concept-waivers/v1", "concept-rules/v1"), 1, "schema cannot be 'concept-rules/v1'."),
        (ONE + "waivers: []\n", 14, "'waivers' stands twice."),
        ("", 1, "The file must be a mapping."),
    ],
)  # fmt: skip
def test_bad_waivers_are_refused_with_line_and_cure(text, line, what):
    told = faults(text)
    assert any(number == line and what in words for number, words in told), told


def test_all_faults_of_waivers_at_once():
    text = ONE.replace("ticket: T-1", "tickett: T-1") + ONE[ONE.index("  - id") :].replace("2027-02-01", "2028-02-01")
    assert [line for line, _ in faults(text)] == [11, 24]


def test_a_fault_is_not_seen_where_180_days_are_kept():
    assert waivers(("2027-02-01", "2027-04-30")).waivers


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_what_is_broken_is_waived(verdict):
    found, told, warnings = applied(broken(verdict), waivers())
    assert found.verdict is Verdict.WAIVED and found.waivers == ("W-1",)
    assert found.results[0].verdict is Verdict.WAIVED and found.results[0].waiver == "W-1"
    assert found.sentence == "Waived by W-1: It flips."
    assert (told.state, told.days_left, told.expires, told.ticket) == ("applied", 72, "2027-02-01", "T-1")
    assert warnings == ()


def test_a_pass_is_never_waived():
    passing = broken(Verdict.PASS, (0.02, 0.01, 0.03))
    found, told, warnings = applied(passing, waivers())
    assert found == passing and told.state == "unused"
    assert warnings == ("The waiver W-1 is unused: What it waives passes.",)


def test_what_is_not_assessable_is_not_waived():
    blind = finding("no-flip", Verdict.NOT_ASSESSABLE, "Unseen.", (result("patch", Verdict.NOT_ASSESSABLE),))
    assert applied(blind, waivers())[1].note == "What it waives is not assessable."


@pytest.mark.parametrize(
    ("changes", "found", "state", "note"),
    [
        ([("0.36", "0.34")], broken(), "exceeded", "measured up to 0.35, accepted up to 0.34."),
        ([], broken(bounds=(None, None, None)), "exceeded", "Nothing was measured for patch in melanoma"),
        (
            [("    reason", '    rule_fingerprint: "0"\n    reason')],
            broken(),
            "rule changed",
            "not the one that was waived",
        ),
        (
            [("rule: no-flip", "rule: no-flap")],
            broken(),
            "unmatched",
            "No rule named 'no-flap'. Did you mean 'no-flip'?",
        ),
        ([("[patch]", "[hair]")], broken(), "unmatched", "It names no claim of no-flip: patch in melanoma."),
        ([("[melanoma]", "[benign]")], broken(), "unmatched", "It names no claim of no-flip"),
        ([("    classes: [melanoma]\n", "")], broken(), "unmatched", "It names no claim of no-flip"),
        ([("measure: flip_rate", "measure: encoded")], broken(), "unmatched", "the rule measures flip_rate."),
        ([("model: any", f"model: sha256:{'b' * 64}")], broken(), "unmatched", "It is for another model."),
        ([("2026-11-01", "2026-11-22")], broken(), "unmatched", "It is not valid before 2026-11-22."),
        ([("2027-02-01", "2026-11-20")], broken(), "expired", "It expired on 2026-11-20."),
    ],
)
def test_a_void_waiver_waives_nothing(changes, found, state, note):
    kept, told, warnings = applied(found, waivers(*changes))
    assert kept == found
    assert told.state == state and note in told.note
    assert warnings == (f"The waiver W-1 is {state}: {told.note}",)
    if state == "unmatched":
        with pytest.raises(InvalidInput, match="Waivers match nothing: W-1: "):
            applied(found, waivers(*changes), strict=True)
    else:
        applied(found, waivers(*changes), strict=True)


def test_the_last_day_counts_and_the_last_fortnight_is_warned_of():
    soon = waivers(("2027-02-01", "2026-11-22"))
    assert applied(broken(), soon)[2] == ("The waiver W-1 expires in 1 day: mend no-flip or renew it (T-1).",)
    assert "expires today" in applied(broken(), waivers(("2027-02-01", "2026-11-21")))[2][0]
    assert applied(broken(), waivers(("2027-02-01", "2026-12-05")))[2] != ()
    assert applied(broken(), waivers(("2027-02-01", "2026-12-06")))[2] == ()


def test_the_fingerprint_and_the_model_that_are_meant():
    fingerprint = hashlib.sha256(b"no-flip").hexdigest()
    given = waivers(("model: any", f"model: {SUBJECT}\n    rule_fingerprint: '{fingerprint}'"))
    assert applied(broken(), given)[1].state == "applied"
    assert applied(broken(), given, subject=SUBJECT.removeprefix("sha256:"))[1].state == "applied"
    unbounded = waivers(
        ("model: any", f"model: {SUBJECT}"), ("    accepted: {measure: flip_rate, upper_bound: 0.36}\n", "")
    )
    assert applied(broken(), unbounded)[1].state == "applied"


@pytest.mark.parametrize(
    ("direction", "bounds", "state"),
    [
        ("either", (0.3, 0.25, 0.35), "applied"),
        ("either", (-0.3, -0.35, -0.25), "applied"),
        ("either", (-0.3, -0.40, -0.25), "exceeded"),
        ("for", (0.3, 0.25, 0.40), "exceeded"),
        ("for", (-0.3, -0.40, -0.25), "applied"),
        ("against", (-0.3, -0.40, -0.25), "exceeded"),
        ("against", (-0.3, -0.35, -0.25), "applied"),
        ("against", (0.3, 0.25, 0.40), "applied"),
    ],
)
def test_the_bound_is_that_of_what_is_judged(direction, bounds, state):
    found = finding("no-flip", Verdict.FAIL, "It flips.", (result("patch", Verdict.FAIL, bounds, direction=direction),))
    assert applied(found, waivers())[1].state == state


def test_a_requirement_is_waived_by_a_lower_bound():
    weak = broken(bounds=(0.03, 0.01, 0.04), type="require", bound="min")
    assert "accepted.lower_bound" in applied(weak, waivers())[1].note
    for accepted, state in (("0.0", "applied"), ("0.02", "exceeded")):
        given = waivers(("upper_bound: 0.36", f"lower_bound: {accepted}"))
        assert applied(weak, given)[1].state == state


def test_unexplained_relevance_is_waived_by_class():
    named = ("shape", "border", "patch")
    share = replace(result(), verdict=Verdict.FAIL, concepts=named)
    found = finding("no-flip", Verdict.FAIL, "Much has no name.", (share,), type="unexplained", measure=None)
    given = waivers(("measure: flip_rate", "measure: unexplained"), ("    concepts: [patch]\n", ""))
    assert applied(found, given)[0].verdict is Verdict.WAIVED


def test_a_summed_claim_needs_all_its_concepts_named():
    found = finding("no-flip", Verdict.FAIL, "", (replace(result(), verdict=Verdict.FAIL, concepts=("patch", "ink")),))
    assert applied(found, waivers())[1].state == "unmatched"
    assert applied(found, waivers(("[patch]", "[ink, patch, hair]")))[1].state == "applied"


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (Verdict.FAIL, Verdict.FAIL),
        (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        (Verdict.NOT_ASSESSABLE, Verdict.INCONCLUSIVE),
        (Verdict.PASS, Verdict.WAIVED),
    ],
)
def test_the_worst_that_remains_decides(other, verdict):
    results = (result("patch", Verdict.FAIL, (0.2, 0.15, 0.25)), result("ink", other, (0.2, 0.15, 0.25)))
    found, told, _ = applied(finding("no-flip", Verdict.FAIL, "It flips.", results), waivers())
    assert told.state == "applied" and found.verdict is verdict and found.waivers == ("W-1",)
    assert found.results[0].verdict is verdict or other is Verdict.NOT_ASSESSABLE
    if verdict is not Verdict.WAIVED:
        assert found.sentence == "It flips. (W-1 waives patch in melanoma.)"


def test_one_claim_beyond_what_is_accepted_voids_the_whole_waiver():
    results = (result("patch", Verdict.FAIL, (0.3, 0.25, 0.35)), result("ink", Verdict.FAIL, (0.5, 0.4, 0.6)))
    whole = finding("no-flip", Verdict.FAIL, "It flips.", results)
    found, told, _ = applied(whole, waivers(("[patch]", "[patch, ink]")))
    assert found == whole and told.state == "exceeded" and "ink in melanoma: measured up to 0.6" in told.note


def test_two_waivers_of_one_rule():
    second = ONE[ONE.index("  - id") :].replace("W-1", "W-2").replace("[patch]", "[ink]")
    results = tuple(result(name, Verdict.FAIL, (0.3, 0.25, 0.35)) for name in ("patch", "ink"))
    findings, told, _ = apply_waivers(
        (finding("no-flip", Verdict.FAIL, "It flips.", results), finding("other")),
        parse_waivers((ONE + second).encode(), "x"), subject_digest=SUBJECT, today=TODAY, strict=True,
    )  # fmt: skip
    assert findings[0].verdict is Verdict.WAIVED and findings[0].waivers == ("W-1", "W-2")
    assert [each.waiver for each in findings[0].results] == ["W-1", "W-2"]
    assert [each.state for each in told] == ["applied", "applied"] and findings[1] == finding("other")


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.sampled_from(["for", "against", "either"]))
def test_nothing_is_waived_whose_magnitude_may_exceed_what_is_accepted(value, below, above, direction):
    bounds = (value, value - below, value + above)
    found = finding("no-flip", Verdict.FAIL, "", (result("patch", Verdict.FAIL, bounds, direction=direction),))
    worst = {"for": bounds[2], "against": -bounds[1], "either": max(abs(bounds[1]), abs(bounds[2]))}[direction]
    assert (applied(found, waivers())[0].verdict is Verdict.WAIVED) == (worst <= 0.36)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no worked examples beside LENS_DATA")
def test_the_worked_waivers():
    (one,) = read_waivers(EXAMPLES / "waivers.yaml").waivers
    assert (one.id, one.rule, one.accepted.upper_bound) == ("W-2026-014", "artefact-contrast", 0.36)
