"""Samples on their way to a model: read ahead by threads, in order, each content once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from PIL import Image

from indexer.datasets.dataset import Dataset
from indexer.datasets.reading_ahead import Ahead, Read, bytes_of, content_of, read_ahead, reading_threads
from indexer.errors import DatasetFault, SampleLost

__all__ = ["Batch", "Reading", "chosen_batches", "content_of", "distinct_batches", "first_batch", "reading_threads"]

T = TypeVar("T")

PICTURES_LIMIT = 256 << 20
"""Bytes of decoded images in one batch: one that is made of images ends there, one beside its inputs goes without."""


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

    def record(self, upto: int | None = None) -> dict[str, Any]:
        """What JSON can hold of the samples below `upto`, of all without."""
        stop = len(self.contents) if upto is None else upto
        faults = {str(number): why for number, why in self.faults.items() if number < stop}
        return {"contents": self.contents[:stop], "originals": self.originals[:stop], "faults": faults}

    @classmethod
    def restored(cls, record: Mapping[str, Any]) -> "Reading":
        """Go on from a record."""
        faults = {int(number): why for number, why in record["faults"].items()}
        return cls(record["contents"], record["originals"], faults)

    @property
    def distinct(self) -> int:
        """Samples that are readable and no duplicates."""
        return len(self._first)


class Batch(NamedTuple, Generic[T]):
    """Samples ready for a model."""

    numbers: list[int]
    items: list[T]
    images: Sequence[Image.Image | None] = ()
    """As decoded, where asked for; None for those there was no room for."""

    def part(self, piece: slice) -> "Batch[T]":
        """Some of it, in order."""
        return Batch(self.numbers[piece], self.items[piece], self.images[piece])


def distinct_batches(  # noqa: PLR0913 - all but three have names
    dataset: Dataset,
    prepare: Callable[[Image.Image], T],
    reading: Reading,
    *,
    size: int,
    threads: int,
    images: bool = False,
) -> Iterator[Batch[T]]:
    """Batches of the samples that `reading` has not seen, each content once, in order; `reading` is kept up to date.

    `images` adds the decoded images, as far as PICTURES_LIMIT allows.
    """
    growing: _Growing[T] = _Growing(size)
    todo = range(len(reading.contents), len(dataset.keys))
    ahead = Ahead(threads, _samples_ahead(size, threads), images=images)
    for number, read in zip(todo, read_ahead(dataset, prepare, todo, ahead), strict=True):
        if read.fault is not None:
            reading.faults[number] = read.fault
        if reading.take(read.content) and read.item is not None:
            growing.add(number, read)
        if growing.full:
            yield growing.batch(images)
            growing = _Growing(size)
    if growing.items:
        yield growing.batch(images)


def first_batch(dataset: Dataset, prepare: Callable[[Image.Image], T]) -> Batch[T] | None:
    """The first readable sample alone, with no other read ahead; None where none can be read."""
    for number in range(len(dataset.keys)):
        try:
            return Batch([number], [prepare(dataset.load(number))])
        except DatasetFault:
            continue
    return None


def chosen_batches(
    dataset: Dataset, prepare: Callable[[Image.Image], T], numbers: Sequence[int], *, size: int, threads: int
) -> Iterator[Batch[T]]:
    """Batches of these samples, in the order given; raises SampleLost for one that can no longer be read."""
    growing: _Growing[T] = _Growing(size)
    ahead = Ahead(threads, _samples_ahead(size, threads), digests=False)
    for number, read in zip(numbers, read_ahead(dataset, prepare, numbers, ahead), strict=True):
        if read.item is None:
            raise SampleLost(
                f"{dataset.keys[number]} could be read before, but not now: {read.fault}",
                hint="Make it readable again; a build goes on with --resume.",
            )
        growing.add(number, read)
        if growing.full:
            yield growing.batch(images=False)
            growing = _Growing(size)
    if growing.items:
        yield growing.batch(images=False)


def _samples_ahead(size: int, threads: int) -> int:
    """While a model looks at one batch, the next must be under way."""
    return max(16 * threads, 2 * size)


class _Growing(Generic[T]):
    """A batch that is not yet full."""

    def __init__(self, size: int) -> None:
        self.numbers: list[int] = []
        self.items: list[T] = []
        self._images: list[Image.Image | None] = []
        self._size = size
        self._pictures = 0

    def add(self, number: int, read: Read[T]) -> None:
        assert read.item is not None
        self.numbers.append(number)
        self.items.append(read.item)
        beside = bytes_of(read.image) if read.image is not read.item else 0
        fits = self._pictures + beside <= PICTURES_LIMIT
        self._images.append(read.image if fits else None)
        self._pictures += (beside if fits else 0) + (bytes_of(read.item) if isinstance(read.item, Image.Image) else 0)

    @property
    def full(self) -> bool:
        made_of_images = bool(self.items) and isinstance(self.items[-1], Image.Image)
        return len(self.items) == self._size or (made_of_images and self._pictures >= PICTURES_LIMIT)

    def batch(self, images: bool) -> Batch[T]:  # noqa: FBT001
        return Batch(self.numbers, self.items, self._images if images else ())
