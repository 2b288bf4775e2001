"""Whole builds against `semanticlens` 0.2.1: the same photographs, subject and weights; then a layer more."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

from benchmarks.peers.inputs import CLIP, photographs, weights
from benchmarks.peers.installed import ROOT, environment, peer_folder
from benchmarks.peers.processes import Spent, run
from benchmarks.real_data import real_data
from benchmarks.reporting import Report
from indexer.index.manifest import digest_of
from indexer.index.reader import Index

SIZES, QUICK = (500, 2_000, 5_000), (200,)
LAYER, ANOTHER, EXEMPLARS = "layer4", "layer3", 20
MORE_UP_TO = 2_000
"""Photographs up to which a second layer is measured too; the ratio does not depend on their number."""
SHARE, ADDED = 0.9, 2.0
SAMPLED = 160
"""Photographs whose necessary cost is measured, before, between and after the builds."""


class Inputs(NamedTuple):
    """What both sides are given."""

    photographs: Path
    subject: Path
    clip: Path
    peer: Path
    folder: Path


def measure(report: Report) -> None:
    """The bars at every size; a size that an earlier run finished with the same code is not measured again."""
    data = real_data()
    if data is None:
        report.note("Skipped: LENS_DATA holds no photographs.")
        return
    work = report.work or Path(tempfile.gettempdir()) / "lens-benchmarks" / "peer"
    subject, clip = weights(work)
    peer = peer_folder(work)
    code = _code()
    for size in QUICK if report.quick else SIZES:
        kept = work / f"figures-{size}-{code}.json"
        if not kept.is_file():
            with tempfile.TemporaryDirectory(dir=work) as folder:
                inputs = Inputs(photographs(data, work, size), subject, clip, peer, Path(folder))
                kept.write_text(json.dumps(_measured(inputs)), encoding="utf-8")
        _rows(report, size, json.loads(kept.read_text(encoding="utf-8")))
    report.note(
        f"Subject: ResNet-18 of torchvision; foundation model: open_clip {CLIP}; both with random weights (seed 0), "
        f"the same files for both sides. {EXEMPLARS} exemplars, one thread of torch a side, batches of 32, a process "
        "each, one after the other: Lens, the peer, and Lens again, whose mean counts; then the layer more. CPU "
        "seconds: user and system of the whole process, start and loading included. Lens measures clarity, "
        "polysemanticity and redundancy of every neuron and writes thumbnails in this time, the peer does not. "
        "Photographs: Caltech 101 and ISIC 2017, no two with the same pixels, from files."
    )
    report.note(
        f"For the second layer Lens is asked to add it to its index, the peer for `{ANOTHER}` alone with the cache of "
        "the first run: it keeps embeddings by layer and reuses none. Asked for both layers with that cache, it would "
        f"count every sample twice for `{LAYER}` and spoil what it had stored (see peer_exemplars)."
    )
    report.note(
        "What the necessary work allows: (N subject passes + N embeddings) / (N subject passes + an embedding a "
        f"distinct exemplar), each from the file on, measured on {SAMPLED} photographs with nothing around, before, "
        "between and after the builds; the median counts. Nothing is taken off for starting and loading."
    )


def _measured(inputs: Inputs) -> dict[str, Any]:
    """Both builds, then both with a layer more, and between them what an image must cost."""
    shell = environment(inputs.peer)
    index, cache = inputs.folder / "index", inputs.folder / "cache"
    sides: dict[str, Callable[[], Spent]] = {
        "lens": lambda: run(_lens(inputs, LAYER, index), shell),
        "peer": lambda: run(_peer(inputs, LAYER, cache), shell),
        "lens_again": lambda: run(_lens(inputs, LAYER, inputs.folder / "again"), shell),
        "lens_added": lambda: run([*_lens(inputs, ANOTHER, index), "--add"], shell),
        "peer_added": lambda: run(_peer(inputs, ANOTHER, cache), shell),
    }
    figures: dict[str, Any] = {"forward": [], "embedding": [], "distinct": []}
    if len(list(inputs.photographs.iterdir())) > MORE_UP_TO:
        sides = {name: sides[name] for name in ("lens", "peer", "lens_again")}
    for name, side in sides.items():
        _necessary(inputs, shell, figures)
        figures[name] = side().details()
        figures["distinct"].append(len(Index.open(index).exemplar_vectors))
        print(
            f"  {len(list(inputs.photographs.iterdir()))} photographs, {name}: {figures[name]['cpu']:.0f} s", flush=True
        )
    _necessary(inputs, shell, figures)
    shutil.rmtree(index)
    return figures


def _necessary(inputs: Inputs, shell: dict[str, str], figures: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "benchmarks.peers.necessary", inputs.photographs, inputs.subject, inputs.clip]
    said = run([*map(str, command), str(SAMPLED)], shell).said
    for name in ("forward", "embedding"):
        figures[name].append(median(said[name]))


def _lens(inputs: Inputs, layer: str, out: Path) -> list[str]:
    command = [sys.executable, "-m", "lens_server.cli", "build", "--quiet", "--device", "cpu", "--threads", "1"]
    command += ["--subject", f"torchvision:resnet18/{inputs.subject}", "--layers", layer]
    command += ["--dataset", f"folder:{inputs.photographs}", "--foundation", f"open_clip:{CLIP}/{inputs.clip}"]
    return [*command, "--exemplars", str(EXEMPLARS), "--out", str(out)]


def _peer(inputs: Inputs, layer: str, cache: Path) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.peers.build", "--layers", layer, "--exemplars", str(EXEMPLARS)]
    command += ["--photographs", str(inputs.photographs), "--subject", str(inputs.subject), "--clip", str(inputs.clip)]
    return [*command, "--cache", str(cache), "--out", str(inputs.folder / f"{layer}.npz")]


def _rows(report: Report, size: int, figures: dict[str, Any]) -> None:
    forward, embedding = median(figures["forward"]), median(figures["embedding"])
    first, both = figures["distinct"][0], figures["distinct"][-1]

    def allowed(embedded: int) -> float:
        return size * (forward + embedding) / (size * forward + embedded * embedding)

    costs = f"a subject pass {forward * 1e3:.0f} ms, an embedding {embedding * 1e3:.0f} ms"
    least = SHARE * allowed(first)
    faster = figures["peer"]["cpu"] / _mean(figures, "lens", "cpu")
    report.row(
        f"build of `{LAYER}` (512 neurons), {size:,} photographs",
        f"**{faster:.2f} × faster** ({_times(figures, 'lens', 'peer')}); {first:,} distinct exemplars; "
        f"the necessary work allows {allowed(first):.2f} ({costs})",
        f"≥ {SHARE} × {allowed(first):.2f} = {least:.2f}",
        faster >= least,
        **figures,
    )
    if "peer_added" not in figures:
        return
    faster = figures["peer_added"]["cpu"] / figures["lens_added"]["cpu"]
    again = figures["peer_added"]["said"]["embedded"]
    report.row(
        f"then `{ANOTHER}` too (256 neurons), {size:,} photographs",
        f"**{faster:.2f} × faster** ({_times(figures, 'lens_added', 'peer_added')}); Lens embeds {both - first:,} "
        f"more, the peer {again:,}; the necessary work allows {allowed(both - first):.2f}",
        f"≥ {ADDED:g}",
        faster >= ADDED,
    )


def _times(figures: dict[str, Any], ours: str, theirs: str) -> str:
    cpu, wall = ([_mean(figures, name, kind) for name in (ours, theirs)] for kind in ("cpu", "wall"))
    return f"CPU {cpu[0]:.0f} / {cpu[1]:.0f} s, wall {wall[0]:.0f} / {wall[1]:.0f} s"


def _mean(figures: dict[str, Any], name: str, kind: str) -> float:
    """Of both times where a side took its turn before and after the other."""
    return fmean(figures[each][kind] for each in (name, f"{name}_again") if each in figures)


def _code() -> str:
    """Digest of all that these figures depend on here."""
    folders = (ROOT / "indexer", ROOT / "lens_server", ROOT / "benchmarks" / "peers")
    files = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return digest_of([path.read_text(encoding="utf-8") for path in [*files, Path(__file__)]])[:16]
