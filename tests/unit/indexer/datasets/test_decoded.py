"""The store of decoded images is a cache: what it gives is what was kept, or nothing."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from indexer.datasets.decoded import DecodedStore, StoredDataset


def _image(number: int, size: tuple[int, int] = (20, 10)) -> Image.Image:
    pixels = np.random.default_rng(number).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


class Counted:
    """A dataset that counts what it decodes."""

    keys = [f"{number}" for number in range(40)]
    metadata = pd.DataFrame(index=range(40))

    def __init__(self) -> None:
        self.decoded: list[int] = []

    def load(self, number: int) -> Image.Image:
        self.decoded.append(number)
        return _image(number)

    def describe(self) -> dict[str, object]:
        return {"adapter": "counted"}


def test_the_same_pixels_without_decoding(tmp_path: Path) -> None:
    inner, store = Counted(), DecodedStore(tmp_path)
    dataset = StoredDataset(inner, store)
    for number in (3, 5, 4):
        store.keep(number, _image(number))
    for number in (5, 6, 3):
        image = dataset.load(number)
        assert (image.mode, image.size, image.tobytes()) == ("RGB", (20, 10), _image(number).tobytes())
    assert inner.decoded == [6]
    assert dataset.keys is inner.keys and dataset.metadata is inner.metadata
    assert dataset.describe() == {"adapter": "counted"}


def test_sizes_may_differ(tmp_path: Path) -> None:
    store, sizes = DecodedStore(tmp_path), [(1, 1), (300, 2), (2, 300)]
    for number, size in enumerate(sizes):
        store.keep(number, _image(number, size))
    for number, size in enumerate(sizes):
        stored = store.load(number)
        assert stored is not None and stored.tobytes() == _image(number, size).tobytes()


def test_what_is_not_kept(tmp_path: Path) -> None:
    store = DecodedStore(tmp_path, limit=8 * 600)
    store.keep(0, None)
    store.keep(1, _image(1).convert("L"))
    store.keep(2, _image(2, (20, 11)))
    assert len(store) == 0 and not list(tmp_path.iterdir())
    store.keep(3, _image(3))
    store.keep(3, _image(4))
    assert store.load(3).tobytes() == _image(3).tobytes()


def test_the_disk_is_bounded_and_the_first_go_first(tmp_path: Path) -> None:
    limit = 8 * 1250  # two images of 600 bytes in each of eight files
    store = DecodedStore(tmp_path, limit)
    for number in range(40):
        store.keep(number, _image(number))
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= limit
    kept = [number for number in range(40) if store.load(number) is not None]
    assert kept == list(range(24, 40))
    assert all(store.load(number).tobytes() == _image(number).tobytes() for number in kept)


def test_damage_is_a_miss(tmp_path: Path) -> None:
    inner, store = Counted(), DecodedStore(tmp_path)
    for number in range(3):
        store.keep(number, _image(number))
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[700] ^= 1
    file.write_bytes(content[:1750])
    dataset = StoredDataset(inner, store)
    assert all(dataset.load(number).tobytes() == _image(number).tobytes() for number in range(3))
    assert inner.decoded == [1, 2]
    file.unlink()
    assert dataset.load(0).tobytes() == _image(0).tobytes()
    assert inner.decoded == [1, 2, 0]


def test_a_full_disk_gives_back_what_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DecodedStore(tmp_path)
    store.keep(0, _image(0))
    real = Path.open

    def refuse(self: Path, mode: str = "r", **options: object) -> object:
        if "a" in mode:
            raise OSError(28, "No space left on device")
        return real(self, mode, **options)

    monkeypatch.setattr(Path, "open", refuse)
    store.keep(1, _image(1))
    assert not list(tmp_path.iterdir())
    assert store.load(0) is None and store.load(1) is None
    monkeypatch.setattr(Path, "open", real)
    store.keep(2, _image(2))
    assert store.load(2).tobytes() == _image(2).tobytes()


def test_what_a_killed_build_left_is_removed(tmp_path: Path) -> None:
    DecodedStore(tmp_path).keep(0, _image(0))
    (tmp_path / "collect.npz").write_bytes(b"")
    store = DecodedStore(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["collect.npz"]
    assert store.load(0) is None


def test_closing_frees_the_disk(tmp_path: Path) -> None:
    store = DecodedStore(tmp_path, limit=8 * 700)
    for number in range(5):
        store.keep(number, _image(number))
    store.close()
    assert not list(tmp_path.iterdir()) and len(store) == 0


def test_threads(tmp_path: Path) -> None:
    store = DecodedStore(tmp_path, limit=8 * 6000)

    def both(number: int) -> bool:
        store.keep(number, _image(number))
        stored = store.load(number)
        return stored is not None and stored.tobytes() == _image(number).tobytes()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(both, range(60)))
