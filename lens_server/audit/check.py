"""The audit on one screen: look, measure, judge, show. Read first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from indexer.progress import Progress, Silent
from lens_server.audit.baseline import against_baseline, check_comparable, fixed_rules, with_changes
from lens_server.audit.controls import run_controls
from lens_server.audit.evidence import Album, Exhibits
from lens_server.audit.judging import Claim, corrected_levels, result_of
from lens_server.audit.laboratory import IMAGES, Laboratory
from lens_server.audit.lock import Lock, check_lock
from lens_server.audit.looking import check_space, look
from lens_server.audit.probe_set import ProbeSet, probe_set
from lens_server.audit.provenance import check_index, comparable, now, overlap_of, provenance
from lens_server.audit.questions import measure_of, overlays_of, questions_of
from lens_server.audit.reporting import concept_reports, declared_lines, finding_of, report_of
from lens_server.audit.rulebook import Rulebook
from lens_server.audit.scene import COLUMNS, Scene
from lens_server.audit.target import check_target, doubts
from lens_server.audit.waivers import Waivers, apply_waivers
from lens_server.lens import Lens
from lens_server.report import AppliedWaiver, Finding, Report, Result, Verdict


@dataclass(frozen=True)
class AuditOptions:
    """How to audit; the defaults are those of `lens audit`."""

    name: str = ""
    """What the rulebook is called in the report."""
    lines: tuple[tuple[str, int], ...] = ()
    """Line of each rule in its file."""
    waivers: Waivers | None = None
    baseline: Report | None = None
    lock: Lock | None = None
    read_by: str = COLUMNS
    """`columns`: presence from label columns where there are some; `foundation`: by the foundation model always."""
    interventions: bool = True
    """Tier 3; without it the rules that need it are inconclusive."""
    images: int = IMAGES
    """Images that overlays are pasted on."""
    training: str = ""
    """Dataset or index that the subject was trained on: no image of it may be in the probe set."""
    strict: bool = False
    """A waiver that matches nothing is an error."""
    warn_only: bool = False
    signer: str = ""
    today: date | None = None
    """For waivers; unset: today, UTC."""
    trust_pickle: bool = False


def run_audit(
    lens: Lens, rulebook: Rulebook, options: AuditOptions | None = None, progress: Progress | None = None
) -> Report:
    """Judge an index by a rulebook.

    Raises InvalidInput for what the rulebook asks and the index cannot have (a class, a layer, a column), Untrustworthy
    for what cannot be believed (digests, spaces, non-finite values, stale locks, incomparable baselines).
    """
    options, progress, started = options or AuditOptions(), progress or Silent(), now()
    check_target(lens.index, rulebook, options.read_by)
    check_index(lens.index)
    check_space(lens.index, rulebook)
    shown = probe_set(lens.index, rulebook.target.group_by)
    overlap = overlap_of(lens.index, options.training, progress)
    if options.baseline is not None:
        check_comparable(options.baseline, rulebook, comparable(lens, rulebook))

    scene = make_scene(lens, rulebook, shown, options, progress)
    claims = measured(scene, options.baseline, progress)
    findings = judged(scene, claims, options)
    controls = run_controls(scene)
    album = Album()
    findings = with_exhibits(findings, claims, Exhibits(scene, album))
    findings = with_changes(findings, options.baseline)
    findings, waivers, warnings = _waived(findings, lens, options)

    words = {"overlap": overlap, "lock_digest": options.lock.digest if options.lock else "", "signer": options.signer}
    settings = {"presence": options.read_by, "interventions": str(options.interventions), "images": str(options.images)}
    made = provenance(lens, rulebook, options.name, shown, settings, words | {"started": started, "finished": now()})
    report = report_of(rulebook, findings, controls, made, warn_only=options.warn_only)
    return replace(
        report,
        concepts=concept_reports(scene),
        waivers=waivers,
        warnings=(*doubts(lens.index, rulebook), *warnings),
        fixed=fixed_rules(findings, options.baseline),
        declared=declared_lines(rulebook),
        pictures=album.all(),
    )


def make_scene(lens: Lens, rulebook: Rulebook, shown: ProbeSet, options: AuditOptions, progress: Progress) -> Scene:
    """What the measures may ask; the foundation model looks only where no lock remembers."""
    if options.lock is not None:
        check_lock(options.lock, rulebook, lens.index.manifest)
    sight = options.lock.sight if options.lock is not None else look(lens, rulebook, shown, progress)
    laboratory = Laboratory(
        lens.index,
        shown,
        overlays_of(rulebook),
        progress,
        rulebook.statistics.seed,
        images=options.images,
        allowed=options.interventions,
        trust_pickle=options.trust_pickle,
    )
    return Scene(lens.index, rulebook, shown, sight, laboratory, options.read_by)


def measured(scene: Scene, baseline: Report | None, progress: Progress) -> list[Claim]:
    """Every claim of every rule, measured."""
    claims = []
    with progress.stage("Measuring", len(scene.rulebook.rules)) as stage:
        for rule in scene.rulebook.rules:
            measure = measure_of(rule) if rule.type != "declare" else None
            for question in questions_of(rule, scene.rulebook):
                assert measure is not None
                claims.append(against_baseline(Claim(question, measure(scene, question)), baseline))
            stage.advance(1)
    return claims


def judged(scene: Scene, claims: Sequence[Claim], options: AuditOptions) -> tuple[Finding, ...]:
    """A finding for each rule, in the order of the rulebook."""
    levels = corrected_levels(claims, scene.rulebook.statistics)
    lines = dict(options.lines)
    findings = []
    for rule in scene.rulebook.rules:
        own = [claim for claim in claims if claim.question.rule is rule]
        results = tuple(result_of(scene, claim, levels.get(claim.name, 1.0)) for claim in own)
        findings.append(finding_of(scene.rulebook, rule, results, lines.get(rule.id, 0)))
    return tuple(findings)


def with_exhibits(findings: tuple[Finding, ...], claims: Sequence[Claim], exhibits: Exhibits) -> tuple[Finding, ...]:
    """Neurons, pairs and doses for the deciding result of each finding and for every failing one."""
    questions = {
        (claim.question.rule.id, tuple(each.id for each in claim.question.concepts), claim.question.class_name): (
            claim.question
        )
        for claim in claims
    }

    def shown(finding: Finding, place: int, result: Result) -> Result:
        if place and result.verdict is not Verdict.FAIL:
            return result
        return exhibits.shown(result, questions[finding.rule, result.concepts, result.class_name])

    return tuple(
        replace(finding, results=tuple(shown(finding, place, each) for place, each in enumerate(finding.results)))
        for finding in findings
    )


def _waived(
    findings: tuple[Finding, ...], lens: Lens, options: AuditOptions
) -> tuple[tuple[Finding, ...], tuple[AppliedWaiver, ...], tuple[str, ...]]:
    if options.waivers is None:
        return findings, (), ()
    today = options.today or datetime.now(UTC).date()
    digest = lens.index.manifest.subject.digest
    return apply_waivers(findings, options.waivers, subject_digest=digest, today=today, strict=options.strict)
