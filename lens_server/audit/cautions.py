"""What a sound rulebook may still be warned of."""

from collections.abc import Iterator

from lens_server.audit.rulebook import Rule, Rulebook
from lens_server.audit.rulebook_draft import Complaint

_UNSIGNED = ("encoded", "relevance_share", "ablation_effect")


def cautions(book: Rulebook) -> Iterator[Complaint]:
    """Warnings, in the order of the rulebook's sections."""
    yield from _settings(book)
    yield from _concepts(book)
    for number, rule in enumerate(book.rules):
        for each in (*_rule(rule, book), *_forbidden_alone(rule, book)):
            yield each.under("rules", number)
    if book.rules and not any(rule.blocking for rule in book.rules):
        yield Complaint(("rules",), "No rule blocks, so the audit cannot fail.", "Give one `blocking: true`.")


def _settings(book: Rulebook) -> Iterator[Complaint]:
    digest = book.foundation_model.weights_sha256
    if digest and set(digest) == {"0"}:
        place = ("foundation_model", "weights_sha256")
        yield Complaint(place, "weights_sha256 is all zeros, which no weights have.", "Fill it in or remove it.")
    if not book.controls.placebo_prompts:
        yield Complaint(("controls",), "No placebo is asked for.", "Add controls.placebo_prompts.")
    if book.controls.positive_control is None:
        yield Complaint(("controls",), "No overlay is planted as a control.", "Add controls.positive_control.")
    if book.statistics.correction == "none" and sum(rule.blocking for rule in book.rules) > 1:
        place = ("statistics", "correction")
        yield Complaint(place, "Several blocking rules are judged without correction.", "holm is the default.")


def _concepts(book: Rulebook) -> Iterator[Complaint]:
    used = {name for rule in book.rules for name in (*rule.concepts, *rule.adjust_for)}
    for number, concept in enumerate(book.concepts):
        if concept.id not in used and book.rules:
            yield Complaint(("concepts", number), f"No rule names {concept.id!r}.", "It only explains relevance.")


def _rule(rule: Rule, book: Rulebook) -> Iterator[Complaint]:
    for name in rule.concepts:
        kind = book.concept(name).kind
        if rule.type == "require" and kind in ("neutral", "sensitive"):
            yield Complaint(("concepts",), f"{rule.id}: requires {name!r}, which is {kind}.", "Is it valid?")
        if rule.type == "forbid" and kind == "valid":
            yield Complaint(("concepts",), f"{rule.id}: forbids {name!r}, which is valid.", "Is it spurious?")
    yield from _idle(rule)
    if rule.blocking and rule.on_inconclusive == "ignore":
        told = f"{rule.id}: blocks, but says nothing when it cannot decide."
        yield Complaint(("on_inconclusive",), told, "Absence of evidence is no pass: warn or fail.")


def _idle(rule: Rule) -> Iterator[Complaint]:
    """Fields that change nothing."""
    if rule.adjust_for and rule.measure != "contrast_effect":
        yield Complaint(("adjust_for",), f"{rule.id}: adjust_for does nothing for {rule.measure}.", "Remove it.")
    if rule.direction and rule.measure in _UNSIGNED:
        yield Complaint(("direction",), f"{rule.id}: {rule.measure} has no direction.", "Remove it.")
    if rule.classes and rule.measure == "encoded":
        yield Complaint(("classes",), f"{rule.id}: encoded knows no classes.", "Remove them.")
    if rule.confirm_by and rule.confirm_by == rule.measure:
        yield Complaint(("confirm_by",), f"{rule.id}: is confirmed by its own measure.", "Remove confirm_by.")
    if rule.min == 0 and rule.measure in _UNSIGNED:
        yield Complaint(("min",), f"{rule.id}: min 0 asks for nothing.", "Give the least share that counts.")


def _forbidden_alone(rule: Rule, book: Rulebook) -> Iterator[Complaint]:
    """Artefacts are weak one by one: beside each `forbid` their sum is to be limited."""
    if rule.type != "forbid":
        return
    summed = {name for each in book.rules if each.type == "limit" and each.aggregate == "sum" for name in each.concepts}
    alone = [name for name in rule.concepts if name not in summed and book.concept(name).kind == "spurious"]
    if alone:
        told = f"{rule.id}: no `limit` with `aggregate: sum` counts {', '.join(alone)} together with the others."
        yield Complaint(("concepts",), told, "Artefacts may be weak one by one and strong together.")
