"""`text:`: files and folders of texts as people have them."""

import os

import pytest

from indexer.catalogue import CORPORA
from indexer.errors import DatasetFault, InvalidInput


def load(argument):
    return CORPORA.load(f"text:{argument}")


def test_a_file_of_any_ending(tmp_path):
    (tmp_path / "story.odd").write_text("Once upon a time.\n")
    corpus = load(tmp_path / "story.odd")
    assert corpus.keys == ["story.odd:1"] and corpus.load(0) == "Once upon a time.\n"


def test_texts_below_a_folder(tmp_path):
    for name in ("b.txt", "a/c.PY", "a/d.md", ".hidden.txt", ".git/e.txt", "picture.png", "a/no-ending"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"in {name}")
    corpus = load(tmp_path)
    assert corpus.metadata["document"].tolist() == ["a/c.PY", "a/d.md", "b.txt"]
    assert [corpus.load(number) for number in range(3)] == ["in a/c.PY", "in a/d.md", "in b.txt"]


def test_windows_files(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffone\r\n".encode() + b"two\r\n" * 100)
    corpus = load(f"{tmp_path},passage=40")
    assert corpus.load(0).startswith("one\ntwo\n") and not any("\r" in corpus.load(n) for n in range(len(corpus.keys)))
    assert corpus.metadata["line"].tolist()[:2] == [1, 11]


def test_files_that_are_not_utf8_are_counted(tmp_path):
    (tmp_path / "a.txt").write_text("a text")
    (tmp_path / "b.txt").write_bytes(b"caf\xe9")
    assert load(tmp_path).describe()["unreadable"] == ["b.txt"]
    (tmp_path / "a.txt").unlink()
    with pytest.raises(DatasetFault, match=r"nothing to read in .*: b.txt is not UTF-8 \(byte 3\)"):
        load(tmp_path)


def test_links(tmp_path):
    """Loops end; a link to a file is a file; one that leads nowhere is counted; pipes are not waited for."""
    (tmp_path / "a.txt").write_text("a text")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "again.txt").symlink_to(tmp_path / "a.txt")
    (tmp_path / "nowhere.txt").symlink_to(tmp_path / "gone.txt")
    (tmp_path / "round.txt").symlink_to(tmp_path / "round.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    corpus = load(tmp_path)
    assert corpus.metadata["document"].tolist() == ["a.txt", "again.txt"]
    assert corpus.describe()["unreadable"] == ["nowhere.txt", "round.txt"]


def test_nothing_to_read(tmp_path):
    with pytest.raises(DatasetFault, match="No texts below") as fault:
        load(tmp_path)
    assert ".txt" in fault.value.hint
    (tmp_path / "a.txt").write_text(" \n\t\n")
    with pytest.raises(DatasetFault, match="it holds no text"):
        load(tmp_path)


def test_a_typo_is_answered_by_what_is_near(tmp_path):
    (tmp_path / "stories").mkdir()
    with pytest.raises(InvalidInput, match="There is nothing at") as fault:
        load(tmp_path / "storys")
    assert "Did you mean 'stories'" in fault.value.hint
    with pytest.raises(InvalidInput, match="needs a file or a folder"):
        load("")
    with pytest.raises(InvalidInput, match="passage=many is no number"):
        load(f"{tmp_path},passage=many")


def test_a_huge_line(tmp_path):
    (tmp_path / "a.txt").write_text("[" + "1234567, " * 200_000 + "]")
    corpus = load(tmp_path)
    assert len(corpus.load(len(corpus.keys) // 2)) <= 1024
    assert len(corpus.keys) == len(set(corpus.keys)) > 1000


def test_names_that_are_no_text(tmp_path):
    try:
        (tmp_path / "caf\udce9.txt").write_text("a text")
    except OSError:
        pytest.skip("this disk takes no such names")
    with pytest.raises(DatasetFault, match="is not UTF-8"):
        load(tmp_path)
