"""Which neurons of one or several indexes lie together?"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from indexer.domain.embeddings import Vectors
from indexer.errors import InvalidInput
from lens_server.answers import Label
from lens_server.overviews import ConceptMap, MapPoint
from lens_server.plots.layout import in_a_plane
from lens_server.queries.label import LabelSettings, label
from lens_server.queries.sides import Side, check_sides

FEWEST: Final = 5
MOST: Final = 5000
"""Points of a map: above, t-SNE takes minutes and a picture shows a cloud."""
SEED: Final = 20502


def concept_map(
    sides: Sequence[Side], vocabulary: Sequence[str], probes: Vectors, alpha: float, most: int = MOST
) -> ConceptMap:
    """The alive neurons of all indexes in a plane, by their concept vectors, each with the label that `label` gives.

    Where there are more than `most`, a uniform sample of them, the same each time. Raises InvalidInput for a `most`
    outside 5 to 5,000, for fewer than 5 alive neurons and for two indexes of one name, IndexUnusable for indexes of
    different embedding spaces.
    """
    if not FEWEST <= most <= MOST:
        raise InvalidInput(f"points is {most:,}.", hint=f"Give {FEWEST} to {MOST:,}.")
    check_sides(sides)
    settings = LabelSettings(alternatives=1, alpha=alpha)
    found: list[tuple[Side, int, Label]] = []
    for side in sides:
        alive = side.alive()
        labels = label(side.index, side.significance, alive, vocabulary, probes, settings)
        found += [(side, int(row), each) for row, each in zip(alive, labels, strict=True)]
    if len(found) < FEWEST:
        raise InvalidInput(
            f"A map needs at least {FEWEST} alive neurons; there are {len(found)}.",
            hint="Index more layers or samples, or add another index of the same space.",
        )
    chosen = found
    if len(found) > most:
        chosen = [found[at] for at in np.sort(np.random.default_rng(SEED).choice(len(found), most, replace=False))]
    plane = in_a_plane(np.stack([side.index.concept_vectors[row] for side, row, _ in chosen]))
    points = tuple(_point(side.name, each, at) for (side, _, each), at in zip(chosen, plane.places, strict=True))
    return ConceptMap(tuple(side.name for side in sides), len(found), plane.perplexity, points)


def _point(index: str, label: Label, at: Vectors) -> MapPoint:
    alignment = label.alignment if label.text is not None else None
    return MapPoint(index, label.neuron, float(at[0]), float(at[1]), label.text, alignment)
