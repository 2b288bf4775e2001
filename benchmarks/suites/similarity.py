"""The ten concept vectors nearest to a probe: the exact engine against the peer's `similarity_score`, on one thread."""

import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers.installed import environment, peer_folder
from benchmarks.peers.processes import run
from benchmarks.reporting import Report
from indexer.domain.embeddings import normalise

BAR, DIMENSION = 5.0, 512
_BLOCK, _MIB = 1 << 15, 1 << 20


def measure(report: Report) -> None:
    """The bar at a million vectors; then what a search takes beyond the vectors, a process each."""
    work = report.work or Path(tempfile.gettempdir()) / "lens-benchmarks" / "peer"
    shell = environment(peer_folder(work))
    count, rounds = (50_000, 5) if report.quick else (1_000_000, 15)
    program = [sys.executable, "-m", "benchmarks.peers.searching"]
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "vectors.npy"
        _write(file, count)
        found = run([*program, "turns", str(file), str(rounds)], shell).said
        taken = {side: run([*program, "memory", str(file), side], shell).said for side in ("lens", "peer")}
    faster = [1 / found[key] for key in ("cpu_ratio_median", "cpu_ratio_max", "cpu_ratio_min")]
    report.row(
        f"top 10 of {count:,} × {DIMENSION}",
        f"**{faster[0]:.1f} × faster** in CPU seconds (min {faster[1]:.1f}, max {faster[2]:.1f}); wall "
        f"{1 / found['ratio_median']:.1f} × ({found['ours_seconds_median'] * 1e3:.0f} / "
        f"{found['theirs_seconds_median'] * 1e3:.0f} ms, {found['rounds']} rounds)",
        f"≥ {BAR:g}",
        faster[0] >= BAR,
        **found,
    )
    report.row(
        "the same ten neurons",
        f"{found['alike']} of {found['probes']} probes",
        "all",
        found["alike"] == found["probes"],
    )
    for side, each in taken.items():
        report.row(
            f"memory of one search beyond the {4 * count * DIMENSION / _MIB:,.0f} MiB of vectors, {side}",
            f"**{(each['peak'] - each['before']) / _MIB:,.1f} MiB**",
            **each,
        )
    report.note(
        "Random unit vectors; probes near a row. Lens: `ExactEngine.search` on the memory-mapped file, as an index "
        "holds it. The peer: `similarity_score(probe, vectors)`, then torch's `topk`, vectors in memory; it normalises "
        "them all for every question. Memory: peak resident less resident before, every vector resident by then."
    )


def _write(file: Path, count: int) -> None:
    rng = np.random.default_rng(0)
    vectors = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=(count, DIMENSION))
    for start in range(0, count, _BLOCK):
        block = vectors[start : start + _BLOCK]
        block[:] = normalise(rng.standard_normal(block.shape, dtype=np.float32))
