"""Samples on their way to a model: read ahead by threads, in order, each content once."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from PIL import Image

from indexer.datasets.dataset import Dataset
from indexer.errors import DatasetFault

T = TypeVar("T")


@dataclass
class Reading:
    """What came of reading the samples so far, in their order."""

    contents: list[str | None] = field(default_factory=list)
    """Digest of each sample's pixels; None where it could not be read."""
    originals: list[int] = field(default_factory=list)
    """Number of the first sample with the same pixels: its own, unless it is a duplicate; −1 where unreadable."""
    faults: dict[int, str] = field(default_factory=dict)
    """Why a sample could not be read."""

    def __post_init__(self) -> None:
        self._first = {
            content: number for number, content in enumerate(self.contents) if self.originals[number] == number
        }

    def take(self, content: str | None) -> bool:
        """Record the next sample; True when it is readable and new."""
        number = len(self.contents)
        original = -1 if content is None else self._first.setdefault(content, number)
        self.contents.append(content)
        self.originals.append(original)
        return original == number

    @property
    def distinct(self) -> int:
        """Samples that are readable and no duplicates."""
        return len(self._first)


class Batch(NamedTuple, Generic[T]):
    """Samples ready for a model."""

    numbers: list[int]
    items: list[T]


def distinct_batches(
    dataset: Dataset, prepare: Callable[[Image.Image], T], reading: Reading, *, size: int, threads: int
) -> Iterator[Batch[T]]:
    """Batches of the samples that `reading` has not seen, each content once, in order; `reading` is kept up to date."""
    numbers: list[int] = []
    items: list[T] = []
    todo = range(len(reading.contents), len(dataset.keys))
    for number, (content, item, fault) in zip(todo, _read_ahead(dataset, prepare, todo, threads), strict=True):
        if fault is not None:
            reading.faults[number] = fault
        if reading.take(content) and item is not None:
            numbers.append(number)
            items.append(item)
        if len(items) == size:
            yield Batch(numbers, items)
            numbers, items = [], []
    if items:
        yield Batch(numbers, items)


def chosen_batches(
    dataset: Dataset, prepare: Callable[[Image.Image], T], numbers: Sequence[int], *, size: int, threads: int
) -> Iterator[Batch[T]]:
    """Batches of these samples, in the order given; raises DatasetFault for one that can no longer be read."""
    taken: list[int] = []
    items: list[T] = []
    for number, (_, item, fault) in zip(numbers, _read_ahead(dataset, prepare, numbers, threads), strict=True):
        if item is None:
            raise DatasetFault(f"{dataset.keys[number]} could be read before, but not now: {fault}")
        taken.append(number)
        items.append(item)
        if len(items) == size:
            yield Batch(taken, items)
            taken, items = [], []
    if items:
        yield Batch(taken, items)


def _read_ahead(
    dataset: Dataset, prepare: Callable[[Image.Image], T], numbers: Sequence[int], threads: int
) -> Iterator[tuple[str | None, T | None, str | None]]:
    def read(number: int) -> tuple[str | None, T | None, str | None]:
        try:
            image = dataset.load(number)
        except DatasetFault as fault:
            return None, None, fault.message
        return content_of(image), prepare(image), None

    waiting: deque[Future[tuple[str | None, T | None, str | None]]] = deque()
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="read") as pool:
        try:
            for number in numbers:
                waiting.append(pool.submit(read, number))
                if len(waiting) > 16 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def content_of(image: Image.Image) -> str:
    """Digest of an image's pixels, mode and size."""
    digest = hashlib.blake2b(f"{image.mode}{image.size}".encode(), digest_size=16)
    digest.update(image.tobytes())
    return digest.hexdigest()
