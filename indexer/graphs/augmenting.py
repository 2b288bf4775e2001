"""The same prompt with another token where one mattered: what fires still widens the graph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.graphs.measuring import Measurer, Tokens, Wanted
from indexer.graphs.saliency import Salient, replaced
from indexer.graphs.settings import Asked, GraphSettings
from indexer.graphs.substitutes import Substitutes


@dataclass(frozen=True)
class Changed:
    """A prompt with one token replaced, in which the pivot fires still."""

    salient: Salient
    place: int
    tokens: Tokens
    values: NDArray[np.float32]
    """[tokens] activations."""


def augment(
    measurer: Measurer,
    substitutes: Substitutes,
    asked: Sequence[Asked],
    salients: Sequence[Salient],
    settings: GraphSettings,
) -> list[Changed]:
    """Each token that matters much for the pivot replaced by its substitutes, one at a time.

    Prompts whose pivot keeps less than `settings.kept` of its activation are dropped: the neuron fires on them no more.
    """
    spots = [
        (salient, int(place))
        for salient in salients
        for place in np.flatnonzero(salient.at_pivot >= settings.changed_from)
    ]
    proposed = substitutes.propose([(salient.tokens, place) for salient, place in spots], settings.substitutes)
    changed = [
        (salient, place, replaced(salient.tokens, place, token))
        for (salient, place), tokens in zip(spots, proposed, strict=True)
        for token in tokens
    ]
    neurons = [asked[salient.pruned.asked] for salient, _, _ in changed]
    wanted = [Wanted(tokens, each.unit, each.sign) for (_, _, tokens), each in zip(changed, neurons, strict=True)]
    return [
        Changed(salient, place, tokens, values)
        for (salient, place, tokens), values in zip(changed, measurer.measure(wanted), strict=True)
        if values[salient.pruned.pivot] >= settings.kept * salient.base[salient.pruned.pivot]
    ]
