"""The report as Markdown for a comment on a pull request: what failed first, the rest folded, at most 60,000 bytes."""

import re
from collections.abc import Iterable

from lens_server.audit.renderers import wording
from lens_server.report import AppliedWaiver, Control, Finding, Report, Result, Verdict

MOST_BYTES = 60_000
"""A comment on GitHub holds 65,536 characters."""

_MOST_ROWS = 25
_MOST_CLAIMS = 8
_LONGEST = 500
_CUT = "*Shortened to fit a comment; audit.json holds all.*"
_HEADINGS = {
    Verdict.FAIL: "Failed",
    Verdict.INCONCLUSIVE: "Inconclusive",
    Verdict.NOT_ASSESSABLE: "Not assessable",
    Verdict.WAIVED: "Waived",
    Verdict.PASS: "Passed",
}


def render(report: Report) -> str:
    """The whole comment; blocks that no longer fit are left out, and it says so."""
    report = wording.legible(report)
    room = MOST_BYTES - len(_CUT.encode()) - 2
    kept: list[str] = []
    for block in _blocks(report):
        size = len(block.encode()) + 2
        if size > room:
            kept.append(_CUT)
            break
        kept.append(block)
        room -= size
    return "\n\n".join(kept) + "\n"


def _blocks(report: Report) -> Iterable[str]:
    """From the most important on; each is whole by itself."""
    yield _banner(report)
    yield from (f"> **Declared:** {_text(each)}" for each in report.declared[:10])
    open_rules = [each for each in wording.ranked(report.findings) if each.verdict in wording.ORDER[:2]]
    if open_rules:
        yield _table(open_rules)
    yield from (f"⚠️ **Control failed:** {_text(each.sentence)}" for each in wording.failed_controls(report))
    yield from (f"⚠️ {_text(each)}" for each in report.warnings[:10])
    yield from (_folded(each) for each in open_rules)
    yield from _groups(report)
    yield f"<sub>{_text(_provenance(report))}</sub>"


def _banner(report: Report) -> str:
    title = _text(report.title or report.ruleset, 200)
    names = [f"{wording.SYMBOLS[verdict]} {verdict.value}" for verdict in wording.ORDER]
    numbers = [f"**{number}**" if number else "0" for _, number in wording.counted(report.counts)]
    return "\n".join(
        [
            f"### {wording.SYMBOLS[report.verdict]} Audit {wording.word(report.verdict)}: {title}",
            "",
            f"{_text(report.sentence)} {_text(wording.ending(report))}",
            "",
            _row(names),
            _row([":---:"] * len(names)),
            _row(numbers),
        ]
    )


def _table(findings: list[Finding]) -> str:
    rows = [_row(["verdict", "rule", "claim", "measured", "limit"]), _row(["---"] * 5)]
    shown = [_cells(finding, result) for finding in findings for result in _deciding(finding)]
    rows += [_row(each) for each in shown[:_MOST_ROWS]]
    if len(shown) > _MOST_ROWS:
        rows.append(_row([f"… and {len(shown) - _MOST_ROWS} more", "", "", "", ""]))
    return "\n".join(rows)


def _deciding(finding: Finding) -> list[Result | None]:
    """The claims that share the rule's verdict; one blank where there is none."""
    alike = [each for each in finding.results if each.verdict is finding.verdict]
    return [*alike[:_MOST_CLAIMS]] or [None]


def _cells(finding: Finding, result: Result | None) -> list[str]:
    verdict = f"{wording.SYMBOLS[finding.verdict]} {wording.word(finding.verdict)}"
    verdict += ", blocking" if finding.blocking else ""
    rule = f"**{_text(finding.rule, 80)}**"
    if finding.change is not None:
        rule += f" ({wording.CHANGES[finding.change]})"
    if result is None:
        return [verdict, rule, "", "not measured", ""]
    return [
        verdict,
        rule,
        _text(wording.short_claim(result), 120),
        _text(wording.interval(result)),
        _text(wording.limit(finding, result)),
    ]


def _folded(finding: Finding) -> str:
    title = f" — {_inert(finding.title, 120)}" if finding.title else ""
    head = (
        f"{wording.SYMBOLS[finding.verdict]} {wording.word(finding.verdict)} <b>{_inert(finding.rule, 80)}</b>{title}"
    )
    return f"<details><summary>{head}</summary>\n\n{_details(finding)}\n\n</details>"


def _details(finding: Finding) -> str:
    lines = [_text(finding.sentence), "", f"*{_text(wording.kind(finding))}*", ""]
    results = wording.ranked_results(finding)
    lines += [f"- {_claim(finding, each)}" for each in results[:_MOST_CLAIMS]]
    lines += [f"- … and {len(results) - _MOST_CLAIMS} claims more"] if len(results) > _MOST_CLAIMS else []
    for name, text in (("Why", finding.rationale), ("Cure", finding.remediation)):
        lines += [f"- **{name}:** {_text(text)}"] if text else []
    return "\n".join(lines)


def _claim(finding: Finding, result: Result) -> str:
    told = [
        f"{wording.word(result.verdict)} {wording.claim(result)}: {wording.interval(result)}, "
        f"limit {wording.limit(finding, result)} ({wording.sample(result)})",
        *wording.caveats(result, finding),
    ]
    if result.witnesses:
        told.append("neurons " + ", ".join(each.neuron for each in result.witnesses))
    if result.pairs:
        told.append(f"{sum(each.flipped for each in result.pairs)} of {len(result.pairs)} pairs kept flip")
    return _text("; ".join(told))


def _groups(report: Report) -> Iterable[str]:
    for verdict in wording.ORDER[2:]:
        found = [each for each in report.findings if each.verdict is verdict]
        items = [f"**{_text(each.rule, 80)}** {_text(each.sentence)}" for each in found]
        if items:
            yield _list(f"{wording.SYMBOLS[verdict]} {_HEADINGS[verdict]} ({len(items)})", items)
    groups = (
        ("Fixed since the baseline", [_text(each) for each in report.fixed]),
        ("Waivers", [_waiver(each) for each in report.waivers]),
        ("Controls of the audit", [_control(each) for each in report.controls]),
        ("What this audit cannot say", [_text(each) for each in report.limitations]),
    )
    yield from (_list(name, items) for name, items in groups if items)


def _list(title: str, items: list[str]) -> str:
    lines = [f"- {each}" for each in items[:_MOST_ROWS]]
    lines += [f"- … and {len(items) - _MOST_ROWS} more"] if len(items) > _MOST_ROWS else []
    return f"<details><summary>{title}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"


def _waiver(waiver: AppliedWaiver) -> str:
    left = f"{wording.plural(waiver.days_left, 'day')} left" if waiver.days_left >= 0 else "expired"
    told = f"{waiver.id} for {waiver.rule}, {waiver.state}, until {waiver.expires} ({left}): {waiver.reason}"
    return _text(f"{told} Approved by {waiver.approved_by}, {waiver.ticket}. {waiver.note}")


def _control(control: Control) -> str:
    verdict, state = wording.control_state(control)
    return f"{wording.SYMBOLS[verdict]} {state}: {_text(f'{control.kind} {control.name}: {control.sentence}')}"


def _provenance(report: Report) -> str:
    source = report.provenance
    digests = (
        ("rulebook", source.rulebook_digest),
        ("subject", source.subject_digest),
        ("probe set", source.probe_set_digest),
        ("index", source.index_digest),
    )
    named = ", ".join(f"{name} {wording.digest(value)}" for name, value in digests)
    ruleset, signer = f"{report.ruleset} {report.ruleset_version}", source.signer or "nobody"
    return f"{source.tool} · {ruleset} · {source.subject} · {named} · signed by {signer}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _inert(text: str, longest: int = _LONGEST) -> str:
    """One line, safe in HTML, that names nobody and links no issue."""
    line = wording.one_line(text)
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?<![\w.])@(?=\w)|#(?=\d)", lambda found: f"{found[0]}\u200b", line)


def _text(text: str, longest: int = _LONGEST) -> str:
    """The same where Markdown is read: nothing of it is markup."""
    line = re.sub(r"([\\`*_{}\[\]#|~$])", r"\\\1", _inert(text, longest))
    return re.sub(r"^(?=[-+=])|^(\d+)(?=[.)](?:\s|$))", r"\1\\", line)
