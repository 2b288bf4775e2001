"""From rules to questions: which claims a rule makes, and who measures them."""

from collections.abc import Mapping
from typing import Final

from lens_server.audit.measures.ablation_effect import ablation_effect
from lens_server.audit.measures.contrast_effect import contrast_effect
from lens_server.audit.measures.encoded import encoded
from lens_server.audit.measures.interventions import flip_rate, intervention_effect
from lens_server.audit.measures.measure import Measure, Question
from lens_server.audit.measures.relevance_share import relevance_ratio, relevance_share, unexplained
from lens_server.audit.rulebook import Rule, Rulebook

MEASURES: Final[Mapping[str, Measure]] = {
    "encoded": encoded,
    "relevance_share": relevance_share,
    "contrast_effect": contrast_effect,
    "ablation_effect": ablation_effect,
    "intervention_effect": intervention_effect,
    "flip_rate": flip_rate,
}
"""Every measure a rule may name."""
VERSION = 1
"""Of the definitions; a change of one that can change a verdict raises it."""
_CLASSLESS = ("encoded",)


def questions_of(rule: Rule, rulebook: Rulebook) -> tuple[Question, ...]:
    """What a rule asks: each concept and class by itself, or its concepts as one where it sums or divides."""
    if rule.type == "declare":
        return ()
    concepts = tuple(rulebook.concept(name) for name in rule.concepts or _listed(rule, rulebook))
    together = rule.type == "unexplained" or rule.aggregate == "sum" or rule.max_ratio is not None
    sets = [concepts] if together else [(each,) for each in concepts]
    if rule.measure in _CLASSLESS:
        return tuple(Question(rule, each, None, None) for each in sets)
    named = rule.classes or tuple(rulebook.target.classes)
    return tuple(Question(rule, each, name, rulebook.target.classes[name]) for each in sets for name in named)


def measure_of(rule: Rule) -> Measure:
    """Who answers a rule's questions."""
    if rule.type == "unexplained":
        return unexplained
    if rule.max_ratio is not None:
        return relevance_ratio
    assert rule.measure is not None
    return MEASURES[rule.measure]


def overlays_of(rulebook: Rulebook) -> tuple[str, ...]:
    """Every overlay that a rule pastes, once, in the order of the concepts."""
    pasting = ("flip_rate", "intervention_effect")
    wanted = {
        name
        for rule in rulebook.rules
        if rule.measure in pasting or rule.confirm_by is not None
        for name in rule.concepts or _listed(rule, rulebook)
    }
    chosen = (each.overlay for each in rulebook.concepts if each.id in wanted and each.overlay)
    return tuple(dict.fromkeys(chosen))


def _listed(rule: Rule, rulebook: Rulebook) -> tuple[str, ...]:
    """Concepts of a rule that names none: the unexplained share is about all, a comparison about the spurious."""
    if rule.type == "compare":
        return tuple(each.id for each in rulebook.concepts if each.kind == "spurious")
    return tuple(each.id for each in rulebook.concepts if each.assessable == "yes")
