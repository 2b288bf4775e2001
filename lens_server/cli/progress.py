"""Progress bars with rate and time left; plain lines where nobody watches a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from indexer.progress import Stage, StageContext


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class _Bar:
    def __init__(self, progress: Progress, task: int) -> None:
        self._progress, self._task = progress, task

    def advance(self, steps: int) -> None:
        """Move the bar."""
        self._progress.advance(self._task, steps)  # type: ignore[arg-type]


class _Nothing:
    def advance(self, steps: int) -> None:
        """Nobody watches."""


class TerminalProgress:
    """Bars on a terminal; one line a stage elsewhere. Everything goes to standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._quiet = quiet
        self._bars = sys.stderr.isatty() and not quiet

    def stage(self, title: str, total: int, done: int = 0) -> StageContext:
        """A bar, or a line when the stage ends."""
        return self._bar(title, total, done) if self._bars else self._line(title, total, done)

    def note(self, text: str) -> None:
        """A remark."""
        if not self._quiet:
            self._console.print(f"note: {text}", markup=False)

    @contextmanager
    def _bar(self, title: str, total: int, done: int) -> Iterator[Stage]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
        with Progress(*columns, console=self._console) as progress:
            yield _Bar(progress, progress.add_task(title, total=total, completed=done))

    @contextmanager
    def _line(self, title: str, total: int, done: int) -> Iterator[Stage]:
        started = time.monotonic()
        yield _Nothing()
        if not self._quiet:
            resumed = f", {done:,} of them before" if done else ""
            self._console.print(f"{title}: {total:,}{resumed} ({time.monotonic() - started:.1f} s)", markup=False)
