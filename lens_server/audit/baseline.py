"""A previous report beside this one: what is new, unchanged, fixed or worse; and what `compare` rules are held to."""

from dataclasses import replace
from math import hypot
from pathlib import Path

from indexer.errors import InvalidInput, Untrustworthy
from lens_server.audit.judging import Claim
from lens_server.audit.questions import VERSION
from lens_server.audit.renderers.audit_json import from_json
from lens_server.audit.rulebook import Rulebook
from lens_server.audit.statistics import Estimate
from lens_server.report import Change, Finding, Report, Result, Verdict

Place = tuple[str, tuple[str, ...], str | None]


def read_baseline(given: Path | None, rulebook: Rulebook) -> Report | None:
    """The report named, else the file that the rulebook's comparisons name, where there is one."""
    named = [Path(rule.baseline.removeprefix("file:")) for rule in rulebook.rules if rule.baseline.startswith("file:")]
    path = given or next((each for each in named if each.is_file()), None)
    if path is None:
        return None
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise InvalidInput(f"The baseline {path} cannot be read: {fault}.", hint="Give an audit.json.") from fault


def against_baseline(claim: Claim, baseline: Report | None) -> Claim:
    """A comparison's claim as the increase over the baseline's estimate; other claims remember it only."""
    rule = claim.question.rule
    known = _estimates(baseline).get(_place_of(claim)) if baseline is not None else None
    old = known.estimate if known is not None else None
    if rule.type != "compare" or claim.measured.estimate is None:
        return replace(claim, baseline=old)
    if known is None or known.estimate is None or known.error is None:
        why = "there is no baseline" if baseline is None else "the baseline did not measure it"
        return replace(claim, measured=replace(claim.measured, estimate=None, why=f"{why}: --baseline REPORT"))
    new = claim.measured.estimate
    increase = abs(new.value) - abs(known.estimate)
    # As if the two were independent: on the same images they go together, so these bounds are the wider ones.
    apart = Estimate(increase, hypot(new.error, known.error), new.groups)
    return replace(claim, measured=replace(claim.measured, estimate=apart), baseline=old)


def check_comparable(baseline: Report, rulebook: Rulebook, current: dict[str, str]) -> None:
    """Raise Untrustworthy when a `compare` rule would compare what was measured differently."""
    if not any(rule.type == "compare" for rule in rulebook.rules):
        return
    old = baseline.provenance
    held = {
        "foundation model": old.space_digest,
        "templates": " | ".join((*old.templates, old.null_prompt)),
        "probe set": old.probe_set_digest,
        "preprocessing": old.preprocessing_digest,
        "version of the measures": str(old.measures),
    }
    found = {**current, "version of the measures": str(VERSION)}
    different = [name for name, value in held.items() if found[name] != value]
    if different:
        raise Untrustworthy(
            f"The baseline cannot be compared: another {' and another '.join(different)}.",
            hint="Audit the baseline's subject again, on this probe set with this version.",
        )


def with_changes(findings: tuple[Finding, ...], baseline: Report | None) -> tuple[Finding, ...]:
    """Every finding and result with what changed since the baseline."""
    if baseline is None:
        return findings
    rules = {each.rule: each for each in baseline.findings}
    return tuple(_changed(each, rules.get(each.rule)) for each in findings)


def fixed_rules(findings: tuple[Finding, ...], baseline: Report | None) -> tuple[str, ...]:
    """Rules that failed in the baseline and no longer do, or are gone."""
    if baseline is None:
        return ()
    failing = {each.rule for each in findings if each.verdict is Verdict.FAIL}
    return tuple(each.rule for each in baseline.findings if each.verdict is Verdict.FAIL and each.rule not in failing)


def _changed(finding: Finding, old: Finding | None) -> Finding:
    before = {(each.concepts, each.class_name): each for each in old.results} if old is not None else {}
    results = tuple(
        replace(each, change=_change(each, before.get((each.concepts, each.class_name)))) for each in finding.results
    )
    if finding.verdict is Verdict.FAIL:
        worst = Change.WORSE if any(each.change is Change.WORSE for each in results) else Change.UNCHANGED
        was_failing = old is not None and old.verdict is Verdict.FAIL
        return replace(finding, results=results, change=worst if was_failing else Change.NEW)
    fixed = old is not None and old.verdict is Verdict.FAIL
    return replace(finding, results=results, change=Change.FIXED if fixed else Change.UNCHANGED)


def _change(new: Result, old: Result | None) -> Change:
    failing, failed = new.verdict is Verdict.FAIL, old is not None and old.verdict is Verdict.FAIL
    if failing and not failed:
        return Change.NEW
    if failed and not failing:
        return Change.FIXED
    if failing and old is not None and _beyond(new, old):
        return Change.WORSE
    return Change.UNCHANGED


def _beyond(new: Result, old: Result) -> bool:
    """The new estimate lies outside the old bounds, away from the limit."""
    if new.estimate is None or old.estimate is None or old.lower is None or old.upper is None:
        return False
    outside = not old.lower <= new.estimate <= old.upper
    return outside and abs(new.estimate - new.limit) > abs(old.estimate - old.limit)


def _estimates(baseline: Report) -> dict[Place, Result]:
    return {
        (finding.measure or "", result.concepts, result.class_name): result
        for finding in baseline.findings
        if finding.type != "compare"
        for result in finding.results
        if result.estimate is not None
    }


def _place_of(claim: Claim) -> Place:
    question = claim.question
    return question.rule.measure or "", tuple(each.id for each in question.concepts), question.class_name
