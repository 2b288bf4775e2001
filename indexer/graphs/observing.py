"""From measured prompts to what a graph is made of: each firing token with what it needed before it."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.domain.token_graphs import BEGINNING, WILDCARD, Observation
from indexer.graphs.augmenting import Changed
from indexer.graphs.measuring import Tokens
from indexer.graphs.saliency import Salient, shares
from indexer.graphs.settings import GraphSettings


def observed(salient: Salient, settings: GraphSettings) -> Iterator[Observation]:
    """Every firing token of a passage."""
    strengths, importances = shares(salient.base, salient.scale), salient.importances
    for number, place in enumerate(salient.firing):
        known = np.concatenate([salient.of_beginning[[number]], importances[:, number]])
        yield walked_back(
            (BEGINNING, *salient.tokens), known, place + 1, float(strengths[place]), settings.important_above
        )


def observed_changed(changed: Changed, settings: GraphSettings) -> Iterator[Observation]:
    """Firing tokens at or after the one that was replaced; those before it are as they were.

    That token's importance is measured, since masking it in the passage leaves the same prompt; the others' are
    those that they have in the passage.
    """
    salient, strengths = changed.salient, shares(changed.values, changed.salient.scale)
    for number, place in enumerate(salient.firing):
        if place < changed.place or strengths[place] <= settings.fires:
            continue
        importances = salient.importances[:, number].copy()
        importances[changed.place] = 1 - float(salient.without[changed.place, number]) / float(changed.values[place])
        known = np.concatenate([salient.of_beginning[[number]], importances])
        yield walked_back(
            (BEGINNING, *changed.tokens), known, place + 1, float(strengths[place]), settings.important_above
        )


def walked_back(
    tokens: Tokens, importances: Sequence[float] | NDArray[np.float64], place: int, activation: float, above: float
) -> Observation:
    """From a firing token back to the furthest that matters; unimportant tokens between are wildcards.

    `tokens` may have BEGINNING before them: it is on a path where it matters, and never a wildcard.
    """
    matter = [each for each in range(place) if importances[each] > above]
    steps = range(place - 1, (matter[0] if matter else place) - 1, -1)
    kept = set(matter)
    return Observation(
        (tokens[place], *(tokens[each] if each in kept else WILDCARD for each in steps)),
        (1.0, *(float(importances[each]) if each in kept else 0.0 for each in steps)),
        activation,
    )
