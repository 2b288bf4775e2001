"""Numbers and limits read truly at every size."""

import pytest

from lens_server.audit.renderers import wording
from tests.unit.lens_server.audit.sample_parts import finding, result


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
