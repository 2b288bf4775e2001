"""Findings in words: the number that decides, its bounds, the limit."""

from lens_server.audit.rulebook import Rule
from lens_server.report import Result, Verdict

_WHAT = {
    "encoded": "{concept}: share of neurons that encode it",
    "relevance_share": "{concept}: share of the relevance for {of} in neurons that encode it",
    "contrast_effect": "{concept}: change of the {of} margin where it is present, all else equal, in σ",
    "ablation_effect": "{concept}: change of the {of} margin when its neurons are silenced, beyond random ones, in σ",
    "intervention_effect": "{concept}: change of the {of} margin from pasting it, in σ",
    "flip_rate": "{concept}: share of {of} decisions that pasting it turns, beyond a plain patch",
}
_SAID = {
    Verdict.PASS: "kept",
    Verdict.FAIL: "broken",
    Verdict.INCONCLUSIVE: "undecided",
    Verdict.NOT_ASSESSABLE: "not assessable",
    Verdict.WAIVED: "waived",
}


def sentence_of(rule: Rule, verdict: Verdict, results: tuple[Result, ...], because: str) -> str:
    """What a finding says in one sentence; `because` is why a declared rule is not assessable."""
    if rule.type == "declare":
        return f"Declared, not tested: {because}."
    if not results:
        return "Nothing was measured."
    first, others = results[0], len(results) - 1
    more = sum(each.verdict is first.verdict for each in results[1:])
    also = f" ({more} more of {others} likewise)" if more else ""
    return f"{claim_in_words(rule, first)}: {_SAID[verdict]}{also}."


def claim_in_words(rule: Rule, result: Result) -> str:
    """One result: what was measured, the number, its bounds, the limit."""
    what = _what(rule, result)
    if result.estimate is None:
        return f"{what}: not measured ({result.note})"
    number = f"{result.estimate:.3g}"
    if result.error and result.lower is not None and result.upper is not None:
        number += f" (between {result.lower:.3g} and {result.upper:.3g})"
    name, limit = rule.bound
    asked = {"min": "at least", "max": "at most", "max_increase": "at most", "max_ratio": "at most"}[name]
    words = f"{what}: {number}, {asked} {limit:g} {'required' if name == 'min' else 'allowed'}"
    return f"{words}; {result.note}" if result.note else words


def _what(rule: Rule, result: Result) -> str:
    concept, of = " + ".join(result.concepts), result.class_name or ""
    if rule.type == "unexplained":
        return f"share of the relevance for {of} in neurons that no listed concept explains"
    if rule.max_ratio is not None:
        return f"relevance for {of} of all spurious concepts over that of {concept}"
    assert rule.measure is not None
    what = _WHAT[rule.measure].format(concept=concept, of=of)
    return f"{what}, increase against the baseline" if rule.type == "compare" else what
