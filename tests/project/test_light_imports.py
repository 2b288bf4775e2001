"""What an import may cost: a client pulls in neither arrays nor models, an opened index needs no torch."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DRAWING = {"matplotlib", "sklearn"}
LIGHT = {
    "lens_client": {"numpy", "torch", "faiss", "pandas", "pyarrow", "scipy", "PIL", "matplotlib"},
    "lens_server.lens": {"torch", "torchvision", "open_clip", "timm", "transformers", "grpc", "faiss", *DRAWING},
    "lens_server.cli.main": {
        "scipy.stats",
        "torch",
        "torchvision",
        "open_clip",
        "timm",
        "transformers",
        "faiss",
        *DRAWING,
    },
    "lens_server.plots": {"torch", *DRAWING},
    "indexer.pipeline": {"torch", "open_clip", "timm", "torchvision", "transformers", "faiss", "grpc"},
}


@pytest.mark.parametrize("module", LIGHT)
def test_an_import_brings_nothing_heavy(module: str) -> None:
    """A fresh interpreter imports the module; what must stay out is not loaded."""
    code = f"import sys, {module}; print(*sorted({LIGHT[module]!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not loaded.stdout.strip(), (
        f"import {module} loads {loaded.stdout.strip()}: import it inside a function or move the import."
    )
