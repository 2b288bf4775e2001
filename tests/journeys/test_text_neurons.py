"""`lens graph`, and `lens show` of text neurons: from an index without graphs to the pictures."""

import json
import shutil
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest

from indexer.pipeline import build_index
from lens_server.lens import Lens
from lens_server.rpc.server import serve
from tests.conftest import ROOT, build_config

NEURON = "blocks.1.mlp.act/3"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """An index of texts without graphs."""
    out = tmp_path_factory.mktemp("texts") / "rules"
    return build_index(
        build_config(
            out, subject="tiny-text:grammar", layers=("blocks.1.mlp.act",), dataset="grammar:150", exemplars=12
        )
    )


@pytest.fixture(scope="module")
def graphed(plain, tmp_path_factory):
    from indexer.graphs.all_graphs import make_graphs

    folder = shutil.copytree(plain, tmp_path_factory.mktemp("graphed") / "rules")
    make_graphs(folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def snippet(graphed):
    """A text that the neuron fires on at its end."""
    for each in Lens.open(graphed).texts.snippets(NEURON):
        text = "".join(each.tokens[: each.pivot + 1])
        if text.isascii() and "\\x" not in text:
            return text
    raise AssertionError("Every snippet holds bytes.")


def test_all_graphs_are_made_with_one_command_and_scored(plain, tmp_path, lens_command):
    folder = shutil.copytree(plain, tmp_path / "rules")
    status, out, err = lens_command("graph", folder, "--all", "--workers", "1")
    assert status == 0 and "Making token graphs: 8" in err
    row = next(line.split() for line in out.splitlines() if line.startswith("blocks.1.mlp.act"))
    assert row[:4] == ["blocks.1.mlp.act", "8", "0", "0"] and float(row[4]) > 0.9
    scored = json.loads(lens_command("graph", folder, "--scores", "--json")[1])
    assert [each["layer"] for each in scored] == ["blocks.1.mlp.act"]
    assert f"{scored[0]['f1']['mean']:.3f}" == row[4]


def test_a_neurons_graph_is_told_and_drawn(graphed, tmp_path, lens_command):
    files = [tmp_path / f"graph.{ending}" for ending in ("svg", "dot", "html")]
    status, out, _ = lens_command("graph", graphed, NEURON, "--svg", files[0], "--dot", files[1], "--html", files[2])
    assert status == 0 and "‹␣old› ‹␣letter›" in out and "\x1b" not in out
    root = ElementTree.parse(files[0]).getroot()
    assert "␣letter" in "".join(root.itertext())
    assert files[1].read_text(encoding="utf-8").startswith(f'digraph "{NEURON}"')
    assert NEURON in files[2].read_text(encoding="utf-8")
    card = json.loads(lens_command("graph", graphed, NEURON, "--json")[1])
    assert card["neuron"]["id"] == NEURON and card["paths"][0]["tokens"][0]["text"] == " letter"


def test_a_text_of_ones_own_is_predicted_and_measured(graphed, snippet, lens_command):
    status, out, _ = lens_command("graph", graphed, NEURON, "--text", snippet, "--measured")
    assert status == 0 and out.count("‹letter 1.00›") >= 2, "once predicted, once measured"
    found = json.loads(lens_command("graph", graphed, NEURON, "--text", snippet, "--json")[1])
    assert found["tokens"][-1] == " letter" and found["predicted"][-1] >= 0.5 and found["measured"] == []
    assert "It fires on no token of it." in lens_command("graph", graphed, NEURON, "--text", "the river")[1]


def test_the_card_of_a_text_neuron(graphed, snippet, tmp_path, lens_command):
    status, out, _ = lens_command("show", graphed, NEURON, "--text", snippet, "--html", tmp_path / "card.html")
    assert status == 0
    for each in ("state", "Snippets", "‹letter 1.00›", "Token graph", "F1", "similar:", "on the text"):
        assert each in out
    page = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "Prediction for your text" in page and "Similar neurons" in page and "<svg" in page
    card = json.loads(lens_command("show", graphed, NEURON, "--json")[1])
    assert card["snippets"][0]["activation"] == card["exemplars"][0]["activation"]
    assert card["graph"]["activating"][0] == " letter" and card["prediction"] is None


def test_without_graphs_the_card_is_shown_and_the_graph_is_not(plain, tmp_path, lens_command):
    status, out, _ = lens_command("show", plain, NEURON, "--html", tmp_path / "card.html")
    assert status == 0 and "Snippets" in out and "Token graph" not in out
    assert "No graph was made of this neuron yet." in (tmp_path / "card.html").read_text(encoding="utf-8")
    status, _, err = lens_command("graph", plain, NEURON)
    assert status == 2 and f"lens graph {plain} --all" in " ".join(err.split())


def test_graphs_are_listed_and_compared(graphed, lens_command):
    status, out, _ = lens_command("graph", graphed, "--order", "parts", "--limit", "3")
    assert status == 0 and out.count("blocks.1.mlp.act/") == 3
    assert len(json.loads(lens_command("graph", graphed, "--order", "in-context", "--json")[1])) == 8
    alike = json.loads(lens_command("graph", graphed, NEURON, "--alike", "--json")[1])
    assert NEURON not in [each["neuron"]["id"] for each in alike]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("blocks.1.mlp.act/99",), "units 0 to 7"),
        (("blocks.1.mlp.axt/3",), "blocks.1.mlp.act"),
        (("import",), "layer/unit"),
        ((), "Which neuron?"),
        (("--svg", "a.svg"), "--svg needs a neuron"),
        ((NEURON, "--all"), "--all is about all neurons"),
        ((NEURON, "--measured"), "--text"),
        ((NEURON, "--text", ""), "empty"),
        ((NEURON, "--svg", "nowhere/a.svg"), "cannot be written"),
        ((NEURON, "--alike", "--text", "x"), "--alike goes without --text"),
        ((NEURON, "--layer", "blocks.1.mlp.act"), "--layer chooses"),
        ((NEURON, "--workers", "2"), "--workers is for --all"),
        (("--all", "--layer", "nothing"), "nothing"),
        (("--scores", "--layer", "blocks.1.mlp.axt"), "blocks.1.mlp.act"),
        (("--order", "size"), "size"),
        (("--order", "parts", "--scores"), "two questions"),
        ((NEURON, "--limit", "0"), "limit"),
    ],
    ids=lambda each: " ".join(map(str, each)) if isinstance(each, tuple) else "",
)
def test_what_cannot_be_answered_is_refused_with_a_cure(graphed, lens_command, arguments, said):
    status, out, err = lens_command("graph", graphed, *arguments)
    assert (status, out) == (2, "") and said in " ".join(err.split()), err
    assert "Traceback" not in err and len(err.splitlines()) >= 2, "no cure"


def test_texts_have_no_pictures_and_pictures_no_graphs(graphed, opened_lens, tmp_path, lens_command):
    images = opened_lens.index.folder
    status, _, err = lens_command("show", graphed, NEURON, "--png", tmp_path / "a.png")
    assert status == 2 and "--html FILE" in err and not (tmp_path / "a.png").exists()
    status, _, err = lens_command("search", graphed, "a letter", "--png", tmp_path / "a.png")
    assert status == 2 and "--html FILE" in err and not (tmp_path / "a.png").exists()
    for asked in (("graph", images, "block4/3"), ("graph", images, "--all"), ("graph", images, "--scores")):
        status, _, err = lens_command(*asked)
        assert status == 2 and "text" in err, err
    status, _, err = lens_command("show", images, "block4/3", "--html", tmp_path / "a.html")
    assert status == 2 and "--html is for text neurons" in err and "--png" in err
    for asked in (("--html", tmp_path / "a.html"), ("--text", "x")):
        assert lens_command("show", graphed, *asked)[0] == 2
        assert lens_command("show", graphed, NEURON, *asked, "--redundant", "blocks.1.mlp.act")[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        ("show", "--redundant", "blocks.1.mlp.act"),
        ("show", "--coverage"),
        ("compare", NEURON, "blocks.1.mlp.act/4"),
        ("search", "a letter"),
        ("label", "--limit", "2"),
        ("verify",),
    ],
    ids=lambda each: each[0] + (each[1] if len(each) > 1 else ""),
)
def test_what_is_asked_of_images_is_answered_of_texts(graphed, lens_command, arguments):
    verb, *others = arguments
    status, out, err = lens_command(verb, graphed, *others)
    assert status == 0 and out, err


def test_interrupted_it_says_how_it_goes_on(plain, tmp_path):
    folder = shutil.copytree(plain, tmp_path / "rules")
    command = [sys.executable, "-m", "lens_server.cli", "graph", str(folder), "--all", "--workers", "1"]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    begun = folder.with_name(folder.name + ".graphing")
    end = time.monotonic() + 60
    while not begun.exists() and running.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    if running.returncode == 0:
        pytest.skip("It was done before it could be interrupted.")
    assert running.returncode == 130 and "The same command goes on where it was." in err, err
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_a_server_answers_as_the_folder_does(graphed, snippet, tmp_path, lens_command):
    with serve([graphed], "127.0.0.1:0") as running:
        served = f"grpc://127.0.0.1:{running.port}"
        for asked in (
            ("graph", NEURON),
            ("graph", NEURON, "--text", snippet),
            ("graph", NEURON, "--alike"),
            ("graph", "--order", "parts"),
            ("graph", "--scores"),
            ("show", NEURON, "--text", snippet),
        ):
            verb, *others = asked
            assert lens_command(verb, served, *others) == lens_command(verb, graphed, *others)
        for name, target in (("a", served), ("b", graphed)):
            assert lens_command("show", target, NEURON, "--html", tmp_path / name)[0] == 0
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
        status, _, err = lens_command("graph", served, "--all")
        assert status == 2 and "lens graph FOLDER --all" in err
