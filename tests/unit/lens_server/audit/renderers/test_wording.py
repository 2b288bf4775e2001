"""Numbers and limits read truly at every size."""

import math

import pytest

from lens_server.audit.renderers import wording
from lens_server.report import Control
from tests.unit.lens_server.audit.sample_parts import finding, report, result

INF = math.inf


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "not measured"),
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (0.41249, "0.412"),
        (-0.5, "−0.500"),
        (0.00004, "4.0e-05"),
        (-0.00004, "−4.0e-05"),
        (1234.5, "1234.500"),
    ],
)
def test_numbers(value, shown):
    assert wording.number(value) == shown


def test_rounding_never_hides_the_limit():
    close = result(bounds=(0.09, 0.08, 0.1002), limit=0.1)
    assert wording.interval(close) == "0.0900 [0.0800, 0.1002]" and wording.limit(finding(), close) == "≤ 0.1000"


def test_a_measure_without_spread_has_no_interval():
    assert wording.interval(result(bounds=(0.2, 0.2, 0.2))) == "0.200"


def test_limits_say_what_they_are_of():
    assert wording.limit(finding(bound="min"), result()) == "≥ 0.100"
    assert wording.limit(finding(bound="max_increase"), result()) == "≤ 0.100 more than the baseline"
    assert wording.limit(finding(bound="max"), result(limit=0.0)) == "≤ 0.000"


def test_claims_and_samples():
    assert wording.claim(result(concepts=("a", "b"), class_name=None)) == "a + b"
    assert wording.claim(result(concepts=())) == "all relevance → melanoma"
    assert wording.sample(result()) == "overlay patch; 400 with, 400 without, 312 groups"


@pytest.mark.parametrize(
    ("direction", "bound", "measure", "broken", "said"),
    [
        ("for", "max", "contrast_effect", ((0.1, INF),), "≤ 0.100"),
        ("for", "min", "contrast_effect", ((-INF, 0.1),), "≥ 0.100"),
        ("against", "max", "contrast_effect", ((-INF, -0.1),), "≥ −0.100"),
        ("against", "min", "contrast_effect", ((-0.1, INF),), "≤ −0.100"),
        ("either", "max", "contrast_effect", ((-INF, -0.1), (0.1, INF)), "within ±0.100"),
        ("either", "min", "intervention_effect", ((-0.1, 0.1),), "beyond ±0.100"),
        ("either", "max", "flip_rate", ((0.1, INF),), "≤ 0.100"),
        ("for", "max_ratio", "relevance_share", ((0.1, INF),), "≤ 0.100 (ratio)"),
    ],
)
def test_a_limit_keeps_the_sign_that_is_judged(direction, bound, measure, broken, said):
    rule, one = finding(bound=bound, measure=measure), result(direction=direction)
    assert wording.forbidden(rule, one) == broken and wording.limit(rule, one) == said


def test_a_share_far_below_zero_is_judged_by_its_size_too():
    assert wording.limit(finding(), result(bounds=(-0.5, -0.6, -0.4))) == "within ±0.100"


def test_many_concepts_are_counted_where_room_is_short():
    many = result(concepts=("a", "b", "c", "d"))
    assert wording.short_claim(many) == "a and 3 more → melanoma" and wording.claim(many).startswith("a + b + c + d")


@pytest.mark.parametrize(
    ("kind", "passed", "word", "counts"),
    [
        ("placebo", True, "passed", False),
        ("placebo", False, "FAILED", True),
        ("positive", None, "not run", False),
        ("competence", False, "not seen", False),
    ],
)
def test_a_concept_that_is_not_seen_is_no_failed_control(kind, passed, word, counts):
    control = Control(kind, "x", passed, None, 0.8, "A sentence.")
    assert wording.control_state(control)[1] == word
    assert wording.failed_controls(report([], controls=(control,))) == ([control] if counts else [])
