"""Real input: does a category's name find the neuron that tells the category's photographs apart best?"""

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.real_data import real_data
from benchmarks.reporting import Report
from indexer.catalogue import DATASETS, SUBJECTS
from indexer.collectors.activation import stacked
from indexer.config import read_config
from indexer.datasets.batches import Reading, distinct_batches
from indexer.index.manifest import digest_of
from indexer.pipeline import build_index
from indexer.subjects.digests import module_digest
from lens_server.lens import Lens
from lens_server.words import DEFAULT_TEMPLATES

BAR = 10
SUBJECT, LAYER = "python:subjects:mobilenet_imagenet", "global_pool"
TEMPLATES: dict[str, tuple[str, ...] | None] = {
    f"the default templates, {DEFAULT_TEMPLATES!r}": None,
    "no template": (),
    "`{}` minus the empty text": ("{}",),
    "the six templates of Contrastive Semantic Projection": (
        "{}",
        "{}-like",
        "a {}",
        "an image of a {}",
        "a closeup of a {}",
        "an image of a closeup of {}",
    ),
}


class Truth(NamedTuple):
    """The most selective neuron of a category."""

    unit: int
    auroc: float


def measure(report: Report) -> None:
    """The bar with the default templates, other choices, and each category's rank."""
    folder = real_data()
    if folder is None:
        report.note("Skipped: LENS_DATA holds no real models and photographs.")
        return
    photographs = f"folder:{folder / 'caltech101_half'}"
    truth = _truth(photographs)
    with tempfile.TemporaryDirectory() as temporary:
        index = report.index or _build(Path(temporary) / "index", photographs, folder / "local_clip")
        lens = Lens.open(index)
        units = lens.describe().layers[0].units
        ranks = {name: _ranks(lens, truth, units, templates) for name, templates in TEMPLATES.items()}
    default = next(iter(ranks))
    for name, found in ranks.items():
        bar = name == default
        report.row(
            name,
            f"median rank **{np.median(found):g}** of {units:,} ({len(found)} categories; quartiles "
            f"{np.quantile(found, 0.25):g} and {np.quantile(found, 0.75):g}, first {np.mean(found == 1):.0%}, "
            f"within ten {np.mean(found <= BAR):.0%})",
            f"median ≤ {BAR}" if bar else "–",
            bool(np.median(found) <= BAR) if bar else None,
            ranks=dict(zip(truth, found.tolist(), strict=True)),
        )
    report.note(
        f"Subject `{SUBJECT}`, layer `{LAYER}`, Caltech photographs, `local_clip`: its image tower is a sibling of the "
        "subject, so this judges Lens and makes no claim about CLIP. AUROC: of the pooled activations, one category "
        "against all others, from a forward pass of its own. Rank: among all living neurons, by the category's name."
    )
    listed = zip(truth.items(), *ranks.values(), strict=True)
    lines = [
        f"| {name} | {LAYER}/{each.unit} | {each.auroc:.3f} | {' | '.join(map(str, rest))} |"
        for (name, each), *rest in listed
    ]
    head = f"| category | most selective neuron | AUROC | {' | '.join(f'rank: {name}' for name in ranks)} |"
    report.note("\n".join([head, "|---" * (3 + len(ranks)) + "|", *lines]))


def _build(out: Path, photographs: str, foundation: Path) -> Path:
    asked = {
        "subject": {"name": SUBJECT},
        "dataset": {"name": photographs},
        "collect": {"layers": (LAYER,)},
        "foundation": {"name": f"open_clip:local-dir:{foundation}"},
        "out": out,
    }
    return build_index(read_config(None, asked))


def _truth(photographs: str) -> dict[str, Truth]:
    """Category → its most selective neuron. Independent of collecting: a plain forward pass and one hook."""
    activations, labels = _pooled(photographs)
    below = rankdata(activations, axis=0)
    found = {}
    for name in sorted(set(labels.tolist())):
        inside = labels == name
        count = int(inside.sum())
        auroc = (below[inside].sum(axis=0) - count * (count + 1) / 2) / (count * (len(labels) - count))
        found[name] = Truth(int(auroc.argmax()), float(auroc.max()))
    return found


def _pooled(photographs: str) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    """Activations [images, neurons] and labels [images]; kept in the temporary folder, as the pass takes minutes."""
    dataset, subject = DATASETS.load(photographs), SUBJECTS.load(SUBJECT)
    parts = digest_of([dataset.describe(), module_digest(subject.module), LAYER])
    kept = Path(tempfile.gettempdir()) / "lens-benchmarks" / f"photographs-{parts[:16]}.npz"
    if kept.is_file():
        with np.load(kept) as stored:
            return stored["activations"], stored["labels"]
    rows: list[NDArray[np.float32]] = []
    numbers: list[int] = []
    module = subject.module.eval()
    layer = module.get_submodule(LAYER)
    handle = layer.register_forward_hook(lambda _module, _inputs, output: rows.append(output.flatten(1).numpy()))
    with torch.inference_mode():
        for batch in distinct_batches(dataset, subject.preprocess, Reading(), size=32, threads=2):
            module(stacked(batch, "cpu"))
            numbers.extend(batch.numbers)
    handle.remove()
    activations, labels = np.concatenate(rows), dataset.metadata["label"].to_numpy(dtype=str)[numbers]
    kept.parent.mkdir(exist_ok=True)
    np.savez(kept, activations=activations, labels=labels)
    return activations, labels


def _ranks(lens: Lens, truth: dict[str, Truth], units: int, templates: tuple[str, ...] | None) -> NDArray[np.int64]:
    """Rank of each category's neuron among the answers to its name; beyond the longest answer, all units."""
    ranks = []
    words = [name.replace("_", " ") for name in truth]
    for answer, wanted in zip(
        lens.search(words, limit=min(units, 1000), templates=templates, exact=True), truth.values(), strict=True
    ):
        found = [hit.neuron.unit for hit in answer.hits]
        ranks.append(found.index(wanted.unit) + 1 if wanted.unit in found else units)
    return np.array(ranks)
