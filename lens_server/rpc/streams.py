"""Streams: batched, bounded in number, ended when nobody listens."""

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from threading import BoundedSemaphore
from typing import TypeVar

import grpc

from indexer.errors import Unavailable

T = TypeVar("T")
BATCH = 64
BATCH_SECONDS = 0.05


class StreamSlots:
    """How many streams and other long calls may run at once: each holds a worker, and short calls need some too."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = BoundedSemaphore(count)

    @contextmanager
    def one(self) -> Iterator[None]:
        """A slot for as long as the block runs."""
        if not self._free.acquire(blocking=False):
            raise Unavailable(
                f"This server works on {self._count} long calls already, and takes no more at once.",
                hint="Ask again shortly.",
            )
        try:
            yield
        finally:
            self._free.release()


def batches(parts: Iterator[T], context: grpc.ServicerContext) -> Iterator[list[T]]:
    """The parts, a few at a time, until the caller has cancelled or its deadline has passed."""
    batch: list[T] = []
    due = time.monotonic() + BATCH_SECONDS
    with closing(_closable(parts)) as open_parts:
        for part in open_parts:
            if not context.is_active():
                return
            batch.append(part)
            if len(batch) == BATCH or time.monotonic() >= due:
                yield batch
                batch, due = [], time.monotonic() + BATCH_SECONDS
    if batch:
        yield batch


def _closable(parts: Iterable[T]) -> Generator[T, None, None]:
    """A generator over any iterable, so that closing it lets go of the work behind."""
    yield from parts
