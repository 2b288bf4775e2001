"""What `folder:` lists, and how it says that there is nothing to list."""

import os
from pathlib import Path

import pytest
from PIL import Image

from indexer.datasets.folder import load
from indexer.errors import DatasetFault, InvalidInput


def _image(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(file)


def test_keys_labels_and_what_is_passed_over(tmp_path: Path) -> None:
    for name in ("b/x.PNG", "b/deep/y.jpg", "a/z.png", "top.png", ".hidden.png", ".cache/h.png", "a/._z.png"):
        _image(tmp_path / name)
    (tmp_path / "a/readme.txt").write_text("no image")
    dataset = load(str(tmp_path))
    assert list(dataset.keys) == ["a/z.png", "b/deep/y.jpg", "b/x.PNG", "top.png"]
    assert dataset.metadata["label"].tolist()[:3] == ["a", "b", "b"]
    assert dataset.metadata["label"].isna().tolist() == [False, False, False, True]


def test_images_at_the_top_have_no_label(tmp_path: Path) -> None:
    _image(tmp_path / "a.png")
    dataset = load(str(tmp_path))
    assert list(dataset.metadata.columns) == []
    assert len(dataset.metadata) == 1


def test_linked_folders_are_entered_once(tmp_path: Path) -> None:
    _image(tmp_path / "data/a/x.png")
    _image(tmp_path / "elsewhere/y.png")
    (tmp_path / "data/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/a/circle").symlink_to(tmp_path / "data")
    assert list(load(str(tmp_path / "data")).keys) == ["a/x.png", "b/y.png"]


def test_an_unreadable_image_is_listed_and_named(tmp_path: Path) -> None:
    _image(tmp_path / "a/good.png")
    (tmp_path / "a/bad.png").write_bytes(b"bad")
    dataset = load(str(tmp_path))
    with pytest.raises(DatasetFault, match="'a/bad.png'"):
        dataset.load(0)
    assert dataset.load(1).size == (4, 4)


def test_absent_folder_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(InvalidInput, match="No folder at") as fault:
        load(str(tmp_path / "photo"))
    assert fault.value.hint == "Did you mean 'photos'?"


def test_absent_parent(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as fault:
        load(str(tmp_path / "no/such"))
    assert "parent folder" in fault.value.hint


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetFault, match="it is empty"):
        load(str(tmp_path))


def test_folder_with_a_table_only(tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text("path\n")
    with pytest.raises(DatasetFault, match="holds 1 other files") as fault:
        load(str(tmp_path))
    assert fault.value.hint == f"Did you mean csv:{tmp_path}/samples.csv?"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text("path\n")
    with pytest.raises(InvalidInput) as fault:
        load(str(tmp_path / "samples.csv"))
    assert fault.value.hint == f"Write csv:{tmp_path}/samples.csv."


def test_no_argument() -> None:
    with pytest.raises(InvalidInput, match="needs a path"):
        load("")


@pytest.mark.skipif(os.name != "posix", reason="File names are bytes on POSIX only.")
def test_file_names_that_are_no_text(tmp_path: Path) -> None:
    _image(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", os.fsencode(tmp_path) + b"/\xff.png")
    with pytest.raises(DatasetFault, match="is not UTF-8"):
        load(str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open every folder.")
def test_closed_subfolder(tmp_path: Path) -> None:
    _image(tmp_path / "a/x.png")
    (tmp_path / "a").chmod(0)
    try:
        with pytest.raises(DatasetFault, match="permission denied"):
            load(str(tmp_path))
    finally:
        (tmp_path / "a").chmod(0o700)
