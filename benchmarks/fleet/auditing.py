"""Index a net on a probe set, audit it, and keep what the report says of each artefact."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fleet import asking
from benchmarks.fleet.asking import ALIGNMENT, CONTRAST, EFFECT, ENCODED, FLIPS, RELEVANCE, SEEN
from benchmarks.fleet.metrics import auroc, carries
from benchmarks.fleet.truth import LAYER
from indexer.config import read_config
from indexer.foundation_models.tiny_clip import FOLDER
from indexer.index.files import FORMAT
from indexer.pipeline import build_index
from lens_server.audit.check import AuditOptions, run_audit
from lens_server.audit.scene import FOUNDATION as FOUNDATION_MODEL
from lens_server.lens import Lens
from lens_server.report import Report, Verdict

FOUNDATION = "tiny-clip"
MALIGNANT = "malignant"


@dataclass(frozen=True)
class Asked:
    """A net and the pictures it is probed on."""

    subject: str
    """As on the command line."""
    weights: Path
    dataset: str
    """What follows `lesions:`."""


@dataclass(frozen=True)
class Answered:
    """What one audit said; artefacts by name."""

    exit_status: int
    alarms: dict[str, bool]
    """Whether a blocking claim about the artefact failed."""
    flips: dict[str, str]
    """Verdict on its flips."""
    scores: dict[str, dict[str, float | None]]
    """Score → artefact → its value; unset where it was not assessable."""
    neurons: dict[str, dict[str, float | None]]
    """Way of ranking neurons → artefact → AUROC against the neurons that truly carry it."""
    witnesses: dict[str, float | None]
    """Artefact → share of the neurons shown as evidence that truly carry it; unset where none is shown."""
    declared_kept: bool
    """Whether diameter and evolution were not assessable."""
    blocking: dict[str, str]
    """Blocking rule → verdict."""
    controls: dict[str, bool | None]
    """Control of the audit → whether it passed."""


def index_of(asked: Asked, folder: Path) -> Path:
    """The net's index on the probe set; kept as long as net, pictures, foundation model and format are the same."""
    parts = (asked.subject, asked.dataset, FORMAT, _digest(asked.weights), *map(_digest, sorted(FOLDER.iterdir())))
    out = folder / "indexes" / hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    if not out.is_dir():
        settings = {
            "subject": {"name": asked.subject, "device": "cpu"},
            "dataset": {"name": f"lesions:{asked.dataset}"},
            "collect": {"layers": (LAYER,), "threads": 1},
            "foundation": {"name": FOUNDATION},
            "relevance": {"classes": True},
            "out": out,
        }
        build_index(read_config(None, settings), replace=True)
    return out


def audited(asked: Asked, carried: dict[str, list[float]], folder: Path) -> Answered:
    """Audit the net by the shipped rulebook, with every measure beside it; `carried` is the truth of its neurons."""
    lens = Lens.open(index_of(asked, folder))
    report = run_audit(lens, asking.whole_rulebook())
    seen = run_audit(lens, asking.seeing_rulebook(), AuditOptions(read_by=FOUNDATION_MODEL, interventions=False))
    aligned = {artefact: alignments(lens, artefact) for artefact in asking.CONCEPTS}
    scores = {measure: asking.measured(report, measure) for measure in (ENCODED, RELEVANCE, CONTRAST, EFFECT, FLIPS)}
    scores[SEEN] = asking.measured(seen, CONTRAST)
    scores[ALIGNMENT] = {artefact: float(values.max()) for artefact, values in aligned.items()}
    declared = [each.verdict for each in report.findings if each.type == "declare"]
    return Answered(
        report.exit_status,
        asking.alarms(report),
        asking.flip_verdicts(report),
        scores,
        ranked(aligned, relevances(lens), carried),
        {artefact: _witnessed(report, artefact, carried[artefact]) for artefact in asking.CONCEPTS},
        len(declared) == 2 and set(declared) == {Verdict.NOT_ASSESSABLE},
        {each.rule: each.verdict.value for each in report.findings if each.blocking},
        {f"{each.kind} {each.name}": each.passed for each in report.controls},
    )


def alignments(lens: Lens, artefact: str) -> NDArray[np.float64]:
    """Alignment of every neuron of the layer with the artefact's words [neurons]; silent neurons lowest."""
    rulebook = asking.whole_rulebook()
    words = rulebook.concept(asking.CONCEPTS[artefact]).prompts[0]
    (answer,) = lens.search(words, limit=1000, templates=rulebook.foundation_model.templates, exact=True)
    values = np.full(_width(lens), -1.0)
    for hit in answer.hits:
        values[hit.neuron.unit] = max(values[hit.neuron.unit], hit.alignment)
    return values


def relevances(lens: Lens) -> NDArray[np.float64]:
    """Mean |gradient · (activation − mean)| of every neuron for malignant [neurons]."""
    table, neurons = lens.index.relevance, lens.index.neurons
    assert table is not None
    own = table[table["class"] == MALIGNANT]
    values = np.zeros(_width(lens))
    rows = own["neuron"].to_numpy()
    np.maximum.at(values, neurons.unit[rows], own["absolute"].to_numpy(dtype=np.float64))
    return values


def ranked(
    aligned: dict[str, NDArray[np.float64]], relevance: NDArray[np.float64], carried: dict[str, list[float]]
) -> dict[str, dict[str, float | None]]:
    """How well each way of ranking neurons finds those that carry an artefact, by artefact."""
    ways = {
        "alignment": aligned,
        "relevance": dict.fromkeys(aligned, relevance),
        "alignment × relevance": {name: np.clip(values, 0, None) * relevance for name, values in aligned.items()},
    }
    return {
        way: {name: auroc(carries(carried[name]), values) for name, values in of.items()} for way, of in ways.items()
    }


def _witnessed(report: Report, artefact: str, effects: list[float]) -> float | None:
    shown = {each.neuron for result in asking.results_of(report, artefact) for each in result.witnesses}
    units = [int(name.removesuffix("-").rpartition("/")[2]) for name in sorted(shown)]
    return float(carries(effects)[units].mean()) if units else None


def _width(lens: Lens) -> int:
    return int(lens.index.neurons.unit.max()) + 1


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
