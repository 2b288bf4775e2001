"""Answers as pictures. matplotlib and scikit-learn are imported here alone, and only when a picture is asked for."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

from indexer.errors import InvalidInput, MissingExtra, UnknownName
from lens_server.answers import IndexSummary, Neuron
from lens_server.overviews import ConceptMap, Coverage, Series

KINDS: Final = ("coverage", "clarity", "series", "map")
FORMS: Final = ("png", "svg")
ON_A_MAP: Final = 8
"""Indexes at most: so many colours there are."""
Clarities: TypeAlias = Sequence[tuple[IndexSummary, Sequence[Neuron]]]
"""Indexes with their alive neurons, whose clarity is drawn."""
Drawable: TypeAlias = Coverage | Series | ConceptMap | Clarities


def check_plot(kind: str, path: Path, indexes: int = 1) -> None:
    """Refuse before any work: UnknownName for a kind nobody draws, InvalidInput for what cannot be drawn or written."""
    if kind not in KINDS:
        raise UnknownName("plot", kind, KINDS)
    if kind == "map":
        check_colours(indexes)
    if path.suffix.lower().removeprefix(".") not in FORMS:
        raise InvalidInput(
            f"{path} ends in neither {' nor '.join('.' + form for form in FORMS)}.", hint=f"--out {kind}.png"
        )
    if not path.parent.is_dir():
        raise InvalidInput(f"The folder {path.parent} is not there.", hint="Make it first.")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InvalidInput(f"{path} cannot be written.", hint="Choose another file.")


def check_colours(indexes: int) -> None:
    """Raise InvalidInput for more indexes than a map tells apart."""
    if indexes > ON_A_MAP:
        raise InvalidInput(
            f"A map tells {ON_A_MAP} indexes apart by colour; these are {indexes}.", hint="Plot fewer at once."
        )


def picture(answer: Drawable, form: str = "png") -> bytes:
    """The picture of an answer as a PNG or SVG file; the same answer gives the same bytes.

    Raises MissingExtra without matplotlib, InvalidInput for an answer too large for a picture, and for a PNG with
    letters that its font does not have.
    """
    try:
        import matplotlib  # noqa: F401 - asked for here, so that its absence has a cure
    except ImportError as missing:
        raise MissingExtra(f"Plots need {missing.name!r}.", hint="pip install 'lens[plots]'") from missing
    from lens_server.plots import clarity, concept_map, coverage, paper, series

    if isinstance(answer, Coverage):
        return paper.rendered(lambda: coverage.draw(answer), form)
    if isinstance(answer, Series):
        return paper.rendered(lambda: series.draw(answer), form)
    if isinstance(answer, ConceptMap):
        return paper.rendered(lambda: concept_map.draw(answer), form)
    return paper.rendered(lambda: clarity.draw(answer), form)


def save_plot(answer: Drawable, path: Path) -> None:
    """Write the picture of an answer; the file's ending says whether PNG or SVG. Raises InvalidInput."""
    drawn = picture(answer, path.suffix.lower().removeprefix("."))
    try:
        path.write_bytes(drawn)
    except OSError as fault:
        raise InvalidInput(f"{path} cannot be written: {fault.strerror}.", hint="Choose another file.") from fault
