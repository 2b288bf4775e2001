"""Parts of reports, as an audit makes them: what `sample_reports` puts together."""

import hashlib
import io
from dataclasses import replace
from functools import cache

from PIL import Image, ImageDraw

from lens_server.report import (
    ConceptReport,
    Control,
    Counts,
    EvidencePair,
    Finding,
    Picture,
    Provenance,
    Report,
    Result,
    Setting,
    Severity,
    Verdict,
    Witness,
)

LIMITATIONS = (
    "Only the listed concepts are tested; what nobody listed may still drive the model.",
    "The foundation model is itself biased: what it cannot see, this audit cannot see.",
    "Overlays are synthetic; a real artefact may act more, or less.",
    "Deleting flagged neurons is no repair; retraining is.",
    "A pass is no certificate.",
)


@cache
def picture(number: int, patch: bool = False) -> Picture:
    """A lesion-like picture, with or without a coloured patch in its corner."""
    image = Image.new("RGB", (64, 64), (228, 190 - number % 3 * 8, 170))
    draw = ImageDraw.Draw(image)
    left, top = 14 + number * 5 % 9, 16 + number * 7 % 8
    draw.ellipse((left, top, left + 30, top + 26), fill=(110 - number % 4 * 14, 62, 44))
    draw.ellipse((left + 7, top + 6, left + 18, top + 15), fill=(70, 38, 34 + number % 5 * 9))
    if patch:
        draw.ellipse((42, 40, 62, 60), fill=(46, 160 - number % 3 * 30, 200))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    jpeg = data.getvalue()
    return Picture(hashlib.sha256(jpeg).hexdigest()[:16], jpeg)


def pictures(*, plain=8, patched=12):
    """All pictures of the samples, each once, in the order of their ids."""
    every = {each.id: each for each in [picture(n) for n in range(plain)] + [picture(n, True) for n in range(patched)]}
    return tuple(every[name] for name in sorted(every))


def witness(unit, alignment, relevance=0.1, first=0):
    strip = tuple(picture((first + n) % 12, True).id for n in range(6))
    return Witness(f"block4/{unit}", alignment, 0.75, 0.0004 * (unit + 1) / 96, relevance, strip)


def pair(number, flipped=True):
    return EvidencePair(
        key=f"lesion-{900 + number:05d}.jpg",
        without=picture(number).id,
        having=picture(number, True).id,
        margin_without=-1.25 - number / 8,
        margin_having=2.75 - number / 4 if flipped else -0.5,
        decision_without="benign",
        decision_having="melanoma" if flipped else "benign",
        flipped=flipped,
    )


def result(concept="patch", verdict=Verdict.PASS, bounds=(0.02, 0.01, 0.04), limit=0.1, **changes):
    estimate, lower, upper = bounds
    made = Result(
        concepts=(concept,),
        class_name="melanoma",
        verdict=verdict,
        estimate=estimate,
        lower=lower,
        upper=upper,
        error=None if upper is None or lower is None else (upper - lower) / 4,
        limit=limit,
        direction="either",
        evidence=f"overlay {concept}",
        present=400,
        absent=400,
        groups=312,
        smallest_excluded=None,
        note="",
        confirmation=None,
        baseline=None,
        change=None,
        waiver=None,
        witnesses=(),
        pairs=(),
        doses=(),
    )
    return replace(made, **changes)


def finding(rule="no-hair-flip", verdict=Verdict.PASS, sentence="", results=None, **changes):
    made = Finding(
        rule=rule,
        type="forbid",
        title="",
        severity=Severity.HIGH,
        blocking=True,
        on_inconclusive="fail",
        measure="flip_rate",
        tier=3,
        bound="max",
        limit=0.1,
        verdict=verdict,
        sentence=sentence or "At most 0.040 of decisions flip when hair is laid on, surely less than 0.100.",
        results=(result("hair"),) if results is None else results,
        change=None,
        waivers=(),
        rationale="",
        remediation="",
        references=(),
        fingerprint=hashlib.sha256(rule.encode()).hexdigest(),
        line=42,
    )
    return replace(made, **changes)


def declaration(concept, title, line):
    return finding(
        f"declared-{concept}",
        Verdict.NOT_ASSESSABLE,
        f"{concept.capitalize()} cannot be assessed from the model's inputs.",
        (),
        type="declare",
        title=title,
        severity=Severity.INFO,
        blocking=False,
        measure=None,
        tier=None,
        bound="",
        limit=None,
        line=line,
    )


def concept(name, kind="spurious", **changes):
    made = ConceptReport(
        id=name,
        kind=kind,
        assessable=True,
        because="",
        needs="",
        competence=0.97,
        controls=f"overlay {name}",
        presence="foundation model",
        present=400,
        absent=400,
        flagged=6,
        probe_words=(f"a {name}", f"{name} on skin"),
    )
    return replace(made, **changes)


CONTROLS = (
    Control("placebo", "a bicycle", True, 0.0, 0.0, "No neuron is flagged for “a bicycle”."),
    Control("placebo", "printed sheet music", True, 0.0, 0.0, "No neuron is flagged for “printed sheet music”."),
    Control("positive", "colour_patch", True, 0.94, 0.3, "The planted overlay is detected: 0.940, at least 0.300."),
    Control("competence", "patch", True, 0.97, 0.8, "The foundation model sees patch: AUROC 0.970, at least 0.800."),
)

PROVENANCE = Provenance(
    tool="lens 0.1.0",
    measures=1,
    rulebook="rules/lesions.yaml",
    rulebook_digest=hashlib.sha256(b"rulebook").hexdigest(),
    subject="lesion:shortcut-patch",
    subject_digest=hashlib.sha256(b"subject").hexdigest(),
    preprocessing_digest=hashlib.sha256(b"preprocessing").hexdigest(),
    foundation_model="tiny-clip",
    space_digest=hashlib.sha256(b"space").hexdigest(),
    templates=("{}",),
    null_prompt="",
    probe_set="lesions:1200,seed=901",
    probe_set_digest=hashlib.sha256(b"probe set").hexdigest(),
    samples=1200,
    groups=1200,
    group_by="lesion",
    overlap="none: 0 of 1,200 probe images are among the training images",
    index="demo/shortcut-patch",
    index_digest=hashlib.sha256(b"index").hexdigest(),
    lock_digest="",
    parameters=(Setting("alpha", "0.05"), Setting("correction", "holm"), Setting("bootstrap", "1000")),
    environment=(Setting("python", "3.11.7"), Setting("numpy", "2.1.0")),
    started="2026-05-04T09:00:00Z",
    finished="2026-05-04T09:01:12Z",
    signer="clinical-safety@example.org",
)


def report(findings, *, verdict=Verdict.PASS, exit_status=0, sentence="Every blocking rule passed.", **changes):
    """A report over these findings, counted."""
    seen = [each.verdict for each in findings]
    made = Report(
        schema="audit-report/v1",
        verdict=verdict,
        exit_status=exit_status,
        warn_only=False,
        sentence=sentence,
        ruleset="lesions.shortcuts",
        ruleset_version="1.0.0",
        title="Shortcuts of the lesion classifier",
        owner="clinical-safety@example.org",
        intended_use="Triage support on single dermoscopic images, adult patients",
        references=("Bissoto 2020: seven artefacts", "Winkler 2019: ink markings"),
        counts=Counts(
            passed=seen.count(Verdict.PASS),
            failed=seen.count(Verdict.FAIL),
            inconclusive=seen.count(Verdict.INCONCLUSIVE),
            not_assessable=seen.count(Verdict.NOT_ASSESSABLE),
            waived=seen.count(Verdict.WAIVED),
        ),
        findings=tuple(findings),
        fixed=(),
        concepts=(concept("hair"), concept("patch")),
        controls=CONTROLS,
        waivers=(),
        declared=(),
        warnings=(),
        limitations=LIMITATIONS,
        provenance=PROVENANCE,
        pictures=(),
    )
    return replace(made, **changes)
