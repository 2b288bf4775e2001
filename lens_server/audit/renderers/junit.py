"""The report as JUnit XML, as Jenkins' xunit plug-in defines it: a test case a rule, and one a control.

fail → failure; a blocking rule that is inconclusive and must not be, a failed control, an audit that evaluated nothing
→ error; every other inconclusive rule, not assessable and waived ones, a control that was not run → skipped.
"""

from datetime import datetime
from typing import NamedTuple
from xml.etree import ElementTree

from lens_server.audit.renderers import wording
from lens_server.report import Control, Finding, Report, Verdict


class _Case(NamedTuple):
    name: str
    outcome: str
    """`failure`, `error`, `skipped`, or empty when it passed."""
    kind: str
    message: str
    body: str


def render(report: Report) -> str:
    """The whole document."""
    report = wording.legible(report)
    rules = [_of_rule(each) for each in report.findings]
    checks = [_of_audit(report), *(_of_control(each) for each in report.controls)]
    title = wording.one_line(report.title) or report.ruleset
    root = ElementTree.Element("testsuites", {"name": title, **_counts(rules + checks)})
    _suite(root, report, report.ruleset, rules)
    _suite(root, report, f"{report.ruleset}.controls", checks)
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, report: Report, name: str, cases: list[_Case]) -> None:
    skipped = str(sum(each.outcome == "skipped" for each in cases))
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": name, **_counts(cases), "skipped": skipped, **_times(report)}
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in _properties(report).items():
        ElementTree.SubElement(properties, "property", name=key, value=wording.one_line(value))
    for case in cases:
        made = ElementTree.SubElement(suite, "testcase", name=wording.one_line(case.name), classname=name, time="0")
        if case.outcome:
            message = wording.one_line(case.message)
            ElementTree.SubElement(made, case.outcome, type=case.kind, message=message).text = case.body
        else:
            ElementTree.SubElement(made, "system-out").text = case.body


def _counts(cases: list[_Case]) -> dict[str, str]:
    outcomes = [each.outcome for each in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error")),
    }


def _times(report: Report) -> dict[str, str]:
    """When and how long, where the report's times can be read."""
    try:
        started = datetime.fromisoformat(report.provenance.started)
        finished = datetime.fromisoformat(report.provenance.finished)
        took = max((finished - started).total_seconds(), 0)
    except (TypeError, ValueError):
        return {}
    return {"timestamp": started.strftime("%Y-%m-%dT%H:%M:%S"), "time": f"{took:.3f}"}


def _properties(report: Report) -> dict[str, str]:
    source = report.provenance
    return {
        "verdict": report.verdict.value,
        "exit_status": str(report.exit_status),
        "warn_only": str(report.warn_only).lower(),
        "ruleset": f"{report.ruleset} {report.ruleset_version}",
        "tool": source.tool,
        "rulebook_digest": source.rulebook_digest,
        "subject": source.subject,
        "subject_digest": source.subject_digest,
        "probe_set_digest": source.probe_set_digest,
        "index_digest": source.index_digest,
        **{f"declared.{number}": line for number, line in enumerate(report.declared, start=1)},
    }


def _of_rule(finding: Finding) -> _Case:
    unclear = finding.verdict is Verdict.INCONCLUSIVE and finding.blocking and finding.on_inconclusive == "fail"
    outcome = {Verdict.FAIL: "failure", Verdict.PASS: ""}.get(finding.verdict, "error" if unclear else "skipped")
    message = f"{wording.word(finding.verdict)}: {finding.sentence}"
    kind = f"{finding.verdict.value} ({'blocking' if finding.blocking else 'not blocking'})"
    return _Case(finding.rule, outcome, kind, message, _body(finding))


def _body(finding: Finding) -> str:
    title = wording.one_line(finding.title)
    lines = [wording.kind(finding), *([title] if title else []), wording.one_line(finding.sentence)]
    for result in wording.ranked_results(finding):
        told = f"{wording.word(result.verdict)} {wording.claim(result)}: {wording.interval(result)}, limit "
        told += f"{wording.limit(finding, result)} ({wording.sample(result)})"
        lines.append("; ".join([told, *wording.caveats(result, finding)]))
    lines += [f"Why: {finding.rationale}"] if finding.rationale else []
    lines += [f"Cure: {finding.remediation}"] if finding.remediation else []
    return "\n".join(lines)


def _of_control(control: Control) -> _Case:
    outcome = {Verdict.PASS: "", Verdict.FAIL: "error"}.get(wording.control_state(control)[0], "skipped")
    return _Case(f"{control.kind}: {control.name}", outcome, "control", control.sentence, control.sentence)


def _of_audit(report: Report) -> _Case:
    """So that an audit that evaluated nothing, or cannot be trusted, is not green for want of a red rule."""
    outcome = "" if report.exit_status in (0, 1, 3) else "error"
    return _Case("the audit was carried out", outcome, "audit", report.sentence, wording.ending(report))
