"""The report for a terminal: plain text, no colours, at most 110 columns."""

import unicodedata
from collections.abc import Iterable

from lens_server.audit.renderers import wording
from lens_server.report import AppliedWaiver, ConceptReport, Control, Finding, Provenance, Report, Result

WIDTH = 110
_INDENT = 16
_MOST_CLAIMS = 12
_MOST_PAIRS = 3


def render(report: Report) -> str:
    """The whole page."""
    report = wording.legible(report)
    waivers = {each.id: each for each in report.waivers}
    lines = _banner(report)
    for finding in wording.ranked(report.findings):
        lines += ["", *_finding(finding, waivers)]
    lines += _section("Fixed since the baseline", [", ".join(report.fixed)] if report.fixed else [])
    lines += _section("Declared, never assessed", report.declared)
    lines += _section("Concepts not assessable", [_blind(each) for each in report.concepts if not each.assessable])
    lines += _section("Controls of the audit", [_control(each) for each in report.controls] or ["none was run"])
    lines += _section("Waivers", [_waiver(each) for each in report.waivers])
    lines += _section("Warnings", report.warnings)
    lines += _section("What this audit cannot say", report.limitations)
    lines += _section("Provenance", _provenance(report.provenance))
    lines += ["", *_wrapped(wording.ending(report))]
    return "\n".join(each.rstrip() for each in lines) + "\n"


def _banner(report: Report) -> list[str]:
    title = wording.one_line(report.title) or report.ruleset
    return [
        "=" * WIDTH,
        *_wrapped(f"{wording.word(report.verdict)}: {title}"),
        *_wrapped(wording.one_line(report.sentence)),
        *_wrapped(f"Rulebook {report.ruleset} {report.ruleset_version}, subject {report.provenance.subject}"),
        wording.counts_line(report.counts),
        "=" * WIDTH,
    ]


def _finding(finding: Finding, waivers: dict[str, AppliedWaiver]) -> list[str]:
    title = f" — {wording.one_line(finding.title)}" if finding.title else ""
    lines = _wrapped(finding.rule + title, wording.word(finding.verdict).ljust(_INDENT))
    told = [wording.kind(finding), finding.sentence]
    results = wording.ranked_results(finding)
    claims = [_claim(finding, each) for each in results[:_MOST_CLAIMS]]
    if len(results) > _MOST_CLAIMS:
        claims.append(f"… and {len(results) - _MOST_CLAIMS} claims more, none of them worse; audit.json holds all")
    told += claims
    told += _evidence(results)
    told += [_waiver(waivers[each]) for each in finding.waivers if each in waivers]
    told += [f"Why: {finding.rationale}"] if finding.rationale and finding.verdict is not wording.ORDER[-1] else []
    told += [f"Cure: {finding.remediation}"] if finding.remediation and finding.verdict is wording.ORDER[0] else []
    return lines + [line for each in told for line in _wrapped(wording.one_line(each), " " * _INDENT)]


def _claim(finding: Finding, result: Result) -> str:
    basis = wording.sample(result)
    told = f"{wording.word(result.verdict)} {wording.claim(result)}: {wording.interval(result)}"
    told += f", limit {wording.limit(finding, result)}" + (f" ({basis})" if basis else "")
    return "; ".join([told, *wording.caveats(result, finding)])


def _evidence(results: list[Result]) -> list[str]:
    told = []
    for result in results:
        if result.witnesses:
            named = ", ".join(f"{each.neuron} ({wording.number(each.shown)})" for each in result.witnesses)
            told.append(f"Neurons for {wording.short_claim(result)}, and how far their exemplars show it: {named}")
        if result.pairs:
            flipped = [each for each in result.pairs if each.flipped]
            shown = [f"{each.key} ({each.decision_without} → {each.decision_having})" for each in flipped[:_MOST_PAIRS]]
            told.append(
                f"Pairs kept for {wording.short_claim(result)}: {len(flipped)} of {len(result.pairs)} flip"
                + (f", as {', '.join(shown)}" if shown else "")
            )
    return told


def _blind(concept: ConceptReport) -> str:
    needs = f"; it would need {concept.needs}" if concept.needs else ""
    return f"{concept.id}: {concept.because or 'no reason given'}{needs}"


def _control(control: Control) -> str:
    return f"{wording.control_state(control)[1]}: {control.kind} {control.name}: {control.sentence}"


def _waiver(waiver: AppliedWaiver) -> str:
    left = (
        f"{wording.plural(waiver.days_left, 'day')} left"
        if waiver.days_left >= 0
        else f"expired {wording.plural(-waiver.days_left, 'day')} ago"
    )
    note = f" {waiver.note}" if waiver.note else ""
    return (
        f"Waiver {waiver.id} for {waiver.rule}, {waiver.state}: {waiver.reason} Approved by {waiver.approved_by}, "
        f"{waiver.ticket}; until {waiver.expires}, {left}.{note}"
    )


def _provenance(source: Provenance) -> list[str]:
    digests = {
        "rulebook": source.rulebook_digest,
        "subject": source.subject_digest,
        "space": source.space_digest,
        "probe set": source.probe_set_digest,
        "index": source.index_digest,
    }
    if source.lock_digest:
        digests["lock"] = source.lock_digest
    return [
        f"{source.tool}, measures {source.measures}; {source.foundation_model}; probe set {source.probe_set}: "
        f"{wording.plural(source.samples, 'image')} in {wording.plural(source.groups, 'group')}",
        f"overlap with training: {source.overlap}",
        "digests: " + ", ".join(f"{name} {wording.digest(value)}" for name, value in digests.items()),
        f"{source.started} to {source.finished}" + (f"; signer {source.signer}" if source.signer else "; not signed"),
    ]


def _section(title: str, items: Iterable[str]) -> list[str]:
    told = [line for each in items for line in _wrapped(wording.one_line(each), "  - ", "    ")]
    return ["", title, *told] if told else []


def _wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    """Lines of at most WIDTH columns; `first` begins the first, `rest` (blanks of its length) the others."""
    rest = " " * len(first) if rest is None else rest
    lines, line, used, empty = [], first, len(first), True
    for given in text.split():
        for part in _parts(given, WIDTH - max(len(first), len(rest))):
            wide = columns(part)
            if not empty and used + 1 + wide > WIDTH:
                lines.append(line)
                line, used, empty = rest, len(rest), True
            gap = "" if empty else " "
            line, used, empty = line + gap + part, used + len(gap) + wide, False
    return [*lines, line]


def _parts(text: str, most: int) -> list[str]:
    """A word, cut where it is wider than a line."""
    parts, part, used = [], "", 0
    for character in text:
        wide = columns(character)
        if used + wide > most:
            parts.append(part)
            part, used = "", 0
        part, used = part + character, used + wide
    return [*parts, part]


def columns(text: str) -> int:
    """Columns of a terminal that a text takes: two for a wide character, none for one that combines."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )
