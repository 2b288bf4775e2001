"""What waivers change in the findings. A pass is never waived, and a void waiver waives nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from indexer.errors import InvalidInput, nearest_hint
from lens_server.audit.verdicts import directed, of_claims
from lens_server.audit.waiver_reading import ANY, Accepted, Waiver, Waivers, WaiversFault, parse_waivers, read_waivers
from lens_server.report import AppliedWaiver, Finding, Result, Verdict

__all__ = [
    "Accepted",
    "Waiver",
    "Waivers",
    "WaiversFault",
    "apply_waivers",
    "parse_waivers",
    "read_waivers",
]

SOON = 14
"""Days before the end of a waiver from which it is warned of."""
BROKEN = (Verdict.FAIL, Verdict.INCONCLUSIVE)


class Outcome(NamedTuple):
    """What becomes of one waiver."""

    state: str
    """As in `AppliedWaiver`."""
    note: str
    covered: tuple[int, ...] = ()
    """Positions of the results that it waives, when it is applied."""


def apply_waivers(
    findings: tuple[Finding, ...], waivers: Waivers, *, subject_digest: str, today: date, strict: bool
) -> tuple[tuple[Finding, ...], tuple[AppliedWaiver, ...], tuple[str, ...]]:
    """Findings with what is waived, every waiver with what became of it, and warnings.

    With `strict` a waiver that matches nothing is InvalidInput.
    """
    by_rule = {each.rule: each for each in findings}
    outcomes = [(each, _outcome(each, by_rule, subject_digest, today)) for each in waivers.waivers]
    unmatched = [f"{waiver.id}: {found.note}" for waiver, found in outcomes if found.state == "unmatched"]
    if strict and unmatched:
        raise InvalidInput("Waivers match nothing: " + " ".join(unmatched), hint="Remove or mend them.")
    waived = tuple(_waive(each, [pair for pair in outcomes if pair[0].rule == each.rule]) for each in findings)
    applied = tuple(_applied(waiver, outcome, today) for waiver, outcome in outcomes)
    return waived, applied, tuple(_warnings(applied))


def _outcome(waiver: Waiver, by_rule: dict[str, Finding], subject_digest: str, today: date) -> Outcome:
    if today > waiver.expires:
        return Outcome("expired", f"It expired on {waiver.expires}.")
    if today < waiver.created:
        return Outcome("unmatched", f"It is not valid before {waiver.created}.")
    finding = by_rule.get(waiver.rule)
    if finding is None:
        return Outcome("unmatched", f"No rule named {waiver.rule!r}. {nearest_hint(waiver.rule, by_rule)}")
    if waiver.model != ANY and waiver.model.removeprefix("sha256:") != subject_digest.removeprefix("sha256:"):
        return Outcome("unmatched", "It is for another model.")
    if waiver.rule_fingerprint and waiver.rule_fingerprint != finding.fingerprint:
        return Outcome("rule changed", "The rule's text is not the one that was waived.")
    if waiver.accepted and waiver.accepted.measure not in (finding.measure, finding.type):
        measured = finding.measure or finding.type
        return Outcome("unmatched", f"It accepts {waiver.accepted.measure}; the rule measures {measured}.")
    return _covering(waiver, finding)


def _covering(waiver: Waiver, finding: Finding) -> Outcome:
    named = finding.type != "unexplained"
    covered = {
        number: each
        for number, each in enumerate(finding.results)
        if (not named or set(each.concepts) <= set(waiver.concepts))
        and (each.class_name is None or each.class_name in waiver.classes)
    }
    if not covered:
        return Outcome("unmatched", f"It names no claim of {finding.rule}: {_claims(finding)}.")
    broken = {number: each for number, each in covered.items() if each.verdict in BROKEN}
    if not broken or finding.verdict in (Verdict.PASS, Verdict.NOT_ASSESSABLE):
        passing = finding.verdict is Verdict.PASS or all(each.verdict is Verdict.PASS for each in covered.values())
        return Outcome("unused", "What it waives passes." if passing else "What it waives is not assessable.")
    for result in broken.values():
        excess = _excess(waiver, finding, result)
        if excess:
            return Outcome("exceeded", excess)
    return Outcome("applied", "", tuple(broken))


def _claims(finding: Finding) -> str:
    return "; ".join(sorted({_claim(each) for each in finding.results})) or "it has none"


def _claim(result: Result) -> str:
    names = ", ".join(result.concepts) or "no concept"
    return f"{names} in {result.class_name}" if result.class_name else names


def _excess(waiver: Waiver, finding: Finding, result: Result) -> str:
    """How the measured bound is worse than the accepted one; empty when it is not."""
    if result.lower is None or result.upper is None:
        return f"Nothing was measured for {_claim(result)}, so nothing can be accepted."
    if waiver.accepted is None:
        return ""
    lower, upper = directed(result.lower, result.upper, result.direction)
    if finding.type == "require":
        if waiver.accepted.lower_bound is None:
            return "A `require` rule is waived by accepted.lower_bound."
        kept, bound, side = lower >= waiver.accepted.lower_bound, lower, waiver.accepted.lower_bound
    else:
        if waiver.accepted.upper_bound is None:
            return f"A `{finding.type}` rule is waived by accepted.upper_bound."
        kept, bound, side = upper <= waiver.accepted.upper_bound, upper, waiver.accepted.upper_bound
    return "" if kept else f"{_claim(result)}: measured up to {bound:.4g}, accepted up to {side:.4g}."


def _waive(finding: Finding, outcomes: Sequence[tuple[Waiver, Outcome]]) -> Finding:
    by_result: dict[int, str] = {}
    for waiver, outcome in outcomes:
        for number in outcome.covered:
            by_result.setdefault(number, waiver.id)
    if not by_result:
        return finding
    results = tuple(
        replace(each, verdict=Verdict.WAIVED, waiver=by_result[number]) if number in by_result else each
        for number, each in enumerate(finding.results)
    )
    verdict = of_claims([each.verdict for each in results], "any")
    ids = tuple(waiver.id for waiver, outcome in outcomes if outcome.covered)
    named = ", ".join(ids)
    whole = verdict is Verdict.WAIVED
    claims = "; ".join(_claim(each) for each in results if each.waiver)
    return replace(
        finding,
        verdict=verdict,
        sentence=f"Waived by {named}: {finding.sentence}"
        if whole
        else f"{finding.sentence} ({named} waives {claims}.)",
        results=tuple(sorted(results, key=lambda each: each.verdict is not verdict)),
        waivers=ids,
    )


def _applied(waiver: Waiver, outcome: Outcome, today: date) -> AppliedWaiver:
    return AppliedWaiver(
        id=waiver.id,
        rule=waiver.rule,
        reason=waiver.reason,
        approved_by=waiver.approved_by,
        ticket=waiver.ticket,
        expires=waiver.expires.isoformat(),
        days_left=(waiver.expires - today).days,
        state=outcome.state,
        note=outcome.note,
    )


def _warnings(applied: Iterable[AppliedWaiver]) -> list[str]:
    told = []
    for each in applied:
        if each.state != "applied":
            told.append(f"The waiver {each.id} is {each.state}: {each.note}")
        elif each.days_left <= SOON:
            when = "today" if each.days_left == 0 else f"in {each.days_left} day{'s' * (each.days_left != 1)}"
            told.append(f"The waiver {each.id} expires {when}: mend {each.rule} or renew it ({each.ticket}).")
    return told
