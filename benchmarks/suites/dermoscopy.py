"""Real dermoscopy: a melanoma subject that is known to lean on colour patches, audited with the `abcde` rulebook."""

import tempfile
from pathlib import Path

from benchmarks.real_data import real_data
from benchmarks.reporting import Report
from indexer.config import read_config
from indexer.pipeline import build_index
from indexer.progress import Silent
from lens_server.audit.check import AuditOptions, run_audit
from lens_server.audit.lock import Lock, asked_of
from lens_server.audit.looking import look
from lens_server.audit.probe_set import probe_set
from lens_server.audit.reading import read_rulebook
from lens_server.audit.scene import COLUMNS, FOUNDATION
from lens_server.lens import Lens
from lens_server.report import Report as AuditReport
from lens_server.report import Verdict

SUBJECT, LAYER, RULE = "python:subjects:mobilenet_melanoma", "global_pool", "artefact-contrast"
IMAGES = 300


def measure(report: Report) -> None:
    """The bar: the patch fails with exit 1, whoever reads its presence; every other verdict as it is."""
    folder = real_data()
    if folder is None:
        report.note("Skipped: LENS_DATA holds no real models and photographs.")
        return
    with tempfile.TemporaryDirectory() as temporary:
        lens = Lens.open(report.index or _build(Path(temporary) / "isic", folder))
        read = read_rulebook("abcde")
        shown = probe_set(lens.index)
        sight = look(lens, read.rulebook, shown, Silent())
        lock = Lock(asked_of(read.rulebook), lens.index.manifest.foundation_model.digest,
                    lens.index.manifest.dataset.digest, sight, "")  # fmt: skip
        images = 60 if report.quick else IMAGES
        for read_by in (COLUMNS, FOUNDATION):
            options = AuditOptions(name="abcde", read_by=read_by, images=images, lock=lock)
            _tell(report, run_audit(lens, read.rulebook, options), read_by)
    report.note(
        f"    lens build --subject {SUBJECT} --layers {LAYER} \\\n"
        "        --dataset csv:$LENS_DATA/isic2017/samples.csv,label=malignant \\\n"
        "        --foundation open_clip:local-dir:$LENS_DATA/local_clip --classes --out isic\n"
        f"    lens audit isic abcde --images {IMAGES} --out isic.html                        # by the label columns\n"
        f"    lens audit isic abcde --images {IMAGES} --presence foundation --out isic.html  # by the foundation model"
    )


def _build(out: Path, folder: Path) -> Path:
    settings = {
        "subject": {"name": SUBJECT},
        "dataset": {"name": f"csv:{folder / 'isic2017' / 'samples.csv'},label=malignant"},
        "collect": {"layers": (LAYER,)},
        "foundation": {"name": f"open_clip:local-dir:{folder / 'local_clip'}"},
        "relevance": {"classes": True},
        "out": out,
    }
    return build_index(read_config(None, settings))


def _tell(report: Report, found: AuditReport, read_by: str) -> None:
    contrast = next(each for each in found.findings if each.rule == RULE)
    patch = next(each for each in contrast.results if each.concepts == ("patch",))
    confirmed = patch.confirmation.outcome if patch.confirmation is not None else "not tried"
    report.row(
        f"presence by {read_by}: exit status, and the patch in `{RULE}`",
        f"**{found.exit_status}**, patch **{patch.verdict.value}**: {patch.estimate} σ [{patch.lower}, {patch.upper}], "
        f"{confirmed}, {sum(pair.flipped for pair in patch.pairs)} of {len(patch.pairs)} pairs shown flip",
        "exit 1, patch fails",
        found.exit_status == 1 and patch.verdict is Verdict.FAIL,
    )
    for finding in found.findings:
        for result in finding.results:
            what = "+".join(result.concepts) if len(result.concepts) < 4 else f"{len(result.concepts)} concepts"
            measured = (
                "–" if result.estimate is None else f"{result.estimate:.3g} [{result.lower:.3g}, {result.upper:.3g}]"
            )
            report.row(
                f"{read_by}: {finding.rule}, {what} → {result.class_name or 'all'}",
                f"{result.verdict.value}: {measured}{'; ' + result.note if result.note else ''}",
            )
        if not finding.results:
            report.row(f"{read_by}: {finding.rule}", f"{finding.verdict.value}: {finding.sentence}")
    for control in found.controls:
        missed = "not seen" if control.kind == "competence" else "FAILED"
        said = {True: "passed", False: missed, None: "not measured"}[control.passed]
        report.row(f"{read_by}: control {control.kind} {control.name}", f"{said}: {control.sentence}")
