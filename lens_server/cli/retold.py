"""A server's progress told on a progress of this side."""

from contextlib import ExitStack

from indexer.progress import Progress, Stage
from lens_client import AuditProgress


class Retold:
    """Hears where a remote audit is and shows it as if it ran here; a context manager, so that the last stage ends."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._open = ExitStack()
        self._title = ""
        self._stage: Stage | None = None
        self._done = 0

    def __call__(self, event: AuditProgress) -> None:
        """One event: a note, or a step of a stage; the first step of a stage opens it."""
        if event.note:
            self._progress.note(event.note)
            return
        if self._stage is None or event.stage != self._title or event.done < self._done:
            self._open.close()
            self._title, self._done = event.stage, event.done
            self._stage = self._open.enter_context(self._progress.stage(event.stage, event.total, event.done))
        self._stage.advance(event.done - self._done)
        self._done = event.done

    def __enter__(self) -> "Retold":
        return self

    def __exit__(self, *fault: object) -> None:
        self._open.close()
