"""What a renderer is."""

from typing import Protocol

from lens_server.report import Report


class Renderer(Protocol):
    """Draws a report; a pure function of it, so that two equal reports give equal bytes."""

    def __call__(self, report: Report) -> str:
        """The whole output, ending in a newline."""
        ...
