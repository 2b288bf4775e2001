"""Paths tried on the very passages they come from: a path that is mostly silent there is dropped.

A context that can be met in two ways hides from masking one token at a time, and the path that is left is too short.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from indexer.domain.token_graphs import FIRES, WILDCARD, TokenGraph

Text = tuple[Sequence[int], NDArray[np.float32]]
"""Tokens and their activations as shares of the neuron's highest."""


def tried(graph: TokenGraph, texts: Sequence[Text], least: float, fires: float = FIRES) -> TokenGraph:
    """Without paths that fire on less than the share `least` of the tokens that they decide, the longest tried first.

    What a dropped path decided, the next longest does. Paths that decide no token of the texts stay.
    The mean of a path that stays is that of all tokens that it decides, but at least `fires`: it stands for firing.
    """
    deciding = _deciding(graph, texts)
    kept = {}
    for number in sorted(range(len(graph.paths)), key=lambda each: _before(graph, each)):
        values = np.array([activation for _, activation in deciding[number]], dtype=np.float64)
        if not len(values):
            kept[number] = graph.paths[number]
        elif (values >= fires).mean() >= least:
            kept[number] = replace(graph.paths[number], mean=max(fires, float(values.mean())))
        else:
            for matching, activation in deciding[number]:
                if left := matching[matching.index(number) + 1 :]:
                    deciding[left[0]].append((left, activation))
    return TokenGraph(tuple(kept[number] for number in sorted(kept)))


def _deciding(graph: TokenGraph, texts: Sequence[Text]) -> list[list[tuple[list[int], float]]]:
    """By path, the tokens that it decides: all paths that match there, and the activation."""
    deciding: list[list[tuple[list[int], float]]] = [[] for _ in graph.paths]
    for tokens, activations in texts:
        for place, activation in enumerate(activations.tolist()):
            if matching := graph.matching(tokens, place):
                deciding[matching[0]].append((matching, activation))
    return deciding


def _before(graph: TokenGraph, number: int) -> tuple[int, list[bool]]:
    """Order in which paths decide: longer ones first, then those with literal tokens where others have wildcards."""
    tokens = graph.paths[number].tokens
    return -len(tokens), [token == WILDCARD for token in tokens]
