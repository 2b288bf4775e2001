"""What a well-typed rulebook may still get wrong: names, what a type needs, who may block, what is never assessed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from indexer.errors import nearest_hint
from lens_server.audit.cautions import cautions
from lens_server.audit.rulebook import MOST_DRAWS, OVERLAYS, TIERS, Concept, Rule, Rulebook
from lens_server.audit.rulebook_draft import Complaint, Draft
from lens_server.audit.strict_yaml import Place

SHARES = ("encoded", "relevance_share", "flip_rate")
"""Measures that lie between 0 and 1."""
SUMMED = ("encoded", "relevance_share", "contrast_effect")
"""Measures that can take several concepts as one."""
OVERLAID = ("flip_rate", "intervention_effect")
"""Measures that lay an overlay over pictures."""


@dataclass(frozen=True)
class _Needs:
    """Fields of a rule type."""

    needed: tuple[str, ...]
    refused: tuple[str, ...]
    aggregates: tuple[str, ...] = ()


_BOUNDS = ("min", "max", "max_ratio", "max_increase")
_JUDGED = ("measure", "aggregate", "direction", "baseline", "adjust_for", "confirm_by")
TYPES: dict[str, _Needs] = {
    "require": _Needs(("concepts", "measure", "min"), ("max", "max_ratio", "max_increase", "baseline"), ("any", "all")),
    "forbid": _Needs(("concepts", "measure", "max"), ("min", "max_ratio", "max_increase", "baseline"), ("any", "all")),
    "limit": _Needs(("concepts", "measure"), ("min", "max_increase", "baseline"), ("sum", "max")),
    "compare": _Needs(
        ("measure", "baseline", "max_increase"), ("min", "max", "max_ratio"), ("any", "all", "sum", "max")
    ),
    "unexplained": _Needs(("max",), ("concepts", "min", "max_ratio", "max_increase", *_JUDGED)),
    "declare": _Needs(("concepts",), (*_BOUNDS, *_JUDGED)),
}
_UNSEEN = {
    "diameter": re.compile(r"diameter|millimet|\bmm\b", re.IGNORECASE),
    "evolution": re.compile(r"evol(?:v|ution)|change over time", re.IGNORECASE),
}


def lint(draft: Draft) -> tuple[tuple[Complaint, ...], tuple[Complaint, ...]]:
    """Faults and warnings; warnings only of a rulebook without faults."""
    faults = [*_twice(draft), *_settings(draft), *_declarations(draft)]
    for number, concept in draft.concepts.items():
        faults += [each.under("concepts", number) for each in _concept(concept)]
    for number, rule in draft.rules.items():
        found = (*_fields(rule), *_names(rule, draft), *_vacuous(rule), *_meaning(rule, draft), *_blocking(rule, draft))
        faults += [each.under("rules", number) for each in found]
    whole = draft.rulebook is not None and not faults
    return tuple(faults), tuple(cautions(draft.rulebook)) if whole and draft.rulebook else ()


def lint_rulebook(rulebook: Rulebook) -> tuple[tuple[Complaint, ...], tuple[Complaint, ...]]:
    """Faults and warnings of a rulebook made in Python."""
    return lint(Draft.of(rulebook))


def _twice(draft: Draft) -> Iterator[Complaint]:
    groups: tuple[tuple[str, Mapping[int, Concept | Rule]], ...] = (
        ("concepts", draft.concepts),
        ("rules", draft.rules),
    )
    for section, items in groups:
        seen: set[str] = set()
        for number, item in items.items():
            if item.id in seen:
                yield Complaint((section, number), f"The {section[:-1]} {item.id!r} stands twice.", "Rename one.")
            seen.add(item.id)


def _settings(draft: Draft) -> Iterator[Complaint]:
    book = draft.rulebook
    if book is None:
        return
    place: Place
    for number, template in enumerate(book.foundation_model.templates):
        if template.count("{}") != 1:
            place = ("foundation_model", "templates", number)
            yield Complaint(place, f"The template {template!r} must hold {{}} once.", "Words are put there.")
    for name in ("null_draws", "bootstrap"):
        if getattr(book.statistics, name) > MOST_DRAWS:
            yield Complaint(("statistics", name), f"{name} is above {MOST_DRAWS:,}.", "2,000 are plenty.")
    outputs = list(book.target.classes.items())
    for position, (name, output) in enumerate(outputs):
        same = [other for other, number in outputs[:position] if number == output]
        if same:
            told = f"{name!r} and {same[0]!r} are both output {output}."
            yield Complaint(("target", "classes", name), told, "One name an output.")
    yield from _controls(book)


def _controls(book: Rulebook) -> Iterator[Complaint]:
    place: Place
    prompts = {words for concept in book.concepts for words in concept.prompts}
    for number, words in enumerate(book.controls.placebo_prompts):
        place = ("controls", "placebo_prompts", number)
        if len(words.strip()) < 2:
            yield Complaint(place, f"The placebo {words!r} says nothing.", "Name a thing that no picture shows.")
        if words in prompts:
            yield Complaint(place, f"The placebo {words!r} is the prompt of a concept too.", "Name another thing.")
    planted = book.controls.positive_control
    if planted and planted.overlay not in OVERLAYS:
        place = ("controls", "positive_control", "overlay")
        yield Complaint(place, f"No overlay named {planted.overlay!r}.", nearest_hint(planted.overlay, OVERLAYS))


def _concept(concept: Concept) -> Iterator[Complaint]:
    if concept.overlay and concept.overlay not in OVERLAYS:
        hint = nearest_hint(concept.overlay, OVERLAYS)
        yield Complaint(("overlay",), f"No overlay named {concept.overlay!r}.", hint)
    if concept.label_value and not concept.label_column:
        yield Complaint(("label_value",), "label_value is of no column.", "Add label_column.")
    if concept.assessable == "never":
        for name in ("because", "needs"):
            if not getattr(concept, name):
                told = f"{concept.id} is never assessable but does not say {name!r}."
                yield Complaint((), told, f"Add `{name}: …`; the report prints it.")
    elif not (concept.prompts or concept.image_probes):
        yield Complaint((), f"{concept.id} has no prompts.", "Add prompts or image_probes, or `assessable: never`.")


def _declarations(draft: Draft) -> Iterator[Complaint]:
    """Principle 5: what one image cannot show is declared, and stays declared."""
    declared = {name for rule in draft.rules.values() if rule.type == "declare" for name in rule.concepts}
    for number, concept in draft.concepts.items():
        if concept.assessable == "never" and concept.id not in declared and draft.rulebook:
            told = f"{concept.id} is never assessable, and no rule declares it."
            rule = f"{{id: {concept.id}-not-assessed, type: declare, concepts: [{concept.id}], severity: info}}"
            yield Complaint(("concepts", number), told, f"Add the rule {rule}.")
    book = draft.rulebook
    if book and "abcde" in f"{book.ruleset.id} {book.ruleset.title}".lower():
        never = [f"{each.id} {each.because} {each.needs}" for each in book.concepts if each.assessable == "never"]
        for criterion, words in _UNSEEN.items():
            if not any(map(words.search, never)):
                told = f"An ABCDE rulebook must declare {criterion} as never assessable."
                yield Complaint(("concepts",), told, "Add the concept (assessable: never) and a `declare` rule.")


def _fields(rule: Rule) -> Iterator[Complaint]:
    needs = TYPES[rule.type]
    for name in needs.needed:
        if not _given(rule, name):
            yield Complaint((), f"{rule.id}: `{rule.type}` needs {name}.", f"Add `{name}: …`.")
    for name in needs.refused:
        if _given(rule, name):
            yield Complaint((name,), f"{rule.id}: `{rule.type}` takes no {name}.", "Remove it.")
    if rule.aggregate and needs.aggregates and rule.aggregate not in needs.aggregates:
        hint = f"One of {', '.join(needs.aggregates)}."
        yield Complaint(("aggregate",), f"{rule.id}: `{rule.type}` cannot aggregate by {rule.aggregate!r}.", hint)
    elif rule.aggregate == "sum" and rule.measure not in (None, *SUMMED):
        told = f"{rule.id}: {rule.measure} cannot be summed."
        yield Complaint(("aggregate",), told, f"Aggregate by max, or measure one of {', '.join(SUMMED)}.")
    if rule.type == "limit":
        yield from _limit(rule)


def _limit(rule: Rule) -> Iterator[Complaint]:
    if (rule.max is None) == (rule.max_ratio is None):
        what = "no limit" if rule.max is None else "two limits"
        yield Complaint((), f"{rule.id}: `limit` has {what}.", "Give either max or max_ratio.")
    if rule.max_ratio is not None and rule.measure not in (None, "relevance_share"):
        yield Complaint(("max_ratio",), f"{rule.id}: max_ratio is for relevance_share only.", "Give max instead.")


def _given(rule: Rule, name: str) -> bool:
    return getattr(rule, name) not in (None, "", ())


def _names(rule: Rule, draft: Draft) -> Iterator[Complaint]:
    for field in ("concepts", "adjust_for"):
        yield from _known(rule, field, "concept", draft.named)
    if draft.classes is not None:
        yield from _known(rule, "classes", "class", draft.classes)


def _known(rule: Rule, field: str, kind: str, known: tuple[str, ...]) -> Iterator[Complaint]:
    names: tuple[str, ...] = getattr(rule, field)
    for number, name in enumerate(names):
        if name not in known:
            yield Complaint((field, number), f"{rule.id}: no {kind} named {name!r}.", nearest_hint(name, known))
        elif name in names[:number]:
            yield Complaint((field, number), f"{rule.id}: {field} names {name!r} twice.", "Once is enough.")


def _vacuous(rule: Rule) -> Iterator[Complaint]:
    """A share lies between 0 and 1: a limit above it decides before anything is measured."""
    if rule.measure not in SHARES and rule.type != "unexplained":
        return
    for name in ("min", "max", "max_increase"):
        value = getattr(rule, name)
        if value is not None and value > 1:
            outcome = "pass" if name == "min" else "fail"
            told = f"{rule.id}: {name} is {value:g} and a share at most 1, so it could never {outcome}."
            yield Complaint((name,), told, "Give a share: 0.10 is a tenth.")


def _meaning(rule: Rule, draft: Draft) -> Iterator[Complaint]:
    named = [concept for name in rule.concepts for concept in draft.by_id(name)]
    if rule.type == "compare" and not rule.concepts:
        named = [each for each in draft.concepts.values() if each.kind == "spurious"]
    for concept in named:
        yield from _fits(rule, concept)
    for number, name in enumerate(rule.adjust_for):
        if name in rule.concepts:
            told = f"{rule.id}: adjust_for names its own concept {name!r}."
            yield Complaint(("adjust_for", number), told, "Adjust for the other valid ones.")
        if any(each.assessable == "never" for each in draft.by_id(name)):
            told = f"{rule.id}: adjust_for names {name!r}, which is never assessable."
            yield Complaint(("adjust_for", number), told, "Remove it.")
    whole = len(named) >= len(rule.concepts) > 0
    if rule.confirm_by and whole and not any(each.overlay for each in named):
        told = f"{rule.id}: confirm_by {rule.confirm_by} needs an overlay, and none of its concepts has one."
        yield Complaint(("confirm_by",), told, f"Give a concept `overlay: …`, one of {', '.join(OVERLAYS)}.")


def _fits(rule: Rule, concept: Concept) -> Iterator[Complaint]:
    said = " ".join((concept.id, *concept.prompts))
    unseen = next((name for name, words in _UNSEEN.items() if words.search(said)), "")
    if rule.type == "declare":
        if concept.assessable != "never":
            told = f"{rule.id}: `declare` names {concept.id!r}, which can be assessed."
            yield Complaint(("concepts",), told, "Require, forbid or limit it, or mark it `assessable: never`.")
    elif concept.assessable == "never" or (rule.type == "require" and unseen):
        why = concept.because or f"one image shows no {unseen}" if unseen else concept.because
        told = f"{rule.id}: {concept.id!r} is never assessable" + (f": {why}." if why else ".")
        yield Complaint(("concepts",), told, "Only a `declare` rule may name it.")
    elif rule.type == "require" and concept.kind == "spurious":
        told = f"{rule.id}: requires {concept.id!r}, which is spurious."
        yield Complaint(("concepts",), told, "Forbid or limit it instead.")
    if rule.measure in OVERLAID and not concept.overlay and rule.type != "declare":
        told = f"{rule.id}: {rule.measure} needs an overlay, and {concept.id!r} has none."
        hint = f"Give it `overlay: …`, one of {', '.join(OVERLAYS)}, or measure contrast_effect."
        yield Complaint(("concepts",), told, hint)


def _blocking(rule: Rule, draft: Draft) -> Iterator[Complaint]:
    """Principle 2: blocking needs an intervention, or a contrast adjusted for the valid concepts."""
    if not rule.blocking or (rule.measure is None and rule.type not in ("declare", "unexplained")):
        return
    place = ("blocking",)
    if rule.type in ("declare", "unexplained"):
        yield Complaint(place, f"{rule.id}: `{rule.type}` never blocks.", "Remove `blocking: true`.")
    elif rule.measure == "contrast_effect":
        valid = [each.id for each in draft.concepts.values() if each.kind == "valid" and each.assessable == "yes"]
        others = [name for name in valid if name not in rule.concepts]
        mistyped = set(draft.named) - {each.id for each in draft.concepts.values()}
        if not set(rule.adjust_for) & {*others, *mistyped}:
            told = f"{rule.id}: a contrast may block only when it is adjusted for valid concepts."
            hint = f"Add `adjust_for: [{', '.join(others)}]`." if others else "List a valid concept and adjust for it."
            yield Complaint(place, told, hint)
    elif TIERS[str(rule.measure)] < 3:
        told = f"{rule.id}: {rule.measure} is evidence of tier {TIERS[str(rule.measure)]}, which can only warn."
        hint = "Remove `blocking: true`, or measure flip_rate, or contrast_effect with adjust_for."
        yield Complaint(place, told, hint)
