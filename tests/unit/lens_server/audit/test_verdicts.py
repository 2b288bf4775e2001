"""The logic of verdicts: monotone in the limit, never a pass on absence of evidence, blind to the order of rules."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lens_server.audit.statistics import Estimate, levels
from lens_server.audit.verdicts import at_least, at_most, decisive_p, exit_status, magnitude, of_claims, overall
from lens_server.report import Control, Verdict
from tests.unit.lens_server.audit.sample_parts import finding

VERDICTS = st.sampled_from(list(Verdict))
ESTIMATES = st.builds(Estimate, st.floats(-3, 3), st.floats(0, 2), st.integers(2, 500))
DIRECTIONS = st.sampled_from(["for", "against", "either"])
LEVELS = st.floats(1e-6, 0.2)
_STRICT = {Verdict.PASS: 2, Verdict.INCONCLUSIVE: 1, Verdict.FAIL: 0}


@given(ESTIMATES, LEVELS, DIRECTIONS, st.floats(0, 3), st.floats(0, 3))
def test_a_looser_limit_never_judges_more_harshly(estimate, level, direction, one, other) -> None:
    strict, loose = sorted((one, other))
    found = magnitude(estimate, level, direction)
    assert _STRICT[at_most(found, loose)] >= _STRICT[at_most(found, strict)]
    assert _STRICT[at_least(found, strict)] >= _STRICT[at_least(found, loose)]


@given(ESTIMATES, LEVELS, DIRECTIONS, st.floats(0, 3))
def test_what_is_decided_at_a_level_is_decided_at_every_looser_one(estimate, level, direction, limit) -> None:
    strict, loose = magnitude(estimate, level / 2, direction), magnitude(estimate, level, direction)
    if at_most(strict, limit) is not Verdict.INCONCLUSIVE:
        assert at_most(loose, limit) is at_most(strict, limit)


@given(ESTIMATES, LEVELS, DIRECTIONS)
def test_bounds_hold_the_value_and_sizes_are_not_negative(estimate, level, direction) -> None:
    value, lower, upper = magnitude(estimate, level, direction)
    assert lower <= value <= upper
    if direction == "either":
        assert lower >= 0


@given(st.floats(0, 1), st.floats(0.31, 5), DIRECTIONS)
def test_a_wide_interval_passes_nothing(value, error, direction) -> None:
    estimate = Estimate(value * 0.2, error, 30)
    assert at_most(magnitude(estimate, 0.05, direction), 0.3) is not Verdict.PASS


@given(st.lists(VERDICTS, max_size=6), st.sampled_from(["any", "all", "max", "sum"]))
def test_a_rule_passes_only_when_every_claim_does(verdicts, aggregate) -> None:
    found = of_claims(verdicts, aggregate)
    if found is Verdict.PASS:
        assert verdicts and set(verdicts) == {Verdict.PASS} or (aggregate == "all" and Verdict.FAIL in verdicts)
    if aggregate != "all" and Verdict.FAIL in verdicts:
        assert found is Verdict.FAIL


@given(st.lists(VERDICTS, min_size=1, max_size=6), st.randoms(), st.sampled_from(["any", "all", "max", "sum"]))
def test_the_order_of_claims_does_not_matter(verdicts, random, aggregate) -> None:
    shuffled = list(verdicts)
    random.shuffle(shuffled)
    assert of_claims(shuffled, aggregate) is of_claims(verdicts, aggregate)


def test_nothing_measured_is_never_a_pass() -> None:
    assert of_claims([], "any") is Verdict.NOT_ASSESSABLE
    assert of_claims([Verdict.PASS, Verdict.NOT_ASSESSABLE], "any") is Verdict.INCONCLUSIVE
    assert of_claims([Verdict.NOT_ASSESSABLE], "any") is Verdict.NOT_ASSESSABLE


FINDINGS = st.lists(
    st.builds(
        lambda verdict, blocking, unclear: replace(
            finding(), verdict=verdict, blocking=blocking, on_inconclusive=unclear
        ),
        VERDICTS,
        st.booleans(),
        st.sampled_from(["fail", "warn", "ignore"]),
    ),
    max_size=6,
)


@given(FINDINGS, st.randoms())
def test_the_exit_status_does_not_depend_on_the_order_of_rules(findings, random) -> None:
    shuffled = list(findings)
    random.shuffle(shuffled)
    assert exit_status(shuffled, []) == exit_status(findings, [])


@given(FINDINGS)
def test_zero_means_that_no_blocking_rule_failed_and_something_was_judged(findings) -> None:
    status = exit_status(findings, [])
    blocking = [each for each in findings if each.blocking]
    assert (status == 1) == any(each.verdict is Verdict.FAIL for each in blocking)
    if status == 0:
        assert any(each.verdict is not Verdict.NOT_ASSESSABLE for each in findings)
        silent = (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE)
        assert not any(each.verdict in silent and each.on_inconclusive == "fail" for each in blocking)


def test_encoding_alone_never_fails_a_build() -> None:
    warned = replace(finding(), verdict=Verdict.FAIL, blocking=False)
    assert exit_status([warned], []) == 0


def control():
    return Control("placebo", "a bicycle", True, 0.0, 0.0, "Nothing is flagged.")


def test_a_failed_control_is_three_and_an_unseen_concept_is_not() -> None:
    passing = replace(finding(), verdict=Verdict.PASS, blocking=True)
    assert exit_status([passing], [replace(control(), kind="placebo", passed=False)]) == 3
    assert exit_status([passing], [replace(control(), kind="competence", passed=False)]) == 0
    assert exit_status([passing], [replace(control(), kind="positive", passed=None)]) == 0
    assert exit_status([], []) == 5
    assert overall(3) is Verdict.INCONCLUSIVE


@given(st.lists(st.tuples(ESTIMATES, DIRECTIONS), min_size=1, max_size=8), st.floats(0.05, 1), st.randoms())
def test_the_correction_does_not_depend_on_the_order_of_claims(claims, limit, random) -> None:
    p = {f"claim {number}": decisive_p(estimate, limit, way) for number, (estimate, way) in enumerate(claims)}
    names = list(p)
    random.shuffle(names)
    assert levels({name: p[name] for name in names}, 0.05, "holm") == levels(p, 0.05, "holm")


@given(ESTIMATES, DIRECTIONS, st.floats(0.01, 2))
def test_the_p_that_sorts_claims_agrees_with_the_bounds_that_judge_them(estimate, direction, limit) -> None:
    p = decisive_p(estimate, limit, direction)
    decided = at_most(magnitude(estimate, 0.05, direction), limit) is not Verdict.INCONCLUSIVE
    if abs(p - 0.05) > 1e-6 and estimate.error > 1e-9:
        assert decided == (p <= 0.05)
