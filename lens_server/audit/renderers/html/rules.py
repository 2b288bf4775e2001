"""The rules: at a glance, then each with its sentence, numbers against their limits, evidence and waiver."""

import re

from lens_server.audit.renderers import wording
from lens_server.audit.renderers.html import plots
from lens_server.audit.renderers.html.evidence import evidence
from lens_server.audit.renderers.html.pictures import Pictures
from lens_server.markup import Html, element, joined, lines, named
from lens_server.report import AppliedWaiver, Finding, Report, Result, Verdict

HEADINGS = {
    Verdict.FAIL: "Failed",
    Verdict.INCONCLUSIVE: "Inconclusive",
    Verdict.NOT_ASSESSABLE: "Not assessable",
    Verdict.WAIVED: "Waived",
    Verdict.PASS: "Passed",
}

TIERS = {
    1: "tier 1: alignment, from the index alone",
    2: "tier 2: reliance, by attribution or contrast",
    3: "tier 3: intervention on the image or the model",
}


def badge(verdict: Verdict) -> Html:
    """The verdict's symbol and word; the colour only repeats them."""
    symbol = element("span", wording.SYMBOLS[verdict], aria_hidden="true")
    return element("span", symbol, " ", wording.word(verdict), class_=f"badge {tone(verdict)}")


def tone(verdict: Verdict) -> str:
    """The class that colours a verdict."""
    return "is-" + verdict.value.replace(" ", "-")


def glance(report: Report) -> Html:
    """Every rule on a line, the worst first, linked to its section."""
    items = [element("li", _line(each)) for each in wording.ranked(report.findings)]
    if not items:
        return element("p", "No rule was evaluated.", class_="soft")
    heading = element("h2", "Rules at a glance", id="glance")
    listed = element("ol", lines(*items), class_="glance")
    return element("nav", lines(heading, listed, plots.key()), aria_labelledby="glance")


def _line(finding: Finding) -> Html:
    deciding = wording.ranked_results(finding)[:1]
    figures = [f"{wording.interval(each)}, limit {wording.limit(finding, each)}" for each in deciding]
    weight = "blocking" if finding.blocking else "not blocking"
    return joined(
        [
            badge(finding.verdict),
            element(
                "span",
                element("a", finding.rule, href=f"#{_anchor(finding)}"),
                " ",
                element("span", finding.title, class_="soft") if finding.title else None,
                class_="name",
            ),
            element("span", *figures, class_="figures"),
            element("span", f"{weight} · {finding.severity.value}", class_="soft weight"),
        ]
    )


def groups(report: Report, pictures: Pictures) -> Html:
    """A section for each verdict that some rule has; what was not assessed stands above what passed."""
    waivers = {each.id: each for each in report.waivers}
    sections = []
    for verdict in wording.ORDER:
        found = [each for each in wording.ranked(report.findings) if each.verdict is verdict]
        if found:
            heading = element("h2", f"{HEADINGS[verdict]} ", element("span", f"({len(found)})", class_="soft"))
            rules = [_rule(each, waivers, pictures) for each in found]
            sections.append(element("section", lines(heading, *rules), class_=tone(verdict)))
    return lines(*sections)


def _rule(finding: Finding, waivers: dict[str, AppliedWaiver], pictures: Pictures) -> Html:
    title = element("span", finding.title, class_="title") if finding.title else None
    head = element("h3", badge(finding.verdict), " ", element("span", finding.rule, class_="rule"), " ", title)
    parts = [
        head,
        element("p", finding.sentence, class_="sentence"),
        element("p", _kind(finding), class_="soft"),
        *(waiver(waivers[each]) for each in finding.waivers if each in waivers),
        _claims(finding),
        _reasons(finding),
        evidence(finding, pictures),
    ]
    return element("article", lines(*parts), id=_anchor(finding), class_=f"rule-card {tone(finding.verdict)}")


def _kind(finding: Finding) -> str:
    parts = ["blocking" if finding.blocking else "not blocking", f"severity {finding.severity.value}"]
    parts.append(" ".join(each for each in (finding.type, finding.measure) if each))
    if finding.tier is not None:
        parts.append(TIERS.get(finding.tier, f"tier {finding.tier}"))
    if finding.change is not None:
        parts.append(wording.CHANGES[finding.change])
    if finding.line > 0:
        parts.append(f"line {finding.line} of the rulebook")
    return " · ".join(parts)


def _claims(finding: Finding) -> Html | None:
    on = plots.scale(finding)
    items = [_claim(finding, each, on) for each in wording.ranked_results(finding)]
    return element("ul", lines(*items), class_="claims") if items else None


def _claim(finding: Finding, result: Result, on: plots.Scale) -> Html:
    caveats = wording.caveats(result, finding)
    told = [element("span", each, class_="caveat") for each in caveats]
    return element(
        "li",
        element(
            "div",
            badge(result.verdict),
            element("b", wording.claim(result), class_="claim"),
            element("span", wording.sample(result), class_="soft"),
            *told,
            class_="about",
        ),
        plots.interval(finding, result, on),
        element(
            "div",
            element("b", wording.estimate(result)),
            element("span", wording.bounds(result)),
            element("span", f"limit {wording.limit(finding, result)}", class_="soft"),
            class_="figures",
        ),
        class_=tone(result.verdict),
    )


def _reasons(finding: Finding) -> Html | None:
    given = [
        named("Why", finding.rationale) if finding.rationale else None,
        named("Cure", finding.remediation) if finding.remediation else None,
        named("References", "; ".join(finding.references)) if finding.references else None,
    ]
    kept = [each for each in given if each is not None]
    return element("dl", *kept, class_="reasons") if kept else None


def waiver(given: AppliedWaiver) -> Html:
    """A waiver: whose, why, until when, and what became of it."""
    left = f"{wording.plural(given.days_left, 'day')} left"
    if given.days_left < 0:
        left = f"expired {wording.plural(-given.days_left, 'day')} ago"
    symbol = element("span", wording.SYMBOLS[Verdict.WAIVED], aria_hidden="true")
    head = element("p", symbol, " ", element("b", f"Waiver {given.id}"), f" · {given.state} · ", element("b", left))
    body = element("p", given.reason, " ", given.note)
    foot = element(
        "p",
        f"Rule {given.rule} · approved by {given.approved_by} · {given.ticket} · expires {given.expires}",
        class_="soft",
    )
    return element("div", head, body, foot, class_="waiver is-waived")


def _anchor(finding: Finding) -> str:
    return "rule-" + re.sub(r"[^A-Za-z0-9_.-]", "-", finding.rule)
