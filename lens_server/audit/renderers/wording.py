"""What every drawing of a report says alike: verdict words, the order of rules, numbers, limits, exit statuses."""

import math
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace

from lens_server.report import Change, Control, Counts, Finding, Report, Result, Severity, Verdict

ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE, Verdict.WAIVED, Verdict.PASS)
"""The worst first; what was not assessed stands above what passed."""

SYMBOLS = {
    Verdict.FAIL: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_ASSESSABLE: "–",
    Verdict.WAIVED: "⚑",
    Verdict.PASS: "✓",
}

CHANGES = {
    Change.NEW: "new since the baseline",
    Change.UNCHANGED: "as in the baseline",
    Change.FIXED: "fixed since the baseline",
    Change.WORSE: "worse than the baseline",
}

ENDINGS = {
    0: "every blocking rule passed or is waived",
    1: "at least one blocking rule failed",
    2: "bad input",
    3: "no blocking rule failed, but one is inconclusive or not assessable, or a control failed",
    4: "what took part is not what it should be",
    5: "nothing was evaluated",
}

_SEVERITIES = tuple(Severity)
_SIGNED = frozenset({"contrast_effect", "intervention_effect"})
_MOST_NAMED = 3
_UNITS = {"max_ratio": " (ratio)", "max_increase": " more than the baseline"}
# Controls, halves of characters, what reverses the reading direction, and what no encoding carries.
_ILLEGIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def legible(report: Report) -> Report:
    """The same report, with every character that cannot be shown replaced by U+FFFD."""
    shown = _legible(report)
    assert isinstance(shown, Report)
    return shown


def _legible(value: object) -> object:
    if isinstance(value, str):
        return _ILLEGIBLE.sub("\ufffd", value.replace("\r\n", "\n").replace("\r", "\n"))
    if isinstance(value, tuple):
        return tuple(_legible(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _legible(getattr(value, each.name)) for each in fields(value)})
    return value


def one_line(text: str) -> str:
    """Without line breaks and runs of spaces."""
    return " ".join(text.split())


def word(verdict: Verdict) -> str:
    """The verdict as it is printed, e.g. NOT ASSESSABLE."""
    return verdict.value.upper()


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first: by verdict, then blocking ones, then by severity, then as in the rulebook."""
    return sorted(
        findings,
        key=lambda each: (ORDER.index(each.verdict), not each.blocking, _SEVERITIES.index(each.severity)),
    )


def ranked_results(finding: Finding) -> list[Result]:
    """The claims of a rule, the worst first, else as reported: the deciding one first."""
    return sorted(finding.results, key=lambda each: ORDER.index(each.verdict))


def counted(counts: Counts) -> tuple[tuple[Verdict, int], ...]:
    """The five counts in the order of `ORDER`."""
    numbers = (counts.failed, counts.inconclusive, counts.not_assessable, counts.waived, counts.passed)
    return tuple(zip(ORDER, numbers, strict=True))


def counts_line(counts: Counts) -> str:
    """`1 failed · 0 inconclusive · …`."""
    words = ("failed", "inconclusive", "not assessable", "waived", "passed")
    return " · ".join(f"{number} {name}" for (_, number), name in zip(counted(counts), words, strict=True))


def plural(number: int, one: str, many: str = "") -> str:
    """`1 image`, `2,400 images`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def number(value: float | None, digits: int = 3) -> str:
    """A measured number, `not measured` without one; a true minus sign."""
    if value is None:
        return "not measured"
    rounded = round(value, digits) + 0.0
    if rounded == 0 and value != 0 and digits < 9:
        return f"{value:.1e}".replace("-", "−", 1 if value < 0 else 0)
    return f"{rounded:.{digits}f}".replace("-", "−")


def digits(result: Result) -> int:
    """Decimals at which rounding hides neither side of the limit."""
    given = [
        each for each in (result.estimate, result.lower, result.upper) if each is not None and each != result.limit
    ]
    for places in range(3, 9):
        if all(round(each, places) != round(result.limit, places) for each in given):
            return places
    return 9


def interval(result: Result) -> str:
    """`0.412 [0.341, 0.480]`; the bounds are left out where they are the number itself."""
    return f"{estimate(result)} {bounds(result)}".rstrip()


def estimate(result: Result) -> str:
    """The number alone, `not measured` where there is none."""
    return number(result.estimate, digits(result))


def bounds(result: Result) -> str:
    """`[0.341, 0.480]`; empty where there are none, or where they are the number itself."""
    if result.lower is None or result.upper is None or result.lower == result.upper == result.estimate:
        return ""
    places = digits(result)
    return f"[{number(result.lower, places)}, {number(result.upper, places)}]"


def forbidden(finding: Finding, result: Result) -> tuple[tuple[float, float], ...]:
    """Where the measured number breaks the rule, from the low end on; the number keeps its sign, the limit has none."""
    far, near = result.limit, -result.limit
    least = finding.bound == "min"
    if result.direction == "against":
        return ((near, math.inf),) if least else ((-math.inf, near),)
    if _two_sided(finding, result):
        return ((near, far),) if least else ((-math.inf, near), (far, math.inf))
    return ((-math.inf, far),) if least else ((far, math.inf),)


def _two_sided(finding: Finding, result: Result) -> bool:
    """Whether the size is judged and not the sign; of shares only where one lies far enough below zero to matter."""
    below = result.lower is not None and result.lower < -result.limit
    return result.direction == "either" and (finding.measure in _SIGNED or below)


def limit(finding: Finding, result: Result) -> str:
    """`≤ 0.100`, `within ±0.300`, with what it is a limit of where that is not the number itself."""
    shown = exact(result.limit, result)
    if result.direction != "against" and _two_sided(finding, result):
        return f"beyond ±{shown}" if finding.bound == "min" else f"within ±{shown}"
    relation = "≥" if finding.bound == "min" else "≤"
    if result.direction == "against":
        relation, shown = ("≥" if relation == "≤" else "≤"), exact(-result.limit, result)
    return f"{relation} {shown}{_UNITS.get(finding.bound, '')}"


def exact(value: float, result: Result) -> str:
    """A limit with the decimals of what is held against it."""
    return f"{value + 0.0:.{digits(result)}f}".replace("-", "−")


def claim(result: Result) -> str:
    """What a result is about: `patch → melanoma`, `hair + patch`."""
    return _claim(" + ".join(result.concepts), result)


def short_claim(result: Result) -> str:
    """The same, where many concepts are summed: `hair and 6 more → melanoma`."""
    if len(result.concepts) <= _MOST_NAMED:
        return claim(result)
    return _claim(f"{result.concepts[0]} and {len(result.concepts) - 1} more", result)


def _claim(concepts: str, result: Result) -> str:
    named = concepts or "all relevance"
    return named if result.class_name is None else f"{named} → {result.class_name}"


def sample(result: Result) -> str:
    """What a result rests on."""
    counts = [f"{result.present:,} with"] if result.present else []
    counts += [f"{result.absent:,} without"] if result.absent else []
    counts += [plural(result.groups, "group")] if result.groups else []
    return "; ".join(each for each in (result.evidence, ", ".join(counts)) if each)


def kind(finding: Finding) -> str:
    """`blocking · critical · forbid flip_rate · tier 3 · new since the baseline`."""
    parts = ["blocking" if finding.blocking else "not blocking", finding.severity.value]
    parts.append(f"{finding.type} {finding.measure}" if finding.measure else finding.type)
    if finding.tier is not None:
        parts.append(f"tier {finding.tier}")
    if finding.change is not None:
        parts.append(CHANGES[finding.change])
    return " · ".join(parts)


def caveats(result: Result, finding: Finding) -> list[str]:
    """What else is to be known of a claim: its note, direction, confirmation, baseline, waiver."""
    found = [one_line(result.note)] if result.note else []
    if result.direction != "either" and result.class_name is not None:
        found.append(f"judged {result.direction} the class")
    if result.smallest_excluded is not None:
        found.append(f"smallest effect these images could have excluded: {number(result.smallest_excluded)}")
    if (confirmed := result.confirmation) is not None:
        bounds = ""
        if confirmed.lower is not None and confirmed.upper is not None:
            bounds = f" [{number(confirmed.lower)}, {number(confirmed.upper)}]"
        figure = "" if confirmed.estimate is None else f": {number(confirmed.estimate)}{bounds}"
        found.append(f"{confirmed.outcome} by {confirmed.measure}{figure}")
    if result.baseline is not None:
        change = "" if result.change is None or result.change is finding.change else f", {CHANGES[result.change]}"
        found.append(f"baseline {number(result.baseline, digits(result))}{change}")
    if result.waiver is not None:
        found.append(f"waiver {result.waiver}")
    return found


def ending(report: Report) -> str:
    """How the process ends and why."""
    said = f"Exit status {report.exit_status}: {ENDINGS.get(report.exit_status, 'internal error')}."
    if report.warn_only and report.exit_status in (1, 3):
        said += " The process ends with 0, because the audit was only to warn; the verdict stands."
    return said


def failed_controls(report: Report) -> list[Control]:
    """The controls that speak against the audit; a concept that cannot be seen is not assessable, no failure of it."""
    return [each for each in report.controls if each.passed is False and each.kind != "competence"]


def control_state(control: Control) -> tuple[Verdict, str]:
    """What became of a control: the verdict whose symbol stands for it, and its word."""
    if control.passed is None:
        return Verdict.NOT_ASSESSABLE, "not run"
    if control.passed:
        return Verdict.PASS, "passed"
    return (Verdict.NOT_ASSESSABLE, "not seen") if control.kind == "competence" else (Verdict.FAIL, "FAILED")


def digest(value: str) -> str:
    """The first twelve digits, enough to tell two apart."""
    return value[:12] if value else "none"
