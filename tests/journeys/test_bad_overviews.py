"""Coverage, series and plots of what cannot be: exit 2 with the cause and the cure, no picture, no traceback."""

import shutil

import pytest

from indexer.index.manifest import read_manifest
from indexer.pipeline import build_index
from tests.conftest import build_config


@pytest.fixture(scope="module")
def shelf(opened_lens, tmp_path_factory):
    """Indexes by name, and a few things that are none."""
    folder = tmp_path_factory.mktemp("shelf")
    build_index(
        build_config(
            folder / "single",
            subject="python:tests.nets:one_alive",
            layers=("units",),
            dataset="lesions:60,seed=901",
            exemplars=5,
        )
    )
    build_index(build_config(folder / "dead", subject="python:tests.nets:dead_classifier", exemplars=5))
    (folder / "words.txt").write_text("ruler\nhair\ncolour patch\n")
    (folder / "empty.txt").write_text("# nothing\n\n")
    (folder / "twice.txt").write_text("ruler\nruler\n")
    (folder / "foreign").symlink_to(foreign(opened_lens.index.folder, folder / "elsewhere"))
    (folder / "again").mkdir()
    (folder / "again" / opened_lens.name).symlink_to(opened_lens.index.folder)
    (folder / "good").symlink_to(opened_lens.index.folder)
    return folder


def foreign(folder, copy):
    """The same index as if another foundation model had made it: only the manifest says so."""
    shutil.copytree(folder, copy)
    manifest = read_manifest(copy)
    space = manifest.foundation_model.model_copy(update={"digest": "0" * 64})
    manifest.model_copy(update={"foundation_model": space}).sealed().write(copy)
    return copy


@pytest.fixture
def show(lens_command, shelf, tmp_path, monkeypatch):
    """Run `lens show …`; names of the shelf's things stand for their paths."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        known = {each.name: each for each in shelf.iterdir()}
        return lens_command("show", *(known.get(each, each) for each in arguments))

    return run


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["good", "--plot", "heatmap", "--out", "x.png"], "No plot named 'heatmap'"),
        (["good", "--plot", "coverag", "--out", "x.png"], "Did you mean 'coverage'"),
        (["good", "--plot", "map", "--out", "x.jpeg"], "neither .png nor .svg"),
        (["good", "--plot", "map", "--out", "absent/x.png"], "absent is not there"),
        (["good", "--plot", "map", "--out", "."], "neither .png nor .svg"),
        (["good", "--plot", "map"], "--plot needs a file"),
        (["good", "--out", "x.png"], "--out is for --plot"),
        (["good", "--vocabulary", "words.txt"], "--vocabulary is for --coverage"),
        (["good", "--plot", "clarity", "--out", "x.png", "--vocabulary", "words.txt"], "--vocabulary is for"),
        (["good", "--coverage", "--limit", "0"], "1 to 1000"),
        (["good", "--plot", "map", "--out", "x.png", "--limit", "3"], "--limit is for"),
        (["good", "--coverage", "--png", "x.png"], "--png is for"),
        (["good", "--coverage", "--series"], "are two questions"),
        (["good", "--coverage", "--plot", "map", "--out", "x.png"], "are two questions"),
        (["good", "--redundant", "block4", "--coverage"], "are two questions"),
        (["good", "block4/1", "block4/2"], "one argument too many"),
        (["good", "block4/1", "--redundant", "block4"], "one argument too many"),
        (["good", "--coverage", "--alpha", "1.5"], "alpha"),
        (["good", "--coverage", "--vocabulary", "empty.txt"], "is empty"),
        (["good", "--coverage", "--vocabulary", "twice.txt"], "'ruler' twice"),
        (["good", "--coverage", "--vocabulary", "dermoscopie"], "'dermoscopy'"),
        (["good", "--series"], "at least two checkpoints"),
        (["good", "--plot", "series", "--out", "x.png"], "at least two checkpoints"),
        (["good", "good", "--series", "--vocabulary", "words.txt"], "Two indexes are named"),
        (["good", "good", "--plot", "clarity", "--out", "x.png"], "Two indexes are named"),
        (["good", "foreign", "--coverage", "--vocabulary", "words.txt"], "cannot be compared"),
        (["good", "foreign", "--series", "--vocabulary", "words.txt"], "cannot be compared"),
        (["good", "foreign", "--plot", "map", "--out", "x.png", "--vocabulary", "words.txt"], "cannot be compared"),
        (["good", "foreign", "--plot", "clarity", "--out", "x.png"], "cannot be compared"),
        (["good", "nowhere", "--coverage"], "not an index"),
        (["good", "block4/1", "--coverage"], "not an index"),
        (["good", "grpc://127.0.0.1:1/x", "--coverage"], "is a folder and"),
        (["grpc://127.0.0.1:1/x", "grpc://127.0.0.1:2/y", "--coverage"], "different servers"),
        (["grpc://127.0.0.1:1/x", "y", "--coverage"], "127.0.0.1:1"),
        (["dead", "--coverage", "--vocabulary", "words.txt"], "no alive neuron"),
        (
            ["single", "--plot", "map", "--out", "x.png", "--vocabulary", "words.txt"],
            "at least 5 alive neurons; there are 1",
        ),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_refused(show, tmp_path, asked, said):
    status, out, err = show(*asked)
    assert status == 2, out + err
    assert said in " ".join(err.split()), err
    assert "Traceback" not in out + err
    assert not list(tmp_path.iterdir()), "nothing half-written"


def test_diff_of_two_servers_is_refused(lens_command):
    """The first alone was asked before, for an index of the second's name."""
    status, _, err = lens_command("diff", "grpc://127.0.0.1:1/x", "grpc://127.0.0.1:2/y")
    assert status == 2
    assert "different servers" in err


@pytest.mark.parametrize("kind", ["coverage", "clarity"])
def test_an_index_with_hardly_an_alive_neuron_is_drawn(show, tmp_path, kind):
    """What there is, and that it is too little."""
    words = ["--vocabulary", "words.txt"] if kind == "coverage" else []
    status, out, err = show("single", "--plot", kind, "--out", "x.svg", *words)
    assert status == 0, err
    assert "x.svg" in out
    assert ("Hatched: too few" if kind == "coverage" else "(1)") in (tmp_path / "x.svg").read_text()


def test_tables(show):
    """Coverage and series in words, with what is missing said."""
    status, out, _ = show("good", "--coverage", "--vocabulary", "words.txt", "--limit", "2")
    assert status == 0
    assert "too few alive neurons for a share" in out
    assert "block4" in out


def test_a_picture_is_written_whole(show, tmp_path):
    from PIL import Image

    status, out, err = show("good", "--plot", "map", "--out", "x.png", "--vocabulary", "words.txt")
    assert status == 0, err
    assert "alive neurons" in out
    Image.open(tmp_path / "x.png").load()
