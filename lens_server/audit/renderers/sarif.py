"""The report as SARIF 2.1.0: failures as results, every rule described, warnings as notifications of the tool."""

import json
from datetime import datetime
from urllib.parse import quote

from lens_server.audit.renderers import wording
from lens_server.report import Change, Finding, Report, Result, Verdict

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_STATES = {
    Change.NEW: "new",
    Change.UNCHANGED: "unchanged",
    Change.WORSE: "updated",
    Change.FIXED: "absent",
}

_Json = dict[str, object]


def render(report: Report) -> str:
    """The whole log, with one run."""
    report = wording.legible(report)
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    return json.dumps(log, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _run(report: Report) -> _Json:
    name, _, version = report.provenance.tool.partition(" ")
    rules = {each.rule: number for number, each in enumerate(report.findings)}
    failed = [each for each in wording.ranked(report.findings) if each.verdict is Verdict.FAIL]
    driver: _Json = {"name": name or "lens", **({"version": version} if version else {})}
    driver["rules"] = [_rule(each) for each in report.findings]
    run: _Json = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{report.ruleset}/{report.ruleset_version}/"},
        "invocations": [_invocation(report)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, each, rules[each.rule]) for each in failed],
        "properties": {
            "verdict": report.verdict.value,
            "counts": {verdict.value: number for verdict, number in wording.counted(report.counts)},
            "declared": list(report.declared),
            "fixed": list(report.fixed),
        },
    }
    return run


def _rule(finding: Finding) -> _Json:
    told = [finding.rationale, f"Cure: {finding.remediation}" if finding.remediation else "", *finding.references]
    help_text = "\n\n".join(each for each in told if each) or "The rulebook gives no reason for this rule."
    title = wording.one_line(finding.title) or f"{finding.type} {finding.measure or ''}".strip()
    return {
        "id": finding.rule,
        "shortDescription": {"text": _sentence(title)},
        "fullDescription": {"text": _sentence(f"{title} ({wording.kind(finding)})")},
        "help": {"text": help_text, "markdown": _fenced(help_text)},
        "defaultConfiguration": {"level": _level(finding)},
        "properties": {
            "severity": finding.severity.value,
            "blocking": finding.blocking,
            "tags": [each for each in (finding.type, finding.measure) if each],
            **({"tier": finding.tier} if finding.tier is not None else {}),
        },
    }


def _result(report: Report, finding: Finding, index: int) -> _Json:
    place = {"artifactLocation": {"uri": _uri(report)}, "region": {"startLine": max(finding.line, 1)}}
    made: _Json = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _level(finding),
        "message": {"text": _message(finding)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {
            "ruleFingerprint/v1": finding.fingerprint,
            "primaryLocationLineHash": f"{finding.fingerprint[:16]}:1",
        },
        "properties": {"claims": [_claim(each) for each in finding.results if each.verdict is Verdict.FAIL]},
    }
    if finding.change is not None:
        made["baselineState"] = _STATES[finding.change]
    return made


def _message(finding: Finding) -> str:
    broken = [each for each in finding.results if each.verdict is Verdict.FAIL]
    lines = [_sentence(wording.one_line(finding.sentence))]
    lines += [
        f"{wording.claim(each)}: {wording.interval(each)}, limit {wording.limit(finding, each)}." for each in broken
    ]
    lines += [f"Cure: {_sentence(wording.one_line(finding.remediation))}"] if finding.remediation else []
    return "\n".join(lines)


def _claim(result: Result) -> _Json:
    return {
        "concepts": list(result.concepts),
        "class": result.class_name,
        "estimate": result.estimate,
        "lower": result.lower,
        "upper": result.upper,
        "limit": result.limit,
        "evidence": result.evidence,
        "neurons": [each.neuron for each in result.witnesses],
    }


def _invocation(report: Report) -> _Json:
    notes = [("warning", each) for each in report.warnings]
    notes += [("error", each.sentence) for each in wording.failed_controls(report)]
    made: _Json = {
        "executionSuccessful": report.exit_status in (0, 1, 3),
        "exitCode": report.exit_status,
        "exitCodeDescription": wording.ending(report),
        "toolExecutionNotifications": [{"level": level, "message": {"text": text}} for level, text in notes],
    }
    for key, time in (("startTimeUtc", report.provenance.started), ("endTimeUtc", report.provenance.finished)):
        try:
            made[key] = datetime.fromisoformat(time).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        except ValueError:
            continue
    return made


def _level(finding: Finding) -> str:
    return "error" if finding.blocking else "warning"


def _uri(report: Report) -> str:
    """The rulebook's path as a relative reference."""
    path = report.provenance.rulebook.replace("\\", "/")
    return quote(path.removeprefix("./")) or "rulebook"


def _sentence(text: str) -> str:
    """Ended by a full stop, as readers of SARIF expect of a message."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _fenced(text: str) -> str:
    """As Markdown in which nothing is markup."""
    return "\n".join("    " + line for line in text.splitlines())
