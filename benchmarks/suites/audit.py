"""The audit against nets whose faults are known: what it finds, what it wrongly alarms about, how it ends."""

import os
from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from benchmarks.fleet import asking, checks
from benchmarks.fleet.judging import IMAGES, Judged, each_claim, judge
from benchmarks.fleet.making import DEFAULT_WORK
from benchmarks.fleet.metrics import RECALL, Claim, auroc, precision_at_recall, rank_correlation, scored, share
from benchmarks.fleet.recipes import (
    CLEAN,
    CONFOUNDED,
    DIFFUSE,
    ENCODED,
    FLEETS,
    PROBES,
    REDUNDANT,
    SHUFFLED,
    SPURIOUS,
    STRENGTHS,
    UNTRAINED,
)
from benchmarks.fleet.training import weights_of
from benchmarks.fleet.truth import RELIES
from benchmarks.reporting import Report

HARD, ALARMS = 0.95, 0.05
"""Bars: least AUROC on the hard pairs, most false alarms on clean nets."""
DECIDING = (asking.FLIPS, asking.CONTRAST)
"""Scores that may block, and so have a bar."""
QUICK_IMAGES = 1400
MINUTES = 60
"""Bar: of two cores, for training, truth, indexes and audits."""


def measure(report: Report) -> None:
    """All nets, both probe sets; then what needs one net only."""
    fleet = FLEETS["committed" if report.quick else report.fleet]
    folder, images = report.work or DEFAULT_WORK, QUICK_IMAGES if report.quick else IMAGES
    made = [weights_of(fleet, each, folder).is_file() for each in fleet.members].count(False)
    judged = list(judge(fleet, folder, images))
    for probe in PROBES:
        _detection(report, judged, probe)
        _neurons(report, judged, probe)
        _clean(report, judged, probe)
        _exits(report, judged, probe)
    _random_weights(report, judged)
    _redundant(report, judged)
    _declared(report, judged)
    repeated = checks.repeats(fleet, folder, images)
    report.row("two audits of one net", f"audit.json {'the same' if repeated else 'differs'}", "the same", repeated)
    flagged, asked = checks.flagged_at_random(folder, images)
    report.row(
        "a subject that answers at random: neurons flagged",
        f"{flagged} of {asked:,} (neuron, concept) pairs",
        "≤ 5 %",
        flagged <= 0.05 * asked,
    )
    _spent(report, made, len(fleet.members))
    _notes(report, judged, fleet.pairs, images)


def _detection(report: Report, judged: list[Judged], probe: str) -> None:
    """A row a score: over all pairs, over the hard ones, and along the strengths."""
    claims = each_claim(judged, probe)
    hard = [each for each in claims if each.hard]
    graded = [each for each in claims if each.kind == SPURIOUS and each.planted]
    for score in asking.SCORES:
        everywhere, alone = (auroc(*scored(some, score)) for some in (claims, hard))
        precise = precision_at_recall(*scored(claims, score))
        unset = sum(each.scores[score] is None for each in claims)
        bar = score in DECIDING
        report.row(
            f"{score}, {probe}",
            f"AUROC **{_said(alone)}** on {len(hard)} hard pairs, {_said(everywhere)} on all {len(claims)}; precision "
            f"{_said(precise)} at {RECALL:.0%} recall; dose–response {_said(_graded(graded, score))}"
            + (f"; {unset} not assessable" if unset else ""),
            f"≥ {HARD} on hard pairs" if bar else "–",
            alone is not None and alone >= HARD if bar else None,
            hard=alone,
            all=everywhere,
            precision=precise,
            dose_response=_graded(graded, score),
        )


def _graded(claims: list[Claim], score: str) -> float | None:
    """Rank correlation of score and true flips over the planted cues of every strength."""
    _, values = scored(claims, score)
    return rank_correlation(values, np.array([each.flips for each in claims])) if claims else None


def _neurons(report: Report, judged: list[Judged], probe: str) -> None:
    """Of every cue truly relied on: are its neurons found?"""
    relied = [(each, name) for each in judged for name, flips in each.truth.flips.items() if flips >= RELIES]
    ways = {way: [each.answers[probe].neurons[way][name] for each, name in relied] for way in _ways(judged, probe)}
    found = "; ".join(f"{way} {_said(_mean(values))}" for way, values in ways.items())
    shown = _mean([each.answers[probe].witnesses[name] for each, name in relied])
    report.row(
        f"neurons that carry a cue, {probe}",
        f"AUROC, mean of {len(relied)} cues: {found}; of the neurons shown as evidence {_said(shown)} carry it",
        neurons={way: _mean(values) for way, values in ways.items()},
        witnesses=shown,
    )


def _ways(judged: list[Judged], probe: str) -> list[str]:
    return list(judged[0].answers[probe].neurons)


def _clean(report: Report, judged: list[Judged], probe: str) -> None:
    clean = [each for each in judged if each.member.kind == CLEAN]
    false = [alarm for each in clean for alarm in each.answers[probe].alarms.values()]
    rate = share(false) or 0.0
    report.row(
        f"false alarms on clean nets, {probe}",
        f"{sum(false)} of {len(false)} (net, artefact) pairs",
        f"≤ {ALARMS:.0%}",
        rate <= ALARMS,
        share=rate,
    )


def _exits(report: Report, judged: list[Judged], probe: str) -> None:
    """How the audit ends, by kind of net."""
    wanted: dict[str, Callable[[Judged], int | None]] = {
        "strong": lambda each: 1,
        ENCODED: lambda each: 0,
        CLEAN: lambda each: 0,
    }
    for kind in (CLEAN, ENCODED, *STRENGTHS, DIFFUSE, REDUNDANT, UNTRAINED, SHUFFLED):
        nets = [each for each in judged if kind in (each.member.kind, each.member.strength)]
        if not nets:
            continue
        ends = {each.member.name: each.answers[probe].exit_status for each in nets}
        counted = ", ".join(f"{list(ends.values()).count(end)} × {end}" for end in sorted(set(ends.values())))
        bar = wanted[kind](nets[0]) if kind in wanted else None
        what = f"{kind} cues" if kind in STRENGTHS else f"{kind} nets"
        failing = kind == CLEAN
        report.row(
            f"exit status, {what}, {probe}",
            counted,
            "–" if bar is None else "never 1" if failing else f"always {bar}",
            None if bar is None else all(end != 1 if failing else end == bar for end in ends.values()),
            exits=ends,
        )


def _random_weights(report: Report, judged: list[Judged]) -> None:
    """Verdicts on flips against the exact pairs: never a fail below the rule's limit, never a pass on true reliance."""
    nets = [each for each in judged if each.member.kind in (UNTRAINED, SHUFFLED)]
    verdicts = [
        (verdict, each.truth.flips[name])
        for each in nets
        for probe in PROBES
        for name, verdict in each.answers[probe].flips.items()
    ]
    wrong = sum(verdict == "fail" and flips < RELIES / 2 for verdict, flips in verdicts)
    wrong += sum(verdict == "pass" and flips >= RELIES for verdict, flips in verdicts)
    if verdicts:
        relied = sum(flips >= RELIES for _, flips in verdicts)
        said = f"{wrong} of {len(verdicts)} verdicts on flips against the pairs ({relied} truly relied on)"
        report.row("random weights", said, "0", wrong == 0)


def _redundant(report: Report, judged: list[Judged]) -> None:
    """Two valid signs that nearly always went together: in the truth, and in the verdicts that ask for them."""
    for kind in (CLEAN, REDUNDANT):
        nets = [each for each in judged if each.member.kind == kind]
        if nets:
            effects = {name: _mean([each.truth.valid[name] for each in nets]) for name in nets[0].truth.valid}
            rules = [rule for rule in nets[0].answers[PROBES[0]].blocking if rule.startswith(("A-", "B-"))]
            seen = [each.answers[probe].blocking[rule] for each in nets for probe in PROBES for rule in rules]
            said = ", ".join(f"{name} {_said(value)}" for name, value in effects.items())
            passed = f"{seen.count('pass')} of {len(seen)} rules that ask for them pass"
            report.row(f"asymmetry and border, {kind} nets", f"true effect in σ: {said}; {passed}", effects=effects)


def _spent(report: Report, made: int, nets: int) -> None:
    times = os.times()
    minutes = (times.user + times.system + times.children_user + times.children_system) / 60
    whole = made == nets
    report.row(
        "processor time",
        f"{minutes:.0f} min, {made} of {nets} nets trained in it",
        f"≤ {2 * MINUTES} min" if whole else "–",
        minutes <= 2 * MINUTES if whole else None,
        minutes=minutes,
        trained=made,
    )


def _declared(report: Report, judged: list[Judged]) -> None:
    kept = all(answer.declared_kept for each in judged for answer in each.answers.values())
    report.row("diameter and evolution", "never assessed" if kept else "assessed", "never assessed", kept)


def _notes(report: Report, judged: list[Judged], pairs: int, images: int) -> None:
    present, absent = CONFOUNDED
    report.note(
        f"Truth: of {pairs} exact pairs, the share decided otherwise when the artefact is laid on; a net relies "
        f"on what turns {RELIES:.0%}. Hard pairs: planted cues truly relied on, against artefacts that a head forces "
        f"the layer to encode and that turn less. Both probe sets hold {images:,} pictures of worlds never trained on: "
        f"{PROBES[0]} (artefacts at the rates of training), and {PROBES[1]} (each artefact on {present:.0%} of lesions "
        f"with an asymmetric shape or an irregular border, on {absent:.0%} of the others). Alarms: a failed claim of a "
        f"blocking rule. `{asking.SEEN}`: presence read by the foundation model, else from labels. Dose–response: rank "
        "correlation with true flips over the planted cues of every strength."
    )
    head = "| net | accuracy | turned by (truth) | together | exit, as trained | exit, beside |\n" + "|---" * 6 + "|"
    report.note("\n".join([head, *map(_line, judged)]))
    report.row("nets", str(len(judged)), nets=[_details(each) for each in judged])


def _line(each: Judged) -> str:
    most = sorted(each.truth.flips.items(), key=lambda pair: -pair[1])[:3]
    turned = ", ".join(f"{name} {flips:.0%}" for name, flips in most)
    together = "" if each.truth.together is None else f"{each.truth.together:.0%}"
    exits = " | ".join(str(each.answers[probe].exit_status) for probe in PROBES)
    return f"| {each.member.name} | {each.truth.accuracy:.3f} | {turned} | {together} | {exits} |"


def _details(each: Judged) -> dict[str, object]:
    truth = {name: value for name, value in asdict(each.truth).items() if name != "neurons"}
    answers = {probe: asdict(answer) for probe, answer in each.answers.items()}
    return {"net": each.member.name, "kind": each.member.kind, "truth": truth, "answers": answers}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _said(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
