"""The report as workflow commands of GitHub Actions: at most ten annotations on the rulebook, the worst first."""

from typing import NamedTuple

from lens_server.audit.renderers import wording
from lens_server.report import Control, Finding, Report, Verdict

MOST = 10
"""GitHub shows ten of each level a step; more would be dropped without a word."""

_LONGEST = 1000


class _Note(NamedTuple):
    level: str
    title: str
    message: str
    line: int


def render(report: Report) -> str:
    """One command a line; a notice of the verdict where nothing is wrong."""
    report = wording.legible(report)
    notes = [*_whole(report), *(_of_rule(each) for each in wording.ranked(report.findings) if _level(each))]
    notes += [_of_control(each) for each in wording.failed_controls(report)]
    notes += [_Note("warning", "audit", each, 0) for each in report.warnings]
    notes.sort(key=lambda each: each.level)  # error, warning: stable, so the worst stay first
    if not notes:
        notes = [_Note("notice", f"audit: {report.verdict.value}", _verdict(report), 0)]
    if len(notes) > MOST:
        more = f"{len(notes) - MOST + 1} annotations more; audit.json holds all. {_verdict(report)}"
        notes = [*notes[: MOST - 1], _Note("notice", "audit", more, 0)]
    return "".join(f"{_command(each, report.provenance.rulebook)}\n" for each in notes)


def _verdict(report: Report) -> str:
    return f"{wording.word(report.verdict)}: {report.sentence} {wording.counts_line(report.counts)}"


def _whole(report: Report) -> list[_Note]:
    """What no rule says: that nothing was evaluated, or that nothing can be trusted."""
    if report.exit_status in (0, 1, 3):
        return []
    return [_Note("error", "audit", f"{report.sentence} {wording.ending(report)}", 0)]


def _level(finding: Finding) -> str:
    """`error` for what ends the process badly, `warning` for what is to be seen, else empty."""
    if finding.verdict is Verdict.FAIL:
        return "error" if finding.blocking else "warning"
    blind = finding.verdict is Verdict.NOT_ASSESSABLE and finding.blocking
    if finding.verdict is Verdict.INCONCLUSIVE or blind:
        levels = {"fail": "error" if finding.blocking else "warning", "warn": "warning"}
        return levels.get(finding.on_inconclusive, "")
    return ""


def _of_rule(finding: Finding) -> _Note:
    told = [f"{wording.word(finding.verdict)}: {wording.one_line(finding.sentence)}"]
    told += [
        f"{wording.short_claim(each)}: {wording.interval(each)}, limit {wording.limit(finding, each)}"
        for each in wording.ranked_results(finding)[:3]
        if each.verdict is finding.verdict
    ]
    told += [f"Cure: {wording.one_line(finding.remediation)}"] if finding.remediation else []
    title = " · ".join([finding.rule, *([finding.title] if finding.title else [])])
    return _Note(_level(finding), title, "\n".join(told), finding.line)


def _of_control(control: Control) -> _Note:
    return _Note("error", f"control failed: {control.name}", control.sentence, 0)


def _command(note: _Note, rulebook: str) -> str:
    places = {"file": rulebook, "line": str(note.line)} if note.line > 0 and rulebook else {}
    properties = {**places, "title": wording.one_line(note.title)[:200]}
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{note.level} {given}::{_data(note.message[:_LONGEST])}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
