"""Token graphs of every neuron of `tiny-text:stdlib`, from nothing: index, graphs, scores and the time it takes."""

import tempfile
from pathlib import Path

from benchmarks.graph_scores import tell, told_how
from benchmarks.measuring import seconds
from benchmarks.reporting import Report
from indexer.config import BuildConfig, read_config
from indexer.corpora.stdlib import stdlib_root
from indexer.graphs.all_graphs import make_graphs
from indexer.index.reader import Index
from indexer.index.texts import Texts
from indexer.pipeline import build_index

SUBJECT, FOUNDATION = "tiny-text:stdlib", "tiny-code"
PUBLISHED, MINUTES = 0.56, 60


def measure(report: Report) -> None:
    """Both bars of the embedded model; with --index, of an index already built of it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = report.index or Path(temporary) / "index"
        if report.index is None:
            taken = seconds(lambda: build_index(_config(folder, quick=report.quick)))
            report.row("the index, without graphs", f"{taken / 60:.1f} min", seconds=taken)
        if Texts(Index.open(folder)).graph_tables is None:
            taken = seconds(lambda: make_graphs(folder))
            met, told = taken < MINUTES * 60, f"**{taken / 60:.1f} min**"
            report.row("graphs of all neurons", told, f"< {MINUTES} min", met, seconds=taken)
        tell(report, folder, bars=True, least=PUBLISHED)
    report.note(told_how())
    report.note(
        f"The bar of {PUBLISHED} is the mean over layers published for another model, of 6 layers (arXiv 2304.12918); "
        "graphs are made by as many processes as there are cores, of one thread each."
    )


def _config(folder: Path, *, quick: bool) -> BuildConfig:
    dataset = f"text:{stdlib_root() / 'json'}" if quick else "stdlib"
    return read_config(
        None,
        {
            "subject": {"name": SUBJECT, "device": "cpu"},
            "dataset": {"name": dataset},
            "collect": {"layers": ("blocks.*.mlp.act",)},
            "foundation": {"name": FOUNDATION},
            "out": folder,
        },
    )
