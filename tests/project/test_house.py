"""The house holds: who imports whom, the Makefile's targets, and nothing of the place where it was written."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.tree import ROOT, tracked

TARGETS = ("demo", "test", "check", "proto", "bench", "serve", "clean")
BINARY = {".safetensors", ".png", ".jpg", ".npy", ".parquet", ".arrow"}
PLACES = re.compile(r"(?<![\w.~:/)}-])/(?:home|work|root|Users|mnt|opt|srv|data|scratch|private)/")
REGISTRIES = re.compile(
    r"index-url|--registry|_authToken|artifactory|nexus\d?[./]|files\.pythonhosted|://[^\s/]*@", re.IGNORECASE
)


def test_imports_point_upstream() -> None:
    """The contracts of pyproject.toml, as `make check` checks them."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="No make here.")
def test_make_alone_lists_the_targets() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    missing = [each for each in TARGETS if not re.search(rf"^  make {each} +\S", listed, re.MULTILINE)]
    assert not missing, f"`make` does not list {', '.join(missing)}: write ` ## what it does` after the target."


@pytest.mark.parametrize("path", [each for each in tracked() if Path(each).suffix not in BINARY])
def test_no_file_knows_the_machine_it_was_written_on(path: str) -> None:
    if path == Path(__file__).relative_to(ROOT).as_posix():
        return
    for number, line in enumerate((ROOT / path).read_text(encoding="utf-8").splitlines(), start=1):
        assert line.startswith("#!") or not PLACES.search(line), f"{path}:{number} holds an absolute path."
        assert not REGISTRIES.search(line), f"{path}:{number} names a package registry."
