"""From bounds to verdicts, and from verdicts to the end of the process. Pure; nothing here knows a model."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from lens_server.audit.statistics import Estimate
from lens_server.report import Control, Finding, Verdict

PASSED, FAILED, UNCLEAR, UNTRUSTED, NOTHING = 0, 1, 3, 4, 5
"""Exit statuses of a finished audit; 2 is bad input and 70 an internal error."""


class Magnitude(NamedTuple):
    """What is held against a limit: the effect in the direction that the rule judges."""

    value: float
    lower: float
    upper: float


def magnitude(estimate: Estimate, level: float, direction: str) -> Magnitude:
    """The effect `for` a class, `against` it, or its size either way, with bounds at this level."""
    value = {"for": estimate.value, "against": -estimate.value}.get(direction, abs(estimate.value))
    return Magnitude(value, *directed(*estimate.bounds(level), direction))


def directed(lower: float, upper: float, direction: str) -> tuple[float, float]:
    """Bounds of a signed effect as bounds of what is held against a limit."""
    if direction == "for":
        return lower, upper
    return (-upper, -lower) if direction == "against" else (max(0.0, lower, -upper), max(upper, -lower))


def decisive_p(estimate: Estimate, limit: float, direction: str) -> float:
    """p of the side of the limit that the estimate lies on; what the correction over claims sorts by."""
    if direction == "against":
        return estimate.beyond(-limit)
    if direction == "for":
        return estimate.beyond(limit)
    if abs(estimate.value) < limit:  # within both limits
        return max(estimate.beyond(limit), estimate.beyond(-limit))
    return estimate.beyond(math.copysign(limit, estimate.value))


def at_least(found: Magnitude, limit: float) -> Verdict:
    """`require`: pass when surely at least the limit, fail when surely less."""
    if found.lower >= limit:
        return Verdict.PASS
    return Verdict.FAIL if found.upper < limit else Verdict.INCONCLUSIVE


def at_most(found: Magnitude, limit: float) -> Verdict:
    """`forbid`, `limit`, `compare`, `unexplained`: pass when surely at most the limit, fail when surely more."""
    if found.upper <= limit:
        return Verdict.PASS
    return Verdict.FAIL if found.lower > limit else Verdict.INCONCLUSIVE


def of_claims(verdicts: Iterable[Verdict], aggregate: str) -> Verdict:
    """A rule's verdict from those of its claims.

    `any` (and `max`, `sum`): one failing claim fails the rule. `all`: it fails when every assessable claim does. It
    passes only when every claim passes; when none can be assessed neither can the rule.
    """
    seen = list(verdicts)
    judged = {each for each in seen if each is not Verdict.NOT_ASSESSABLE}
    if not judged:
        return Verdict.NOT_ASSESSABLE
    if Verdict.FAIL in judged and (aggregate != "all" or judged == {Verdict.FAIL}):
        return Verdict.FAIL
    if Verdict.INCONCLUSIVE in judged or Verdict.NOT_ASSESSABLE in seen:
        return Verdict.INCONCLUSIVE
    return Verdict.WAIVED if Verdict.WAIVED in judged else Verdict.PASS


def exit_status(findings: Iterable[Finding], controls: Iterable[Control]) -> int:
    """0 blocking rules kept or waived, 1 one broken, 3 one unclear that must not be, or a control failed, 5 nothing.

    A blocking rule that cannot be assessed counts as unclear: absence of evidence is no pass. What the foundation model
    cannot see makes concepts not assessable; it is no failed control of the audit.
    """
    found = list(findings)
    if all(each.verdict is Verdict.NOT_ASSESSABLE for each in found):
        return NOTHING
    blocking = [each for each in found if each.blocking]
    if any(each.verdict is Verdict.FAIL for each in blocking):
        return FAILED
    open_ended = (Verdict.INCONCLUSIVE, Verdict.NOT_ASSESSABLE)
    unclear = any(each.verdict in open_ended and each.on_inconclusive == "fail" for each in blocking)
    failed = any(each.passed is False and each.kind != "competence" for each in controls)
    return UNCLEAR if unclear or failed else PASSED


def overall(status: int) -> Verdict:
    """The verdict that an exit status stands for."""
    return {PASSED: Verdict.PASS, FAILED: Verdict.FAIL, NOTHING: Verdict.NOT_ASSESSABLE}.get(
        status, Verdict.INCONCLUSIVE
    )
