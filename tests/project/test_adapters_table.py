"""README's table of adapters is the catalogue."""

import re

import pytest

from indexer.catalogue import COLLECTORS, CORPORA, DATASETS, ENGINES, FOUNDATION_MODELS, SUBJECTS
from tests.project.tree import ROOT

PORTS = {port.port: port for port in (SUBJECTS, DATASETS, CORPORA, COLLECTORS, FOUNDATION_MODELS, ENGINES)}


def _written() -> dict[str, list[str]]:
    """Port → how each of its adapters is written, from the table under '## Adapters'."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Adapters\n")[1].split("\n## ")[0]
    found: dict[str, list[str]] = {}
    port = ""
    for what, written in re.findall(r"^\| *([\w ]*?) *\| `([^`]+)` \|", section, re.MULTILINE):
        port = what or port
        found.setdefault(port, []).append(written)
    return found


def test_the_table_has_every_port() -> None:
    assert list(_written()) == list(PORTS)


@pytest.mark.parametrize("port", PORTS)
def test_every_adapter_is_written_as_the_catalogue_says(port: str) -> None:
    assert sorted(_written()[port]) == sorted(entry.usage for entry in PORTS[port].entries.values())
