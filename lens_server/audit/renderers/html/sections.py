"""What stands around the rules: banner, declarations, baseline, waivers, controls, concepts, limitations."""

from collections.abc import Iterable

from lens_server.audit.renderers import wording
from lens_server.audit.renderers.html.rules import badge, tone, waiver
from lens_server.markup import Html, element, lines, named
from lens_server.report import Change, ConceptReport, Control, Report

_COUNTED = ("failed", "inconclusive", "not assessable", "waived", "passed")


def banner(report: Report) -> Html:
    """The verdict, why, the five counts, and what was audited."""
    counts = [
        element("li", element("b", f"{number}"), f" {name}", class_=tone(verdict) if number else None)
        for (verdict, number), name in zip(wording.counted(report.counts), _COUNTED, strict=True)
    ]
    facts = [
        named("Subject", report.provenance.subject),
        named("Rulebook", f"{report.ruleset} {report.ruleset_version}"),
        named("Probe set", f"{report.provenance.probe_set}, {wording.plural(report.provenance.samples, 'image')}"),
        named("Intended use", report.intended_use) if report.intended_use else None,
        named("Owner", report.owner) if report.owner else None,
        named("Finished", report.provenance.finished),
    ]
    title = element("h1", badge(report.verdict), " ", report.title or report.ruleset)
    return element(
        "header",
        lines(
            title,
            element("p", report.sentence, class_="sentence"),
            element("ul", *counts, class_="counts"),
            element("p", wording.ending(report), class_="soft"),
            element("dl", *facts, class_="facts"),
        ),
        class_=f"banner {tone(report.verdict)}",
    )


def declared(report: Report) -> Html | None:
    """The lines on what was never assessed; always printed, before anything that passed."""
    return _texts("Declared", report.declared, "declared")


def warnings(report: Report) -> Html | None:
    """What the audit warns of."""
    return _texts("Warnings", report.warnings, "warnings")


def distrust(report: Report) -> Html | None:
    """Failed controls, told before any rule: they speak against the whole audit."""
    failed = [each.sentence for each in wording.failed_controls(report)]
    return _texts("✗ Controls failed: do not rely on this audit", failed, "distrust")


def limitations(report: Report) -> Html | None:
    """What an audit of this kind cannot say."""
    return _texts("What this audit cannot say", report.limitations, "limitations")


def baseline(report: Report) -> Html:
    """How the rules changed against the previous audit."""
    changed = [each for each in report.findings if each.change is not None]
    if not changed and not report.fixed:
        told: list[Html] = [element("p", "No baseline was given, so nothing is said of change.", class_="soft")]
    else:
        rows = []
        for change in (Change.NEW, Change.WORSE, Change.FIXED, Change.UNCHANGED):
            names = [each.rule for each in changed if each.change is change]
            names += [each for each in report.fixed if change is Change.FIXED and each not in names]
            rows.append(named(f"{change.value} ({len(names)})", ", ".join(names) or "none"))
        told = [element("dl", *rows, class_="facts")]
    return _section("Against the baseline", told)


def controls(report: Report) -> Html:
    """The checks of the audit itself."""
    told = "Placebo concepts must not be flagged, a planted overlay must be, and a concept must be one that is seen."
    items = [_control(each) for each in report.controls]
    listed = element("ul", lines(*items), class_="plain") if items else element("p", "No control was run.")
    return _section("Controls of the audit", [element("p", told, class_="soft"), listed])


def _control(control: Control) -> Html:
    verdict, word = wording.control_state(control)
    symbol = element("span", wording.SYMBOLS[verdict], aria_hidden="true")
    mark = element("span", symbol, f" {word}", class_=f"badge {tone(verdict)}")
    name = element("span", f"{control.kind} · {control.name}", class_="soft")
    return element("li", mark, element("span", control.sentence, " ", name))


def concepts(report: Report) -> Html | None:
    """Every concept: whether it can be seen, how often it is there, how many neurons are flagged for it."""
    if not report.concepts:
        return None
    ordered = sorted(report.concepts, key=lambda each: each.assessable)
    items = element("ul", lines(*(_concept(each) for each in ordered)), class_="concepts")
    return _section("Concepts", [items])


def _concept(concept: ConceptReport) -> Html:
    seen = "assessable" if concept.assessable else "not assessable"
    facts = [
        named("Why not" if not concept.assessable else "Note", concept.because) if concept.because else None,
        named("It would need", concept.needs) if concept.needs else None,
        named("Seen", f"AUROC {wording.number(concept.competence)} on {concept.controls or 'control images'}")
        if concept.competence is not None
        else None,
        named("Presence", f"{concept.presence}: {concept.present:,} with, {concept.absent:,} without")
        if concept.presence
        else None,
        named("Flagged", wording.plural(concept.flagged, "neuron")) if concept.assessable else None,
        named("Words", "; ".join(concept.probe_words)) if concept.probe_words else None,
    ]
    head = element("h3", concept.id, " ", element("span", f"{concept.kind} · {seen}", class_="soft"))
    return element("li", head, element("dl", *facts), class_=None if concept.assessable else "is-not-assessable")


def waivers(report: Report) -> Html | None:
    """Every waiver given, those that no longer count too."""
    return _section("Waivers", [waiver(each) for each in report.waivers]) if report.waivers else None


def _texts(title: str, texts: Iterable[str], name: str) -> Html | None:
    items = [element("li", each) for each in texts]
    return _section(title, [element("ul", lines(*items))], name) if items else None


def _section(title: str, parts: Iterable[Html], name: str | None = None) -> Html:
    return element("section", lines(element("h2", title), *parts), class_=name)
