"""Reports as an audit makes them, for the tests of everything that draws, sends or reads one."""

from dataclasses import replace

from lens_server.report import AppliedWaiver, Change, Confirmation, Control, Counts, Dose, Setting, Severity, Verdict
from tests.unit.lens_server.audit.sample_parts import (
    PROVENANCE,
    concept,
    declaration,
    finding,
    pair,
    pictures,
    report,
    result,
    witness,
)

DECLARED = (
    "ABCDE: 3 of 5 criteria assessed; D and E not assessable from the model's inputs. "
    "This audit does not show conformity with the ABCDE rule.",
)


def clean_pass():
    """All passed; nothing to look at."""
    require = finding(
        "C-colour",
        Verdict.PASS,
        "Colour variegation moves the decision towards melanoma by 0.412, surely more than 0.050.",
        (result("colour", bounds=(0.412, 0.331, 0.493), limit=0.05, direction="for", evidence="column colours"),),
        type="require",
        measure="contrast_effect",
        tier=2,
        bound="min",
        limit=0.05,
        line=31,
    )
    return report([require, finding()])


def failing_shortcut():
    """The patch flips decisions: a failure with pictures, beside an unclear rule, declarations and passes."""
    return report(
        [
            finding("no-hair-flip", line=40),
            _patch_failure(),
            _unclear_ruler(),
            declaration("diameter", "Diameter > 6 mm is not assessed by this audit", 60),
            declaration("evolving", "Evolution is not assessed by this audit", 61),
            _encoded_only(),
        ],
        verdict=Verdict.FAIL,
        exit_status=1,
        sentence="1 blocking rule failed: no-patch-flip.",
        concepts=(
            concept("hair"),
            concept("patch", flagged=9),
            concept("ruler", competence=0.86),
            concept(
                "diameter",
                "valid",
                assessable=False,
                because="no physical scale in the pixels",
                needs="pixel spacing (mm) in the metadata",
                competence=None,
                controls="",
                presence="",
                present=0,
                absent=0,
                flagged=0,
                probe_words=(),
            ),
        ),
        declared=DECLARED,
        warnings=("ruler: 61 images show it, hardly more than the 50 asked for.",),
        pictures=pictures(),
    )


def _patch_failure():
    pairs = tuple(pair(number) for number in range(5)) + (pair(5, flipped=False),)
    deciding = result(
        "patch",
        Verdict.FAIL,
        (0.412, 0.341, 0.480),
        evidence="overlay colour_patch",
        confirmation=Confirmation("intervention_effect", 1.82, 1.61, 2.03, "confirmed"),
        witnesses=tuple(witness(17 + 9 * n, 0.61 - 0.05 * n, 0.31 / (n + 1), n) for n in range(6)),
        pairs=pairs,
        doses=(Dose(0.25, 0.31, 0.04), Dose(0.5, 0.92, 0.17), Dose(0.75, 1.44, 0.31), Dose(1.0, 1.82, 0.412)),
    )
    return finding(
        "no-patch-flip",
        Verdict.FAIL,
        "0.412 of decisions change when a coloured patch is pasted, surely more than 0.100.",
        (deciding, result("ink", Verdict.PASS, (0.03, 0.01, 0.05)), result("vignette", bounds=(0.0, 0.0, 0.02))),
        title="A coloured patch must not change the decision",
        severity=Severity.CRITICAL,
        rationale="Patches go with benign lesions of children in public data sets.",
        remediation="Augment with the overlay on both classes and retrain; pruning alone leaves the sensitivity.",
        references=("Bissoto 2020",),
        line=47,
    )


def _unclear_ruler():
    unclear = result(
        "ruler",
        Verdict.INCONCLUSIVE,
        (0.09, 0.03, 0.16),
        present=61,
        absent=240,
        groups=58,
        smallest_excluded=0.16,
    )
    return finding(
        "no-ruler-flip",
        Verdict.INCONCLUSIVE,
        "0.090 of decisions change with a ruler; the interval holds the limit 0.100.",
        (unclear,),
        on_inconclusive="warn",
        severity=Severity.MEDIUM,
        line=52,
    )


def _encoded_only():
    summed = result(
        "hair",
        bounds=(0.18, 0.18, 0.18),
        limit=0.3,
        concepts=("hair", "patch", "ruler"),
        class_name=None,
        evidence="stored relevance",
    )
    return finding(
        "artefact-neurons",
        Verdict.PASS,
        "0.180 of the relevance lies in neurons flagged for artefacts, at most 0.300.",
        (summed,),
        type="limit",
        measure="relevance_share",
        tier=2,
        limit=0.3,
        blocking=False,
        severity=Severity.LOW,
        line=58,
    )


def all_inconclusive():
    """Too few images for any answer."""
    few = result(
        "hair", Verdict.INCONCLUSIVE, (None, None, None), present=12, absent=30, groups=9, note="too few images"
    )
    wide = result("ruler", Verdict.INCONCLUSIVE, (0.08, -0.02, 0.31), smallest_excluded=0.31)
    return report(
        [
            finding("no-hair-flip", Verdict.INCONCLUSIVE, "12 images show hair; 50 are needed.", (few,)),
            finding(
                "no-ruler-flip", Verdict.INCONCLUSIVE, "The interval [-0.020, 0.310] holds 0.100.", (wide,), line=43
            ),
        ],
        verdict=Verdict.INCONCLUSIVE,
        exit_status=3,
        sentence="No blocking rule failed, but 2 that must be clear are inconclusive.",
    )


def waived():
    """The same failure, accepted for a while; and waivers that no longer count."""
    failing = failing_shortcut()
    covered = replace(
        failing.findings[1],
        verdict=Verdict.WAIVED,
        sentence="0.412 of decisions change when a coloured patch is pasted; accepted up to 0.500 until 2026-05-16.",
        waivers=("W-2026-003",),
        results=tuple(
            replace(each, verdict=Verdict.WAIVED, waiver="W-2026-003") if each.verdict is Verdict.FAIL else each
            for each in failing.findings[1].results
        ),
    )
    waivers = (
        AppliedWaiver(
            "W-2026-003",
            "no-patch-flip",
            "Retraining with augmented patches is under way.",
            "Dr A. Example",
            "QMS-1182",
            "2026-05-16",
            12,
            "applied",
            "expires within 14 days",
        ),
        AppliedWaiver(
            "W-2025-017", "no-hair-flip", "Old model.", "Dr A. Example", "QMS-0977", "2025-12-31", -124, "expired", ""
        ),
    )
    return replace(
        failing,
        verdict=Verdict.PASS,
        exit_status=0,
        sentence="Every blocking rule passed or is waived.",
        findings=(failing.findings[0], covered, *failing.findings[2:]),
        counts=Counts(passed=2, failed=0, inconclusive=1, not_assessable=2, waived=1),
        waivers=waivers,
        warnings=("Waiver W-2026-003 expires in 12 days.",),
    )


def against_baseline():
    """Every kind of change against a previous audit."""
    failing = failing_shortcut()
    changes = (Change.UNCHANGED, Change.WORSE, Change.NEW, None, None, Change.UNCHANGED)
    before = (0.021, 0.287, None, None, None, 0.18)
    findings = tuple(
        replace(
            each,
            change=change,
            results=tuple(replace(one, change=change, baseline=earlier) for one in each.results),
        )
        for each, change, earlier in zip(failing.findings, changes, before, strict=True)
    )
    return replace(failing, findings=findings, fixed=("no-ink-flip", "no-gel-flip"))


def failed_controls():
    """All rules pass, but the audit did not detect what was planted."""
    controls = (
        Control("placebo", "a bicycle", False, 3.0, 0.0, "3 neurons are flagged for “a bicycle”, at most 0 allowed."),
        Control("positive", "colour_patch", False, 0.12, 0.3, "The planted overlay is missed: 0.120, not 0.300."),
        Control("positive", "ink", None, None, 0.3, "Not run: the subject is not at hand."),
    )
    return replace(
        clean_pass(),
        verdict=Verdict.INCONCLUSIVE,
        exit_status=3,
        sentence="No rule failed, but 2 controls did: this audit cannot be relied on.",
        controls=controls,
    )


def hostile():
    """Texts that would break a page, a workflow command, a table, XML or a terminal."""
    evil = "<script>alert(1)</script> \"q\" 'a' & | ` ]]> %0A ::error:: \x00\x1b[31m \u202e עברית 皮膚 🩺 \ud800"
    broken = finding(
        "rule<b>&\"'|%::,=x",
        Verdict.FAIL,
        f"It fails.\n::error title=forged::{evil}\r\n# heading | cell",
        (result(f"c-{evil}", Verdict.FAIL, (0.4, 0.3, 0.5), class_name=evil, evidence=evil, note=evil),),
        title=evil,
        rationale=evil,
        remediation=evil,
        references=("javascript:alert(1)", evil),
    )
    return report(
        [broken, finding()],
        verdict=Verdict.FAIL,
        exit_status=1,
        sentence=evil,
        title=evil,
        owner=evil,
        declared=(evil,),
        warnings=(evil,),
        provenance=replace(PROVENANCE, rulebook="rules/a,b:c%\n.yaml", signer=evil, environment=(Setting(evil, evil),)),
    )


def every_report():
    """All of the above by name."""
    makers = (clean_pass, failing_shortcut, all_inconclusive, waived, against_baseline, failed_controls, hostile)
    return {each.__name__: each() for each in (*makers, warn_only, empty)}


def warn_only():
    """A failure that does not fail the process."""
    return replace(failing_shortcut(), warn_only=True)


def empty():
    """Nothing was evaluated."""
    return report(
        [], verdict=Verdict.NOT_ASSESSABLE, exit_status=5, sentence="Nothing was evaluated.", concepts=(), controls=()
    )
