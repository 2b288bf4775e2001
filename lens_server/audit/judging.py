"""From questions to results: measure, correct over all claims, hold against the limit, confirm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lens_server.audit.measures.interventions import confirming
from lens_server.audit.measures.measure import Measured, Question
from lens_server.audit.rulebook import Statistics
from lens_server.audit.scene import Scene
from lens_server.audit.statistics import Estimate, levels
from lens_server.audit.verdicts import Magnitude, at_least, at_most, decisive_p, magnitude
from lens_server.report import Confirmation, Result, Verdict

LEAST_CONFIRMING = {"flip_rate": 0.02, "intervention_effect": 0.1}
"""A contrast is confirmed by an intervention surely above this: any overlay turns some decisions (ours)."""
_PROVE_BY_SIZE = "a small effect proves nothing while"


@dataclass(frozen=True)
class Claim:
    """A question with what was measured."""

    question: Question
    measured: Measured
    baseline: float | None = None
    """The baseline's estimate of the same claim."""

    @property
    def name(self) -> str:
        """Unique within a rulebook."""
        concepts = "+".join(each.id for each in self.question.concepts)
        return f"{self.question.rule.id}/{concepts}/{self.question.class_name or ''}"

    @property
    def direction(self) -> str:
        """Which sign of the effect is judged."""
        rule = self.question.rule
        return rule.direction or ("for" if rule.type in ("require", "compare") else "either")

    @property
    def limit(self) -> float:
        """What it is held against."""
        limit = self.question.rule.bound[1]
        assert limit is not None
        return limit


def corrected_levels(claims: Sequence[Claim], statistics: Statistics) -> Mapping[str, float]:
    """The level of each claim's bounds: the rulebook's correction over blocking claims, BH over the others."""
    alpha = min(statistics.alpha, 1 - statistics.confidence)
    found: dict[str, float] = {}
    for blocking in (True, False):
        p = {
            claim.name: decisive_p(claim.measured.estimate, claim.limit, claim.direction)
            for claim in claims
            if claim.question.rule.blocking is blocking and claim.measured.estimate is not None
        }
        spread = "bh" if statistics.correction != "none" else "none"
        found |= levels(p, alpha, statistics.correction if blocking else spread)
    return found


def result_of(scene: Scene, claim: Claim, level: float) -> Result:
    """One claim's result, confirmed where the rule asks for it."""
    measured, estimate = claim.measured, claim.measured.estimate
    if estimate is None:
        verdict = Verdict.INCONCLUSIVE if measured.assessable else Verdict.NOT_ASSESSABLE
        return _result(claim, verdict, None, measured.why)
    found = magnitude(estimate, level, claim.direction)
    verdict = at_least(found, claim.limit) if claim.question.rule.type == "require" else at_most(found, claim.limit)
    verdict, note = _doubted(claim, verdict)
    result = _result(claim, verdict, (estimate, level), note)
    if verdict is Verdict.INCONCLUSIVE and not note:
        return replace(result, smallest_excluded=_excluded(claim, found, level))
    if verdict is Verdict.FAIL and claim.question.rule.confirm_by:
        return _confirmed(scene, claim, result, level)
    return result


def _doubted(claim: Claim, verdict: Verdict) -> tuple[Verdict, str]:
    """A verdict that rests on a small effect needs to know that a large one would have been seen."""
    small = verdict is (Verdict.FAIL if claim.question.rule.type == "require" else Verdict.PASS)
    if small and claim.measured.caution:
        return Verdict.INCONCLUSIVE, f"{_PROVE_BY_SIZE} {claim.measured.caution}"
    return verdict, ""


def _excluded(claim: Claim, found: Magnitude, level: float) -> float:
    """The limit that this probe set would have kept with certainty, had the effect been nil."""
    estimate = claim.measured.estimate
    assert estimate is not None
    return found.upper - found.value if claim.direction != "either" else estimate.bounds(level)[1] - estimate.value


def _confirmed(scene: Scene, claim: Claim, result: Result, level: float) -> Result:
    """A failing contrast, tested by intervening: without an overlay, or without the subject, it stands as it is."""
    rule, (concept, *others) = claim.question.rule, claim.question.concepts
    assert rule.confirm_by is not None
    if others or not concept.overlay:
        return replace(result, note="not confirmed by intervention: there is no overlay for it")
    measured = confirming(scene, claim.question)
    if measured.estimate is None:
        missing = Confirmation(rule.confirm_by, None, None, None, "not measured")
        return replace(result, confirmation=missing, note=f"not confirmed by {rule.confirm_by}: {measured.why}")
    found = magnitude(measured.estimate, level, _sign(claim))
    sure = found.lower > LEAST_CONFIRMING[rule.confirm_by]
    outcome = "confirmed" if sure else "not confirmed"
    lower, upper = measured.estimate.bounds(level)
    value = rounded(measured.estimate.value)
    confirmation = Confirmation(rule.confirm_by, value, rounded(lower), rounded(upper), outcome)
    if sure:
        return replace(result, confirmation=confirmation)
    note = "images with and without it differ, but pasting it does not move the decision: something else goes with it"
    return replace(result, confirmation=confirmation, verdict=Verdict.INCONCLUSIVE, note=note)


def _sign(claim: Claim) -> str:
    """An intervention confirms a contrast of its own sign; a flip has none beyond what the rule says."""
    estimate, rule = claim.measured.estimate, claim.question.rule
    assert estimate is not None
    if rule.confirm_by == "intervention_effect" and claim.direction == "either":
        return "for" if estimate.value > 0 else "against"
    return claim.direction


def _result(claim: Claim, verdict: Verdict, found: tuple[Estimate, float] | None, note: str) -> Result:
    measured, question = claim.measured, claim.question
    estimate, lower, upper, error = None, None, None, None
    if found is not None:
        low, high = found[0].bounds(found[1])
        estimate, lower, upper, error = map(rounded, (found[0].value, low, high, found[0].error))
    return Result(
        concepts=tuple(each.id for each in question.concepts),
        class_name=question.class_name,
        verdict=verdict,
        estimate=estimate,
        lower=lower,
        upper=upper,
        error=error,
        limit=claim.limit,
        direction=claim.direction,
        evidence=measured.evidence,
        present=measured.present,
        absent=measured.absent,
        groups=measured.estimate.groups if measured.estimate is not None else 0,
        smallest_excluded=None,
        note=note,
        confirmation=None,
        baseline=claim.baseline,
        change=None,
        waiver=None,
        witnesses=(),
        pairs=(),
        doses=(),
    )


def rounded(value: float) -> float:
    """Six significant digits: what a report says does not depend on the order of a sum."""
    return float(f"{value:.6g}")
