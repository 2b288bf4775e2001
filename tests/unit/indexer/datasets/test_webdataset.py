"""What `webdataset:` reads from tar shards, and how it tells what is wrong with them."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from indexer.datasets.webdataset import load
from indexer.errors import DatasetFault, InvalidInput, UnknownName


def _png(width: int = 3) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, 2)).save(content, "png")
    return content.getvalue()


def _shard(file: Path, members: list[tuple[str, bytes]], format: int = tarfile.PAX_FORMAT) -> str:
    with tarfile.open(file, "w", format=format) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return str(file)


def _four(root: Path) -> None:
    for number in range(4):
        _shard(root / f"s-{number:02d}.tar", [(f"{number}.png", _png(3 + number))])


@pytest.mark.parametrize(
    ("named", "keys"),
    [
        ("s-01.tar", ["1"]),
        ("s-{01..03}.tar", ["1", "2", "3"]),
        ("s-0{0..1}.tar", ["0", "1"]),
        ("s-{0..0}{2..3}.tar", ["2", "3"]),
        ("s-*.tar", ["0", "1", "2", "3"]),
        ("s-0[02].tar", ["0", "2"]),
        ("", ["0", "1", "2", "3"]),
    ],
)
def test_shards_are_named_in_many_ways(tmp_path: Path, named: str, keys: list[str]) -> None:
    _four(tmp_path)
    (tmp_path / ".hidden.tar").write_bytes(b"")
    dataset = load(f"{tmp_path}/{named}")
    assert list(dataset.keys) == keys
    assert [dataset.load(number).width - 3 for number in range(len(keys))] == [int(key) for key in keys]


def test_names_agree_up_to_the_first_dot_of_the_file(tmp_path: Path) -> None:
    members = [
        ("./v1.0/a.left.PNG", _png(4)),
        ("./v1.0/a.right.png", _png(5)),
        ("v1.0/a.txt", b" a cup \n"),
        ("READ", b""),
    ]
    shard = _shard(tmp_path / "s.tar", [*members, ("v1.0/b.left.png", _png(6)), ("._a.png", b"junk")])
    dataset = load(f"{shard},image=left.png")
    assert list(dataset.keys) == ["v1.0/a", "v1.0/b"]
    assert [dataset.load(number).width for number in range(2)] == [4, 6]
    assert dataset.metadata["txt"].tolist()[0] == "a cup" and dataset.metadata["txt"].isna().tolist() == [False, True]
    with pytest.raises(
        DatasetFault, match=r"'v1.0/a' in the shard 's.tar' has two images, the second .*right.png"
    ) as fault:
        load(shard)
    assert "image=left.png" in fault.value.hint


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names(tmp_path: Path, format: int) -> None:
    name = "d/" + 150 * "é"
    dataset = load(_shard(tmp_path / "s.tar", [(f"{name}.png", _png())], format))
    assert list(dataset.keys) == [name]
    assert dataset.load(0).size == (3, 2)


def test_cls_is_the_label_unless_a_label_is_said(tmp_path: Path) -> None:
    members = [("a.png", _png()), ("a.cls", b"7\n"), ("b.png", _png()), ("b.cls", b"10")]
    metadata = load(_shard(tmp_path / "s.tar", members)).metadata
    assert metadata["label"].tolist() == ["7", "10"] and metadata["cls"].tolist() == [7, 10]
    said = [("a.json", b'{"label": "cat", "zip": "0123"}'), ("b.json", b'{"label": "dog", "zip": "4567"}')]
    metadata = load(_shard(tmp_path / "s.tar", [*members, *said])).metadata
    assert metadata["label"].tolist() == ["cat", "dog"]
    assert metadata["zip"].tolist() == ["0123", "4567"]


@pytest.mark.parametrize(
    ("values", "stored"),
    [
        ([1, 2**60], [1, 2**60]),
        ([1, 2.5], [1.0, 2.5]),
        ([True, False], [True, False]),
        ([1, "x"], ["1", "x"]),
        ([True, 1], ["true", "1"]),
        ([2**70, 1], [str(2**70), "1"]),
        (["01", "2"], ["01", "2"]),
    ],
)
def test_values_keep_their_kind(tmp_path: Path, values: list[object], stored: list[object]) -> None:
    members = [(f"{n}.json", json.dumps({"v": value}).encode()) for n, value in enumerate(values)]
    column = load(_shard(tmp_path / "s.tar", [*members, ("0.png", _png()), ("1.png", _png())])).metadata["v"]
    assert column.tolist() == stored and [type(each) for each in column.tolist()] == [type(each) for each in stored]


def test_nested_values_are_left_out_and_said(tmp_path: Path) -> None:
    members = [
        ("a.png", _png()),
        ("a.json", b'{"box": [1], "n": 1}'),
        ("b.png", _png()),
        ("b.json", b'{"box": 2, "n": null}'),
    ]
    dataset = load(_shard(tmp_path / "s.tar", members))
    assert list(dataset.metadata.columns) == ["n"]
    assert dataset.describe()["left_out"] == ["box"]


def test_a_sample_without_an_image_is_listed_and_named(tmp_path: Path) -> None:
    dataset = load(_shard(tmp_path / "s.tar", [("a.cls", b"1"), ("b.png", _png())]))
    with pytest.raises(DatasetFault, match="'a' cannot be read: its shard holds no image of it"):
        dataset.load(0)
    assert dataset.load(1).size == (3, 2)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a.png", _png()), ("a.png", _png())], "has two images"),
        ([("a.png", _png()), ("a.json", b"{")], r"its \.json is no JSON"),
        ([("a.png", _png()), ("a.json", b"[1]")], r"its \.json is no mapping"),
        ([("a.png", _png()), ("a.txt", b"\xff")], r"its \.txt is no UTF-8 text"),
        ([("a.png", _png()), ("a.cls", b"1"), ("a.json", b'{"cls": 2}')], "says 'cls' twice"),
        ([("a.npy", b"")], r"Nothing in .* is an image by its ending"),
        ([], r"Nothing in .* is an image"),
    ],
)
def test_faulty_samples(tmp_path: Path, members: list[tuple[str, bytes]], message: str) -> None:
    with pytest.raises(DatasetFault, match=message):
        load(_shard(tmp_path / "s.tar", members))


def test_a_sample_in_two_shards(tmp_path: Path) -> None:
    _shard(tmp_path / "a.tar", [("x.png", _png())])
    _shard(tmp_path / "b.tar", [("x.png", _png())])
    with pytest.raises(DatasetFault, match=r"'x' is in the shard 'a.tar' and in 'b.tar'"):
        load(str(tmp_path))


def test_a_shard_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = Path(_shard(tmp_path / "s.tar", [("a.png", _png()), ("b.png", _png())])).read_bytes()
    end = 4 * 512
    for length in (*range(0, end + 512, 128), end - 1, end + 511):
        (tmp_path / "s.tar").write_bytes(whole[:length])
        with pytest.raises(DatasetFault, match=r"s\.tar' (is cut off|cannot be read)"):
            load(str(tmp_path / "s.tar"))
    (tmp_path / "s.tar").write_bytes(whole[: end + 512])
    assert list(load(str(tmp_path / "s.tar")).keys) == ["a", "b"]


def test_damage_between_samples_is_not_taken_for_the_end(tmp_path: Path) -> None:
    whole = bytearray(Path(_shard(tmp_path / "s.tar", [("a.png", _png()), ("b.png", _png())])).read_bytes())
    whole[2 * 512 + 150] ^= 0xFF
    (tmp_path / "s.tar").write_bytes(whole)
    with pytest.raises(DatasetFault, match="damaged at byte 1,024"):
        load(str(tmp_path / "s.tar"))


def test_joined_archives(tmp_path: Path) -> None:
    one = Path(_shard(tmp_path / "a.tar", [("a.png", _png())])).read_bytes()
    two = Path(_shard(tmp_path / "b.tar", [("b.png", _png())])).read_bytes()
    (tmp_path / "s.tar").write_bytes(one + two)
    with pytest.raises(DatasetFault, match="goes on after its end"):
        load(str(tmp_path / "s.tar"))


def test_a_shard_that_shrinks_later_is_told_by_the_sample(tmp_path: Path) -> None:
    shard = Path(_shard(tmp_path / "s.tar", [("a.png", _png())]))
    dataset = load(str(shard))
    shard.write_bytes(shard.read_bytes()[:520])
    with pytest.raises(DatasetFault, match=r"'a' cannot be read: the shard 's.tar' ends within it"):
        dataset.load(0)


@pytest.mark.parametrize("name", ["s.tar.gz", "s.tar"])
def test_packed_shards(tmp_path: Path, name: str) -> None:
    whole = Path(_shard(tmp_path / "x.tar", [("a.png", _png())])).read_bytes()
    (tmp_path / "x.tar").unlink()
    (tmp_path / name).write_bytes(gzip.compress(whole))
    for argument in (tmp_path / name, tmp_path):
        with pytest.raises(InvalidInput, match=r"is packed with|cannot be read") as fault:
            load(str(argument))
        assert "gunzip" in fault.value.hint


def test_links(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        link = tarfile.TarInfo("a.png")
        link.type, link.linkname = tarfile.SYMTYPE, "b.png"
        tar.addfile(link)
    with pytest.raises(DatasetFault, match="'a.png' in the shard .* is a link to 'b.png'") as fault:
        load(str(tmp_path / "s.tar"))
    assert "--dereference" in fault.value.hint


def test_no_shards(tmp_path: Path) -> None:
    _four(tmp_path)
    with pytest.raises(InvalidInput, match=r"No shard at '.*s-04\.tar'"):
        load(f"{tmp_path}/s-{{02..99}}.tar")
    with pytest.raises(InvalidInput, match="No shard at"):
        load(f"{tmp_path}/t-*.tar")
    with pytest.raises(InvalidInput, match="is not on this disk"):
        load("https://example.org/s-{00..03}.tar")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetFault, match=r"No \.tar files below"):
        load(f"{tmp_path}/empty")
    with pytest.raises(InvalidInput, match="needs shards"):
        load("")


def test_unknown_columns(tmp_path: Path) -> None:
    shard = _shard(tmp_path / "s.tar", [("a.png", _png()), ("a.cls", b"1")])
    for option in ("label=clss", "clss=1"):
        with pytest.raises(UnknownName, match=r"No column of '.*s\.tar' named 'clss'"):
            load(f"{shard},{option}")
