"""A rule in plain words, for `lens audit --explain RULE`."""

from collections.abc import Iterator
from textwrap import fill

from indexer.errors import UnknownName
from lens_server.audit.lint import OVERLAID
from lens_server.audit.rulebook import Concept, Rule, Rulebook

WIDTH = 100
_MEASURES = {
    "encoded": (
        "The share of neurons that respond to the concept: those whose strongest exemplars the foundation model finds "
        "nearer to its words than random exemplars are. It says what the model sees, not what it relies on."
    ),
    "relevance_share": (
        "The share of the class's relevance that lies in neurons which respond to the concepts. Relevance is "
        "|gradient × (activation − mean activation)|, averaged over images of the class."
    ),
    "contrast_effect": (
        "How much higher the class's margin is on images with the concept than on images without it, in standard "
        "deviations of the margin. Only images of the same true class are compared with one another"
    ),
    "ablation_effect": (
        "How much the class's margin moves, in its standard deviations, when the neurons that respond to the concept "
        "are silenced, beyond what silencing as many random neurons does."
    ),
    "intervention_effect": (
        "How much the class's margin moves, in its standard deviations, when the artefact is pasted onto an image, "
        "all else equal."
    ),
    "flip_rate": (
        "The share of images whose decision about the class changes when the artefact is pasted onto them, less the "
        "share that changes when a plain patch is pasted instead."
    ),
}
_TIERS = {
    1: "alignment, from the index alone: it finds candidates and proves no reliance",
    2: "reliance by attribution or contrast, from what the build has stored",
    3: "intervention: pictures or neurons are changed, so the subject itself is run",
}
SIGNED = ("contrast_effect", "intervention_effect", "flip_rate")
_SIGNS = {
    "for": ", as far as it speaks for the class,",
    "against": ", as far as it speaks against the class,",
    "either": ", whichever its sign,",
}
_INCONCLUSIVE = {
    "fail": "the audit ends with status 3",
    "warn": "it is reported and the build goes on",
    "ignore": "it is reported and nothing follows",
}


def explain_rule(rulebook: Rulebook, rule_id: str) -> str:
    """What a rule measures, on which images, against which limit, and what follows; raises UnknownName."""
    rule = next((each for each in rulebook.rules if each.id == rule_id), None)
    if rule is None:
        raise UnknownName("rule", rule_id, [each.id for each in rulebook.rules])
    head = f"{rule.id} — {rule.title}" if rule.title else rule.id
    marks = [rule.type, f"severity {rule.severity}", "blocking" if rule.blocking else "not blocking"]
    parts = [f"{head}\n{', '.join(marks)}", *(_part(*each) for each in _parts(rule, rulebook))]
    return "\n\n".join(parts) + "\n"


def _part(title: str, text: str) -> str:
    return f"{title}\n{fill(text, WIDTH, initial_indent='  ', subsequent_indent='  ', break_on_hyphens=False)}"


def _parts(rule: Rule, rulebook: Rulebook) -> Iterator[tuple[str, str]]:
    if rule.type == "declare":
        yield from _declared(rule, rulebook)
    else:
        yield "What it measures", _measured(rule, rulebook)
        yield "On which images", _images(rule, rulebook)
        yield "Verdict", _verdict(rule)
        yield "Evidence", _evidence(rule)
        if rule.confirm_by:
            yield "Confirmation", _confirmation(rule)
    for title, text in (("Why", rule.rationale), ("What to do when it fails", rule.remediation)):
        if text:
            yield title, text
    if rule.references:
        yield "References", "; ".join(rule.references)


def _declared(rule: Rule, rulebook: Rulebook) -> Iterator[tuple[str, str]]:
    for concept in (rulebook.concept(name) for name in rule.concepts):
        yield f"{concept.id} is never assessed", f"Because {concept.because}. It would need {concept.needs}."
    yield "Verdict", "Always 'not assessable', always printed; never a pass, and it does not change the exit status."


def _measured(rule: Rule, rulebook: Rulebook) -> str:
    if rule.type == "unexplained":
        told = "The share of the class's relevance in neurons that respond to no concept of this rulebook."
    elif rule.max_ratio is not None:
        told = (
            "The share of the class's relevance in neurons that respond to any spurious concept, divided by the share "
            f"in neurons that respond to {_names(rule.concepts)}."
        )
    else:
        told = _MEASURES[str(rule.measure)]
        if rule.measure == "contrast_effect":
            told += f", and only images alike in {_names(rule.adjust_for)}." if rule.adjust_for else "."
        told += _concepts(rule, rulebook)
    if rule.type == "compare":
        told += f" The same is measured in the baseline {rule.baseline}; what counts is the increase."
    return told


def _concepts(rule: Rule, rulebook: Rulebook) -> str:
    names = rule.concepts or tuple(each.id for each in rulebook.concepts if each.kind == "spurious")
    if len(names) == 1:
        return f" The concept is {names[0]}."
    together = "taken together" if rule.aggregate == "sum" else "each by itself"
    return f" The concepts are {_names(names)}, {together}."


def _images(rule: Rule, rulebook: Rulebook) -> str:
    classes = _names(rule.classes or tuple(rulebook.target.classes))
    concepts = [rulebook.concept(name) for name in rule.concepts]
    needed = rulebook.statistics
    if rule.measure in OVERLAID:
        overlays = _names(tuple(dict.fromkeys(each.overlay for each in concepts if each.overlay)))
        told = f"Images of the probe set that lack the artefact, without and with the overlay ({overlays}). "
        told += f"At least {needed.min_absent} are needed for each. Judged for {classes}."
    elif rule.measure in ("contrast_effect", "ablation_effect"):
        told = f"The probe set. {_presence(concepts)} At least {needed.min_present} images with the concept and "
        told += f"{needed.min_absent} without it are needed. Judged for {classes}."
    elif rule.measure == "encoded":
        told = f"None beyond the exemplars of each neuron; {needed.min_exemplars} are needed."
    else:
        told = f"Images of {classes} that were shown when the index was built with relevance."
    group = rulebook.target.group_by
    return f"{told} Images with the same {group} are resampled together." if group else told


def _presence(concepts: list[Concept]) -> str:
    read = [each for each in concepts if each.label_column]
    seen = [each.id for each in concepts if not each.label_column]
    told = []
    if read:
        pairs = ", ".join(f"{each.id} from {each.label_column}" for each in read)
        told.append(f"Whether an image shows a concept is read from the columns: {pairs}.")
    if seen:
        told.append(f"For {_names(tuple(seen))} the foundation model tells: its top 15 % against its lower 50 %.")
    return " ".join(told)


def _verdict(rule: Rule) -> str:
    name, limit = rule.bound
    least = name == "min"
    what = {"max_ratio": "the ratio", "max_increase": "the increase", "min": "the value"}.get(name, "the value")
    signed = _SIGNS[_direction(rule)] if rule.measure in SIGNED else ""
    told = (
        f"Pass when {what}{signed} is surely at {'least' if least else 'most'} {limit:g}: the whole interval lies on "
        f"that side. Fail when it is surely {'less' if least else 'more'}. Otherwise inconclusive: "
    )
    told += _INCONCLUSIVE[rule.on_inconclusive] if rule.blocking else "it is reported, since the rule does not block"
    told += "."
    if rule.measure not in OVERLAID:
        told += " Not assessable where the foundation model has to see a concept and cannot."
    return told + (" The rule fails only when every claim does." if rule.aggregate == "all" else "")


def _direction(rule: Rule) -> str:
    return rule.direction or ("for" if rule.type in ("require", "compare") else "either")


def _evidence(rule: Rule) -> str:
    tier = rule.tier or 1
    told = f"Tier {tier}, {_TIERS[tier]}. "
    if rule.blocking:
        return told + "It blocks: a failure ends the audit with status 1."
    if rule.type == "unexplained" or (tier < 3 and rule.measure != "contrast_effect"):
        return told + "It may only warn: a share of neurons or of relevance also rises where nothing is relied on."
    if rule.measure == "contrast_effect" and not rule.adjust_for:
        return told + "It may only warn, since it is not adjusted for valid concepts."
    return told + "It does not block, though it might."


def _confirmation(rule: Rule) -> str:
    return (
        "A contrast is only observed: something else may go with the artefact. A failing one is therefore measured "
        f"again by {rule.confirm_by}, by pasting the artefact. When that does not surely move the decision the "
        "failure becomes inconclusive; without an overlay, or without the subject, it stands and says that it is not "
        "confirmed."
    )


def _names(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "nothing"
