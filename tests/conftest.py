"""Threads capped before anything heavy is imported, and what many tests share."""

import os

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ["LENS_CACHE"] = "none"  # no test depends on what was embedded before

import sys
from pathlib import Path

import pytest

from indexer.config import read_config

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def opened_lens(tmp_path_factory):
    """A real index: the clean lesion net, two layers, with relevance."""
    from indexer.pipeline import build_index
    from lens_server.lens import Lens

    out = tmp_path_factory.mktemp("index") / "clean"
    build_index(
        build_config(
            out, subject="lesion:clean", layers=("block3", "block4"), dataset="lesions:300,seed=901", classes=True
        )
    )
    return Lens.open(out)


def build_config(
    out, *, subject="python:tests.nets:plain", layers=("act",), dataset="lesions:40,seed=901", classes=False, **collect
):
    """A build over the lesion world and tiny-clip."""
    return read_config(
        None,
        {
            "subject": {"name": subject, "device": "cpu"},
            "dataset": {"name": dataset},
            "collect": {"layers": tuple(layers), **collect},
            "foundation": {"name": "tiny-clip"},
            "relevance": {"classes": classes},
            "out": out,
        },
    )


@pytest.fixture
def lens_command(capsys, monkeypatch):
    """Run `lens …` in this process; returns (exit status, standard output, standard error)."""
    from lens_server.cli.main import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["lens", *(str(each) for each in arguments)])
        capsys.readouterr()
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = ended.code or 0
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run
