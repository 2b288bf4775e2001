"""Decoded images kept on disk for a second look, so that none is decoded twice. A cache: lost, it costs time only."""

import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import pandas as pd
from PIL import Image

from indexer.datasets.dataset import Dataset
from indexer.datasets.images import PIXEL_BYTES, ask_for

DECODED_LIMIT = 2 << 30
"""Bytes on disk."""
_FILES = 8
"""The limit is shared by so many files; the oldest goes when it is reached."""
_MOST = 50_000
"""Images in one file: what is known of each stays in memory."""


class _Place(NamedTuple):
    file: int
    offset: int
    width: int
    height: int
    checksum: int


class DecodedStore:
    """Pixels of samples in files `decoded-*.pixels`, at most `limit` bytes.

    When it is full the images kept first go: of those that were among a neuron's strongest at some time, the earliest
    are the likeliest to have been overtaken since. Failing to write or read is no fault, only a miss. Thread-safe.
    """

    def __init__(self, folder: Path, limit: int = DECODED_LIMIT) -> None:
        self._folder = folder
        self._limit = limit // _FILES
        self._lock = Lock()
        self._places: dict[int, _Place] = {}
        self._newest = 0
        self._used = self._count = 0
        for left in folder.glob("decoded-*.pixels"):  # of a build that was killed: nobody knows what is where
            _remove(left)

    def keep(self, number: int, image: Image.Image | None) -> None:
        """Keep a sample's image, unless it is kept, no RGB image, or too large for the limit."""
        if image is None or image.mode != "RGB" or number in self._places:
            return
        size = 3 * image.width * image.height
        if not 0 < size <= self._limit:
            return
        pixels = image.tobytes()
        with self._lock:
            self._make_room(size)
            place = _Place(self._newest, self._used, image.width, image.height, zlib.crc32(pixels))
            if not self._append(pixels):  # the disk is full: the build itself needs what is left
                self._clear()
                return
            self._places[number] = place
            self._used += size
            self._count += 1

    def load(self, number: int) -> Image.Image | None:
        """The image as it was kept, pixel by pixel; None where it is not there or no longer what it was."""
        place = self._places.get(number)
        if place is None:
            return None
        ask_for(2 * PIXEL_BYTES * place.width * place.height)
        size = 3 * place.width * place.height
        try:
            with self._file(place.file).open("rb") as file:
                file.seek(place.offset)
                pixels = file.read(size)
        except OSError:
            return None
        if len(pixels) != size or zlib.crc32(pixels) != place.checksum:
            return None
        return Image.frombytes("RGB", (place.width, place.height), pixels)

    def close(self) -> None:
        """Forget everything and free the disk."""
        with self._lock:
            self._clear()

    def __len__(self) -> int:
        return len(self._places)

    def _make_room(self, size: int) -> None:
        if self._used + size <= self._limit and self._count < _MOST:
            return
        self._newest += 1
        self._used = self._count = 0
        self._drop(self._newest - _FILES)

    def _append(self, pixels: bytes) -> bool:
        try:
            with self._file(self._newest).open("ab", buffering=0) as file:
                return file.write(pixels) == len(pixels)
        except OSError:
            return False

    def _drop(self, file: int) -> None:
        _remove(self._file(file))
        self._places = {number: place for number, place in self._places.items() if place.file != file}

    def _clear(self) -> None:
        for file in {place.file for place in self._places.values()} | {self._newest}:
            self._drop(file)
        self._newest += 1
        self._used = self._count = 0

    def _file(self, number: int) -> Path:
        return self._folder / f"decoded-{number:06d}.pixels"


def _remove(file: Path) -> None:
    with suppress(OSError):
        file.unlink()


class StoredDataset:
    """A dataset whose images come from the store where it has them."""

    keys: Sequence[str]
    metadata: pd.DataFrame

    def __init__(self, dataset: Dataset, store: DecodedStore) -> None:
        self.keys, self.metadata = dataset.keys, dataset.metadata
        self._dataset, self._store = dataset, store

    def load(self, number: int) -> Image.Image:
        """One sample, from the store or decoded again: the same pixels."""
        stored = self._store.load(number)
        return self._dataset.load(number) if stored is None else stored

    def describe(self) -> dict[str, object]:
        """What the dataset says of itself."""
        return self._dataset.describe()
