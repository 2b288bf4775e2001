"""How often the foundation model is run during a build, counted inside the model."""

import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.light import NAME, register
from benchmarks.reporting import Report
from indexer.config import read_config
from indexer.index import files
from indexer.pipeline import build_index


def measure(report: Report) -> None:
    """A build, a resumed one of nothing, and an addition of layers: each exemplar once, over all of them."""
    model, count = register(), 300 if report.quick else 2000
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "index"
        _build(out, ("block4",), count, add=False)
        _compare(report, "build of one layer", out, model.images, count)
        _build(out, ("block2", "block3"), count, add=True)
        _compare(report, "the same index after two more layers were added", out, model.images, count)
    model.images = 0
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "index"
        _build(out, ("block2", "block3", "block4"), count, add=False)
        _compare(report, "build of three layers at once", out, model.images, count)
    report.note(
        "Subject `lesion:clean`. The distinct exemplars are counted in exemplars.parquet, the passes (images embedded) "
        "inside the foundation model."
    )


def _build(out: Path, layers: tuple[str, ...], count: int, *, add: bool) -> None:
    config = read_config(
        None,
        {
            "subject": {"name": "lesion:clean"},
            "dataset": {"name": f"lesions:{count}"},
            "collect": {"layers": layers},
            "foundation": {"name": NAME},
            "out": out,
        },
    )
    build_index(config, add=add)


def _compare(report: Report, what: str, out: Path, passes: int, count: int) -> None:
    distinct = len(pq.read_table(out / files.EXEMPLARS, columns=["sample"])["sample"].unique())
    report.row(
        f"{what} ({count:,} images)",
        f"{passes:,} passes",
        f"= {distinct:,} distinct exemplars",
        passes == distinct,
        passes=passes,
        distinct=distinct,
    )
