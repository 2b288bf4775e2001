"""What `zip:` lists in an archive, and what it refuses."""

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from indexer.datasets import images
from indexer.datasets.zip import load
from indexer.errors import DatasetFault, InvalidInput


def _png(width: int = 3) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, 2)).save(content, "png")
    return content.getvalue()


def _archive(file: Path, *names: str, method: int = zipfile.ZIP_STORED) -> str:
    with zipfile.ZipFile(file, "w", method) as archive:
        for number, name in enumerate(names):
            archive.writestr(name, _png(3 + number))
    return str(file)


def test_keys_labels_and_what_is_passed_over(tmp_path: Path) -> None:
    hidden = ("__MACOSX/b/._x.png", ".DS_Store", "b/.x.png", "notes.txt", "empty/")
    dataset = load(_archive(tmp_path / "a.zip", "b/x.PNG", "a/deep/y.png", "top.png", *hidden))
    assert list(dataset.keys) == ["a/deep/y.png", "b/x.PNG", "top.png"]
    assert dataset.metadata["label"].tolist()[:2] == ["a", "b"]
    assert dataset.metadata["label"].isna().tolist() == [False, False, True]
    assert [dataset.load(number).width for number in range(3)] == [4, 3, 5]


def test_a_folder_inside_is_listed_as_if_it_were_all(tmp_path: Path) -> None:
    file = _archive(tmp_path / "a.zip", "photos/cat/a.png", "photos/dog/b.png", "other/c.png", "photos2/d.png")
    assert load(file).metadata["label"].tolist() == ["other", "photos", "photos", "photos2"]
    dataset = load(f"{file}/photos")
    assert list(dataset.keys) == ["cat/a.png", "dog/b.png"]
    assert dataset.metadata["label"].tolist() == ["cat", "dog"]
    assert dataset.load(1).width == 4
    assert list(load(f"{file}/photos/dog/").keys) == ["b.png"]
    with pytest.raises(InvalidInput, match="has no folder 'photo'") as fault:
        load(f"{file}/photo")
    assert "'photos'" in fault.value.hint


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_way_of_packing(tmp_path: Path, method: int) -> None:
    assert load(_archive(tmp_path / "a.zip", "x.png", method=method)).load(0).width == 3


def test_encrypted(tmp_path: Path) -> None:
    file = Path(_archive(tmp_path / "a.zip", "x.png"))
    content = bytearray(file.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    file.write_bytes(content)
    with pytest.raises(DatasetFault, match=r"'x.png' in '.*a.zip' is encrypted") as fault:
        load(str(file))
    assert "password" in fault.value.hint


@pytest.mark.parametrize("inner", ["more.zip", "d/more.TAR.GZ"])
def test_an_archive_inside(tmp_path: Path, inner: str) -> None:
    with pytest.raises(DatasetFault, match="is an archive itself"):
        load(_archive(tmp_path / "a.zip", "x.png", inner))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(tmp_path: Path) -> None:
    with pytest.raises(DatasetFault, match=r"holds 'x.png' twice"):
        load(_archive(tmp_path / "a.zip", "x.png", "x.png"))


def test_a_damaged_entry_is_named(tmp_path: Path) -> None:
    file = Path(_archive(tmp_path / "a.zip", "a.png", "b.png"))
    content = bytearray(file.read_bytes())
    content[50] ^= 0xFF
    file.write_bytes(content)
    dataset = load(str(file))
    with pytest.raises(DatasetFault, match=r"'a.png' cannot be read: Bad CRC-32"):
        dataset.load(0)
    assert dataset.load(1).width == 4


def test_an_entry_that_swells_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.png", bytes(3 << 20))
    monkeypatch.setattr(images, "ENCODED_LIMIT", 2 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    with pytest.raises(DatasetFault, match=r"'x.png' cannot be read: its 3 MiB are more than 2 MiB"):
        load(str(tmp_path / "a.zip")).load(0)


@pytest.mark.parametrize("kept", [0, 10, 100, -10])
def test_cut_off(tmp_path: Path, kept: int) -> None:
    file = Path(_archive(tmp_path / "a.zip", "a.png", "b.png"))
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(DatasetFault, match="cannot be read as ZIP"):
        load(str(file))


def test_no_archive(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="needs a file"):
        load("")
    with pytest.raises(InvalidInput, match="No archive at"):
        load(str(tmp_path / "a.zip"))
    with pytest.raises(InvalidInput) as fault:
        load(str(tmp_path))
    assert fault.value.hint == f"Write folder:{tmp_path}."
    with pytest.raises(DatasetFault, match="No images in .*holds 1 other files"):
        load(_archive(tmp_path / "a.zip", "a.txt"))
