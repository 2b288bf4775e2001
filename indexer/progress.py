"""How long work tells where it is. Surfaces bring their own; the pipeline only reports."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol


class Stage(Protocol):
    """A stage under way."""

    def advance(self, steps: int) -> None:
        """So many more are done."""
        ...


class Progress(Protocol):
    """Told of every stage as it begins, and of anything worth a line."""

    def stage(self, title: str, total: int, done: int = 0) -> "StageContext":
        """A context manager giving the stage."""
        ...

    def note(self, text: str) -> None:
        """Something the user should know."""
        ...


class StageContext(Protocol):
    """Opens and closes a stage."""

    def __enter__(self) -> Stage:
        """The stage begins."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None:
        """The stage ends."""
        ...


class Silent:
    """Says nothing."""

    @contextmanager
    def _nothing(self) -> Iterator["Silent"]:
        yield self

    def stage(self, title: str, total: int, done: int = 0) -> StageContext:
        """A stage nobody watches."""
        return self._nothing()

    def note(self, text: str) -> None:
        """Drop it."""

    def advance(self, steps: int) -> None:
        """Drop it."""
