"""README's minutes with text neurons run as they are printed, on fewer files, one layer and fewer exemplars."""

import json
import re
import shlex
import shutil
import statistics

import pytest

pytest.importorskip("torch")

from indexer.corpora.stdlib import stdlib_root
from indexer.index.reader import Index
from indexer.index.texts import Texts
from tests.conftest import ROOT

FILES = ("abc.py", "argparse.py", "ast.py", "copy.py", "gettext.py", "json/decoder.py", "os.py", "textwrap.py")
LAYER = "blocks.1.mlp.act"


def documented():
    """The commands of the section's first block, without `lens` and comments."""
    section = (
        (ROOT / "README.md").read_text(encoding="utf-8").split("### Text neurons\n")[1].split("\n\nA text neuron")[0]
    )
    return [shlex.split(line, comments=True)[1:] for line in re.findall(r"^ +(lens .*)$", section, re.MULTILINE)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    (folder / "source").mkdir()
    for name in FILES:
        shutil.copy(stdlib_root() / name, folder / "source" / name.replace("/", "_"))
    return folder


def smaller(command):
    exchanged = {"stdlib": "text:source", "blocks.*.mlp.act": LAYER}
    fewer = ["--exemplars", "8"] if command[0] == "build" else []
    return [exchanged.get(each, each) for each in command] + fewer


def test_the_section_builds_graphs_searches_draws_and_predicts():
    shown = [command[0] for command in documented()]
    assert shown[0] == "build"
    assert set(shown) == {"build", "graph", "search"}
    assert len(shown) >= 7


def test_every_command_does_what_it_says(place, lens_command, monkeypatch):
    monkeypatch.chdir(place)
    said = []
    for command in documented():
        status, out, err = lens_command(*smaller(command))
        assert status == 0, f"lens {' '.join(command)}: {err}"
        said.append((command, out))
    index = Index.open(place / "code")
    assert index.manifest.kind == "text"
    assert len(index.neurons) == 512
    graphs, scores = Texts(index).graph_tables
    assert scores.num_rows == 512
    assert graphs.num_rows > 512
    assert "<svg" in (place / "graph.svg").read_text(encoding="utf-8")
    assert "<html" in (place / "card.html").read_text(encoding="utf-8")
    by_words = next(out for command, out in said if "import statement" in command)
    assert len(re.findall(rf"{LAYER}/\d+", by_words)) == 20
    by_token = next(out for command, out in said if command[2:] == ["--token", "import"])
    found = re.findall(rf"{LAYER}/(\d+)", by_token)
    assert found
    pieces = Texts(index).pieces
    for unit in found:
        assert {pieces[token].strip() for token in Texts(index).graph(int(unit)).activating if token >= 0} >= {
            b"import"
        }
    told = next(out for command, out in said if "--text" in command)
    assert "isinstance" in told
    assert "measured" in told
    status, out, err = lens_command("label", "code", "--vocabulary", "python-code", "--save", "--json")
    assert status == 0, err
    detections = [json.loads(line)["detection"] for line in out.splitlines()]
    assert Index.open(place / "code").labels["detection"].to_pylist() == detections
    assert 0.7 < statistics.mean(each for each in detections if each is not None) <= 1
