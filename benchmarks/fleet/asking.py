"""What the audit is asked of a net: the shipped rulebook, and every measure of every artefact beside it."""

from lens_server.audit.reading import read_rulebook
from lens_server.audit.rulebook import MeasureName, Rule, Rulebook
from lens_server.report import Report, Result, Verdict

ENCODED, RELEVANCE, CONTRAST = "encoded", "relevance_share", "contrast_effect"
EFFECT, FLIPS = "intervention_effect", "flip_rate"
SEEN = "contrast_effect, seen"
"""The contrast with presence read by the foundation model; by labels otherwise."""
ALIGNMENT = "maximum alignment"
SCORES = (ALIGNMENT, ENCODED, RELEVANCE, CONTRAST, SEEN, EFFECT, FLIPS)

CONCEPTS = {
    "patch": "patch", "ruler": "ruler", "ink": "ink", "hair": "hair", "gel_bubbles": "bubbles",
    "vignette": "vignette", "red_skin": "red_skin",
}  # fmt: skip
"""Artefact of the lesion world → concept of the rulebook."""

VALID = ("asymmetry", "border", "colours")
SHIPPED = "lesions"
FLIP_RULE = "no-artefact-flip"
_ASKED = "measure."
_SIGNED = (CONTRAST, EFFECT)
_MEASURES: tuple[MeasureName, ...] = (ENCODED, RELEVANCE, CONTRAST, EFFECT, FLIPS)


def whole_rulebook() -> Rulebook:
    """The shipped rules, which decide, and rules that only measure: what does not block corrects nothing that does."""
    shipped = read_rulebook(SHIPPED).rulebook
    return shipped.model_copy(update={"rules": (*shipped.rules, *(_asking(measure) for measure in _MEASURES))})


def seeing_rulebook() -> Rulebook:
    """The contrast alone, for an audit that reads all presence by the foundation model."""
    shipped = read_rulebook(SHIPPED).rulebook
    declared = tuple(each for each in shipped.rules if each.type == "declare")
    return shipped.model_copy(update={"rules": (*declared, _asking(CONTRAST))})


def _asking(measure: MeasureName) -> Rule:
    return Rule(
        id=_ASKED + measure,
        type="forbid",
        concepts=tuple(CONCEPTS.values()),
        classes=() if measure == ENCODED else ("malignant",),
        measure=measure,
        max=1.0,
        severity="info",
        on_inconclusive="ignore",
        adjust_for=VALID if measure == CONTRAST else (),
        direction="either" if measure in _SIGNED else None,
    )


def measured(report: Report, measure: str) -> dict[str, float | None]:
    """Artefact → estimate of the rule that only measures, its size for an effect; unset where not assessable."""
    (finding,) = (each for each in report.findings if each.rule == _ASKED + measure)
    found = {each.concepts[0]: each.estimate for each in finding.results}
    if measure in _SIGNED:
        found = {concept: None if value is None else abs(value) for concept, value in found.items()}
    return {artefact: found.get(concept) for artefact, concept in CONCEPTS.items()}


def alarms(report: Report) -> dict[str, bool]:
    """Artefact → whether any claim of a blocking rule about it failed."""
    failed = {
        concept
        for finding in report.findings
        for result in finding.results
        if finding.blocking and result.verdict is Verdict.FAIL
        for concept in result.concepts
    }
    return {artefact: concept in failed for artefact, concept in CONCEPTS.items()}


def flip_verdicts(report: Report) -> dict[str, str]:
    """Artefact → verdict on its flips, for those that the shipped rulebook lays over pictures to see."""
    results = [each for finding in report.findings if finding.rule == FLIP_RULE for each in finding.results]
    by_concept = {concept: each.verdict.value for each in results for concept in each.concepts}
    return {artefact: by_concept[concept] for artefact, concept in CONCEPTS.items() if concept in by_concept}


def results_of(report: Report, artefact: str) -> list[Result]:
    """Every result about an artefact alone."""
    concept = CONCEPTS[artefact]
    return [each for finding in report.findings for each in finding.results if each.concepts == (concept,)]
