"""A rule explained in plain words."""

import pytest

from indexer.errors import UnknownName
from lens_server.audit.explain import explain_rule
from lens_server.audit.reading import SHIPPED, parse_rulebook, read_rulebook
from tests.unit.lens_server.audit.sample_rulebooks import GOOD, with_rule

BOOK = parse_rulebook(GOOD.encode(), "x").rulebook


def said(rule: str, rulebook=BOOK) -> str:
    """The explanation on one line."""
    return " ".join(explain_rule(rulebook, rule).split())


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("no-flip", "forbid, severity critical, blocking"),
        ("no-flip", "The share of images whose decision about the class changes"),
        ("no-flip", "less the share that changes when a plain patch is pasted instead"),
        ("no-flip", "lack the artefact, without and with the overlay (colour_patch). At least 50 are needed"),
        ("no-flip", "Judged for benign and malignant."),
        ("no-flip", "Pass when the value, whichever its sign, is surely at most 0.1"),
        ("no-flip", "Otherwise inconclusive: the audit ends with status 3."),
        ("no-flip", "Tier 3, intervention"),
        ("no-flip", "It blocks: a failure ends the audit with status 1."),
        (
            "use-shape",
            "Only images of the same true class are compared with one another, and only images alike in border.",
        ),
        ("use-shape", "as far as it speaks for the class, is surely at least 0.05"),
        ("use-shape", "Fail when it is surely less."),
        ("use-shape", "For shape the foundation model tells: its top 15 % against its lower 50 %."),
        ("use-shape", "Not assessable where the foundation model has to see a concept and cannot."),
        ("no-gel", "read from the columns: patch from patches."),
        ("no-gel", "measured again by flip_rate, by pasting the artefact. When that does not surely move the decision"),
        ("share", "The concepts are patch and gel, taken together."),
        ("share", "It may only warn"),
        ("share", "it is reported, since the rule does not block"),
        ("not-worse", "The same is measured in the baseline file:audit.json; what counts is the increase."),
        ("named", "neurons that respond to no concept of this rulebook"),
        ("no-diameter", "diameter is never assessed Because no scale is known. It would need millimetres."),
        ("no-diameter", "never a pass"),
    ],
)
def test_it_says(rule, words):
    assert words in said(rule)


def test_a_contrast_that_is_not_adjusted_says_that_it_may_only_warn():
    rule = "id: added, type: limit, concepts: [patch], measure: contrast_effect, max: 0.3, severity: low"
    assert "since it is not adjusted for valid concepts" in said("added", parse_rulebook(with_rule(rule), "x").rulebook)


def test_a_wrong_id_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="No rule named 'no-flap'") as caught:
        explain_rule(BOOK, "no-flap")
    assert "'no-flip'" in caught.value.hint


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_rule_is_explained_in_lines_that_fit(name):
    rulebook = read_rulebook(name).rulebook
    for rule in rulebook.rules:
        text = explain_rule(rulebook, rule.id)
        assert text.startswith(rule.id) and "Verdict" in text and "None" not in text
        assert max(map(len, text.splitlines())) <= 110
