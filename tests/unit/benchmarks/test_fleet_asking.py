"""What the audit's benchmark asks: the shipped rules unchanged, measures beside them, answers read back by artefact."""

import pytest

from benchmarks.fleet.asking import (
    CONCEPTS,
    CONTRAST,
    FLIP_RULE,
    FLIPS,
    SHIPPED,
    alarms,
    flip_verdicts,
    measured,
    seeing_rulebook,
    whole_rulebook,
)
from indexer.datasets.lesions import ARTEFACTS
from lens_server.audit.lint import lint_rulebook
from lens_server.audit.reading import read_rulebook
from lens_server.report import Verdict
from tests.unit.lens_server.audit.sample_parts import finding, report, result

SHIPPED_RULES = read_rulebook(SHIPPED).rulebook.rules


def test_the_shipped_rules_stand_first_and_the_others_never_block():
    rules = whole_rulebook().rules
    assert rules[: len(SHIPPED_RULES)] == SHIPPED_RULES
    assert len(rules) == len(SHIPPED_RULES) + 5 and not any(rule.blocking for rule in rules[len(SHIPPED_RULES) :])


@pytest.mark.parametrize("rulebook", [whole_rulebook(), seeing_rulebook()])
def test_rulebooks_are_sound(rulebook):
    assert lint_rulebook(rulebook)[0] == ()


def test_every_artefact_has_its_concept_and_its_label():
    rulebook = whole_rulebook()
    assert tuple(sorted(CONCEPTS)) == tuple(sorted(ARTEFACTS))
    assert {name: rulebook.concept(concept).label_column for name, concept in CONCEPTS.items()} == {
        name: name for name in ARTEFACTS
    }


def test_a_measure_is_read_back_by_artefact_an_effect_by_its_size():
    against, unseen = result("bubbles", bounds=(-0.4, -0.5, -0.3)), result("ink", bounds=(None, None, None))
    other = finding(f"measure.{FLIPS}", results=(result("patch", bounds=(-0.01, -0.02, 0.0)),))
    found = report([other, finding(f"measure.{CONTRAST}", results=(against, unseen))])
    assert measured(found, CONTRAST) == dict.fromkeys(ARTEFACTS) | {"gel_bubbles": 0.4}
    assert measured(found, FLIPS)["patch"] == -0.01


def test_only_a_failed_claim_of_a_blocking_rule_is_an_alarm():
    failed = (result("ruler", Verdict.FAIL), result("ink", Verdict.INCONCLUSIVE), result("patch"))
    warned = finding("warns", results=(result("hair", Verdict.FAIL),), blocking=False)
    found = alarms(report([finding("blocks", results=failed), warned]))
    assert [artefact for artefact, failed in found.items() if failed] == ["ruler"] and set(found) == set(ARTEFACTS)


def test_verdicts_on_flips_are_those_of_the_shipped_rule():
    results = (result("bubbles", Verdict.FAIL), result("hair"))
    found = report([finding(FLIP_RULE, results=results), finding("other", results=(result("ink"),))])
    assert flip_verdicts(found) == {"gel_bubbles": "fail", "hair": "pass"}
