"""Which of the words on the command line are indexes."""

import pytest

from lens_server.cli.search import divided


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two index folders and one that is none, in the folder one stands in."""
    for name in ("one", "two", "plain"):
        (tmp_path / name).mkdir()
    for name in ("one", "two"):
        (tmp_path / name / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("given", "indexes"),
    [
        (["one"], 1),
        (["one", "ruler", "hair"], 1),
        (["one", "two", "ruler"], 2),
        (["one", "ruler", "two"], 1),
        (["one", "plain"], 1),
        (["one", " two"], 1),
        (["one", "./two", "ruler"], 2),
        (["missing", "one", "ruler"], 2),
        (["grpc://host:1/a", "grpc://host:1/b", "ruler"], 2),
        (["one", ""], 1),
        (["one", "x" * 10_000], 1),
        (["one", "nul\0"], 1),
    ],
)
def test_what_follows_the_first_is_an_index_as_long_as_it_is_one(given, indexes):
    assert divided(given) == (given[:indexes], given[indexes:])
