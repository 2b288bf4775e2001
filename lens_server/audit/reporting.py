"""From judged rules to the report: findings, concepts, counts, what was never assessed, what cannot be said."""

from collections.abc import Sequence

from lens_server.audit.rulebook import Rule, Rulebook
from lens_server.audit.scene import Scene, counts
from lens_server.audit.verdicts import FAILED, NOTHING, UNCLEAR, exit_status, of_claims, overall
from lens_server.audit.wording import sentence_of
from lens_server.report import (
    ConceptReport,
    Control,
    Counts,
    Finding,
    Provenance,
    Report,
    Result,
    Severity,
    Verdict,
)

SCHEMA = "audit-report/v1"
LIMITATIONS = (
    "Only the concepts listed were tested; a cue that nobody listed can pass unseen.",
    "What needs the foundation model's eyes is no better than its eyes, and it has biases of its own.",
    "Overlays are synthetic: a model may react to them otherwise than to the real thing.",
    "Deleting flagged neurons is no repair; retraining without the cue is.",
    "Contrasts are observational; adjusting covers the concepts named, nothing else.",
    "A pass says that these rules were kept on this probe set. It is no certificate.",
)
_RANK = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE, Verdict.WAIVED, Verdict.PASS)


def finding_of(rulebook: Rulebook, rule: Rule, results: tuple[Result, ...], line: int) -> Finding:
    """What became of a rule, its deciding result first."""
    ordered = tuple(sorted(results, key=_decides))
    declared = [rulebook.concept(name) for name in rule.concepts] if rule.type == "declare" else []
    verdict = of_claims((each.verdict for each in results), rule.aggregate or "any")
    bound, limit = rule.bound
    return Finding(
        rule=rule.id,
        type=rule.type,
        title=rule.title or _untitled(rule),
        severity=Severity(rule.severity),
        blocking=rule.blocking,
        on_inconclusive=rule.on_inconclusive,
        measure=rule.measure,
        tier=rule.tier,
        bound=bound,
        limit=limit,
        verdict=verdict,
        sentence=sentence_of(rule, verdict, ordered, "; ".join(f"{each.id}: {each.because}" for each in declared)),
        results=ordered,
        change=None,
        waivers=(),
        rationale=rule.rationale,
        remediation=rule.remediation,
        references=rule.references,
        fingerprint=rulebook.fingerprint(rule),
        line=line,
    )


def report_of(
    rulebook: Rulebook,
    findings: tuple[Finding, ...],
    controls: tuple[Control, ...],
    provenance: Provenance,
    *,
    warn_only: bool,
) -> Report:
    """The report, but for what `run_audit` adds to it."""
    status = exit_status(findings, controls)
    return Report(
        schema=SCHEMA,
        verdict=overall(status),
        exit_status=status,
        warn_only=warn_only,
        sentence=_sentence(status, findings, controls),
        ruleset=rulebook.ruleset.id,
        ruleset_version=rulebook.ruleset.version,
        title=rulebook.ruleset.title,
        owner=rulebook.ruleset.owner,
        intended_use=rulebook.ruleset.intended_use,
        references=rulebook.ruleset.references,
        counts=_counts(findings),
        findings=findings,
        fixed=(),
        concepts=(),
        controls=controls,
        waivers=(),
        declared=(),
        warnings=(),
        limitations=LIMITATIONS,
        provenance=provenance,
        pictures=(),
    )


def concept_reports(scene: Scene) -> tuple[ConceptReport, ...]:
    """Every concept of the rulebook: can it be assessed, where is it present, which neurons encode it."""
    return tuple(_concept(scene, each.id) for each in scene.rulebook.concepts)


def declared_lines(rulebook: Rulebook) -> tuple[str, ...]:
    """How many criteria were assessed, and why the others cannot be; empty when all can."""
    valid = [each for each in rulebook.concepts if each.kind == "valid"]
    never = [each for each in valid if each.assessable == "never"]
    if not never:
        return ()
    names = " and ".join(each.id for each in never)
    title = rulebook.ruleset.title
    return (
        f"{title}: {len(valid) - len(never)} of {len(valid)} criteria assessed; {names} not assessable from the "
        f"model's inputs. This audit does not show conformity with: {title}.",
        *(f"{each.id}: {each.because}. It would need {each.needs}." for each in never),
    )


def _concept(scene: Scene, name: str) -> ConceptReport:
    concept = scene.rulebook.concept(name)
    if concept.assessable == "never":
        return ConceptReport(
            id=name,
            kind=concept.kind,
            assessable=False,
            because=concept.because,
            needs=concept.needs,
            competence=None,
            controls="",
            presence="",
            present=0,
            absent=0,
            flagged=0,
            probe_words=concept.prompts,
        )
    presence, seen = scene.presence(concept), scene.sight.competence[name]
    present, absent = counts(presence)
    why = scene.unseen(concept)
    doubt = "whether the foundation model sees it was not measured" if seen.auroc is None else ""
    return ConceptReport(
        id=name,
        kind=concept.kind,
        assessable=not why,
        because=why or doubt,
        needs="control images: a label column, an overlay or image probes" if doubt else "",
        competence=seen.auroc,
        controls=seen.controls,
        presence=presence.source,
        present=present,
        absent=absent,
        flagged=scene.flags.count(name),
        probe_words=concept.prompts,
    )


def _decides(result: Result) -> tuple[int, float]:
    distance = abs(result.estimate) - result.limit if result.estimate is not None else 0.0
    return _RANK.index(result.verdict), -distance


def _untitled(rule: Rule) -> str:
    name, limit = rule.bound
    what = f"{rule.type} {', '.join(rule.concepts)}".strip()
    return f"{what} by {rule.measure}, {name} {limit:g}" if rule.measure and limit is not None else what


def _counts(findings: Sequence[Finding]) -> Counts:
    def of(verdict: Verdict) -> int:
        return sum(each.verdict is verdict for each in findings)

    return Counts(
        of(Verdict.PASS),
        of(Verdict.FAIL),
        of(Verdict.INCONCLUSIVE),
        of(Verdict.NOT_ASSESSABLE),
        of(Verdict.WAIVED),
    )


def _sentence(status: int, findings: Sequence[Finding], controls: Sequence[Control]) -> str:
    blocking = [each for each in findings if each.blocking]
    failing = [each.rule for each in blocking if each.verdict is Verdict.FAIL]
    if status == FAILED:
        return f"{len(failing)} of {len(blocking)} blocking rules broken: {', '.join(failing)}."
    if status == NOTHING:
        return "Nothing was evaluated: no rule could be assessed."
    if status == UNCLEAR:
        unclear = (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE)
        names = [each.rule for each in blocking if each.verdict in unclear and each.on_inconclusive == "fail"]
        names += [f"control {each.name!r}" for each in controls if each.passed is False and each.kind != "competence"]
        return f"No blocking rule is broken, but it cannot be said that all are kept: {', '.join(names)}."
    warned = sum(each.verdict is Verdict.FAIL for each in findings)
    also = f"; {warned} other {'rule' if warned == 1 else 'rules'} broken" if warned else ""
    if not blocking:
        return f"The rulebook has no blocking rule{also}."
    open_ended = sum(each.verdict not in (Verdict.PASS, Verdict.WAIVED) for each in blocking)
    if open_ended:
        return (
            f"No blocking rule is broken; {open_ended} of {len(blocking)} could not be decided, which only warns{also}."
        )
    return f"Every blocking rule ({len(blocking)}) is kept or waived{also}."
