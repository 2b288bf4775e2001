"""Batches that fit: halved where memory does not hold them."""

import gc
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from indexer.errors import OutOfMemory

T = TypeVar("T")

_SAID = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "_alloc_failed")


class Fitting:
    """Runs batches in pieces; one that does not fit is halved, and the halved size stays for all that come after."""

    def __init__(self, what: str, tell: Callable[[str], None]) -> None:
        self._what = what
        self._tell = tell
        self._most: int | None = None

    def run(self, count: int, call: Callable[[slice], T]) -> Iterator[tuple[slice, T]]:
        """Each piece of a batch of `count` in order, with what the call made of it.

        The call keeps nothing of a piece it fails on. Raises OutOfMemory where not even one item fits.
        """
        start = 0
        while start < count:
            piece = slice(start, min(count, start + (self._most or count)))
            try:
                made = call(piece)
            except (MemoryError, RuntimeError) as fault:
                if not out_of_memory(fault):
                    raise
                reason = str(fault)
            else:
                start = piece.stop
                yield piece, made
                continue
            # Not in the handler: there the traceback keeps alive what did not fit.
            self._halve(piece.stop - piece.start, reason)

    def _halve(self, size: int, reason: str) -> None:
        if size == 1:
            raise OutOfMemory(
                f"The {self._what} runs out of memory on a single sample: {_first_line(reason)}",
                hint="End what else uses the memory and go on with --resume, or begin anew on another --device.",
            )
        self._most = size // 2
        _release()
        self._tell(f"The {self._what} ran out of memory on {size} samples at once; going on with {self._most}.")


def out_of_memory(fault: BaseException) -> bool:
    """Whether a fault says that memory is short, on whatever device: torch has one class for CUDA alone."""
    return isinstance(fault, MemoryError) or any(words in str(fault).lower() for words in _SAID)


def _release() -> None:
    """Give back what the failed attempt held; a device that nobody uses is not woken for it."""
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def _first_line(reason: str) -> str:
    return (reason.strip().splitlines() or ["no reason was given."])[0][:200]
