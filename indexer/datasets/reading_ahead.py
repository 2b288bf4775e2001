"""Samples read by threads before they are wanted, bounded in number and in bytes."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Condition
from typing import Any, Generic, NamedTuple, TypeVar

from PIL import Image

from indexer.datasets.dataset import Dataset
from indexer.datasets.images import PIXEL_BYTES, announcing
from indexer.errors import DatasetFault

T = TypeVar("T")

AHEAD_LIMIT = 1 << 30
"""Bytes of images being decoded and of what waits to be taken; a single larger image is read alone."""
MOST_THREADS = 8
"""Threads used where nobody says how many; beyond, the subject rather than the reading sets the pace (ours)."""
_STRIP = 1 << 20


class Read(NamedTuple, Generic[T]):
    """What came of reading a sample."""

    content: str | None
    """Digest of its pixels, where that was asked for; None where it cannot be read."""
    item: T | None
    """As prepared for a model."""
    fault: str | None
    image: Image.Image | None
    """As decoded, where that was asked for."""


@dataclass(frozen=True)
class Ahead:
    """How to read ahead."""

    threads: int
    samples: int
    """At most so many are read before they are wanted."""
    images: bool = False
    """Give the decoded images too."""
    digests: bool = True
    """Give the digests of their pixels."""
    limit: int = AHEAD_LIMIT
    """Bytes; see AHEAD_LIMIT."""


class ByteBudget:
    """Bytes that readers hold together. The next turn never waits, so that the others' bytes are taken some day."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: dict[int, int] = {}
        self._total = 0
        self._next = 0
        self._closed = False
        self._changed = Condition()

    def hold(self, turn: int, size: int) -> None:
        """Hold so many bytes for a turn instead of those it holds; more only when there is room."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or turn == self._next or self._fits(turn, size))
            if self._closed:
                raise CancelledError
            self._set(turn, size)

    def take(self, turn: int) -> None:
        """Turns are taken in their order: what this one holds is no longer the readers', and the next may go on."""
        with self._changed:
            self._next = turn + 1
            self._set(turn, 0)

    def close(self) -> None:
        """Let nobody wait any more: nothing is wanted."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _fits(self, turn: int, size: int) -> bool:
        before = self._held.get(turn, 0)
        return size <= before or self._total - before + size <= self._limit

    def _set(self, turn: int, size: int) -> None:
        self._total += size - self._held.pop(turn, 0)
        if size:
            self._held[turn] = size
        self._changed.notify_all()


def read_ahead(
    dataset: Dataset, prepare: Callable[[Image.Image], T], numbers: Sequence[int], ahead: Ahead
) -> Iterator[Read[T]]:
    """Samples in the order of `numbers`, each read and prepared by a thread."""
    budget = ByteBudget(ahead.limit)

    def read(turn: int, number: int) -> Read[T]:
        try:
            with announcing(lambda size: budget.hold(turn, size)):
                image = dataset.load(number)
        except DatasetFault as fault:
            budget.hold(turn, 0)
            return Read(None, None, fault.message, None)
        budget.hold(turn, bytes_of(image))
        content, item = content_of(image) if ahead.digests else None, prepare(image)
        kept = image if ahead.images else None
        budget.hold(turn, bytes_of(item) + (bytes_of(kept) if kept is not item else 0))
        return Read(content, item, None, kept)

    waiting: deque[tuple[int, Future[Read[T]]]] = deque()
    with ThreadPoolExecutor(max_workers=ahead.threads, thread_name_prefix="read") as pool:
        try:
            for turn, number in enumerate(numbers):
                waiting.append((turn, pool.submit(read, turn, number)))
                if len(waiting) > ahead.samples:
                    yield _first(waiting, budget)
            while waiting:
                yield _first(waiting, budget)
        finally:
            budget.close()
            for _, future in waiting:
                future.cancel()


def bytes_of(thing: Any) -> int:  # noqa: ANN401 - whatever a preprocessing gives
    """Bytes of an image, an array, a tensor, or a sequence or mapping of them; 0 for what cannot be told."""
    if isinstance(thing, Image.Image):
        return thing.width * thing.height * PIXEL_BYTES
    if isinstance(thing, Mapping):
        thing = tuple(thing.values())
    if isinstance(thing, (list, tuple)):
        return sum(bytes_of(each) for each in thing)
    size = getattr(thing, "nbytes", 0)
    return size if isinstance(size, int) else 0


def content_of(image: Image.Image) -> str:
    """Digest of an image's pixels, mode and size."""
    digest = hashlib.blake2b(f"{image.mode}{image.size}".encode(), digest_size=16)
    rows = max(1, _STRIP // max(1, image.width))
    for top in range(0, image.height, rows):  # strip by strip: a copy of a large image would cost as much again
        strip = image.crop((0, top, image.width, min(top + rows, image.height))) if rows < image.height else image
        digest.update(strip.tobytes())
    return digest.hexdigest()


def reading_threads(asked: int | None = None) -> int:
    """As asked, else the cores this process may use, at most eight."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return asked if asked is not None else min(MOST_THREADS, cores)


def _first(waiting: "deque[tuple[int, Future[Read[T]]]]", budget: ByteBudget) -> Read[T]:
    turn, future = waiting.popleft()
    found = future.result()
    budget.take(turn)
    return found
