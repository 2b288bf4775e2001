"""Which tokens of a prompt a neuron's firing rests on: each is masked in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from indexer.graphs.measuring import Measurer, Tokens, Wanted
from indexer.graphs.pruning import Pruned
from indexer.graphs.settings import Asked, GraphSettings
from indexer.subjects.text_subject import TextSubject


@dataclass(frozen=True)
class Salient:
    """A pruned passage with what the neuron does in it."""

    pruned: Pruned
    tokens: Tokens
    """Those of the passage; where later tokens change nothing before them, no further than the last that fires."""
    scale: float
    """Turns activations of this prompt into shares of the neuron's highest: pruning must not weaken an example."""
    base: NDArray[np.float32]
    """[tokens] activations."""
    firing: tuple[int, ...]
    """Places that fire, ascending; the pivot is among them or there are none."""
    without: NDArray[np.float32]
    """[masked token, firing place] activations."""
    later: NDArray[np.float32]
    """[firing place] activations where the passage does not begin the text; as they are where it never did."""

    @property
    def of_beginning(self) -> NDArray[np.float64]:
        """[firing place] importances of there being nothing before."""
        return 1 - self.later.astype(np.float64) / self.base[list(self.firing)]

    @cached_property
    def importances(self) -> NDArray[np.float64]:
        """[token, firing place] I[t, p] = 1 − a_p(mask t) / a_p; of activations below 0 it is above 1."""
        return 1 - self.without.astype(np.float64) / self.base[list(self.firing)]

    @property
    def at_pivot(self) -> NDArray[np.float64]:
        """[token] importances for the pivot."""
        return self.importances[:, self.firing.index(self.pruned.pivot)]


def shares(values: NDArray[np.float32], scale: float) -> NDArray[np.float64]:
    """Activations as shares of the neuron's highest; what pruning makes stronger than that counts as the highest."""
    return np.minimum(values.astype(np.float64) * scale, 1.0)


def saliency(
    subject: TextSubject, measurer: Measurer, asked: Sequence[Asked], pruned: Sequence[Pruned], settings: GraphSettings
) -> list[Salient]:
    """Those passages whose pivot fires, each with the activations of all its firing tokens without each token."""
    based = measurer.measure([_wanted(each, each.tokens, asked) for each in pruned])
    found = [
        salient
        for each, base in zip(pruned, based, strict=True)
        if (salient := _fired(each, base, asked[each.asked].highest, settings, causal=subject.causal)).firing
    ]
    masked = [
        _wanted(each.pruned, replaced(each.tokens, place, subject.tokenizer.mask), asked)
        for each in found
        for place in range(len(each.tokens))
    ]
    without = iter(measurer.measure(masked))
    beginning = [each for each in found if each.pruned.begins and len(each.tokens) < subject.room]
    later = measurer.measure(
        [_wanted(each.pruned, (subject.tokenizer.mask, *each.tokens), asked) for each in beginning]
    )
    shifted = {id(each): values[1:] for each, values in zip(beginning, later, strict=True)}
    return [
        Salient(
            each.pruned,
            each.tokens,
            each.scale,
            each.base,
            each.firing,
            np.stack([next(without)[list(each.firing)] for _ in each.tokens]),
            shifted.get(id(each), each.base)[list(each.firing)],
        )
        for each in found
    ]


def replaced(tokens: Tokens, place: int, token: int) -> Tokens:
    """A prompt with another token in one place."""
    return (*tokens[:place], token, *tokens[place + 1 :])


def _wanted(pruned: Pruned, tokens: Tokens, asked: Sequence[Asked]) -> Wanted:
    neuron = asked[pruned.asked]
    return Wanted(tokens, neuron.unit, neuron.sign)


def _fired(
    pruned: Pruned, base: NDArray[np.float32], highest: float, settings: GraphSettings, *, causal: bool
) -> Salient:
    """The scale makes the pivot as strong as it was in the whole passage."""
    strength = float(base[pruned.pivot])
    scale = pruned.whole / strength / highest if strength > 0 else 0.0
    firing = tuple(int(place) for place in np.flatnonzero(shares(base, scale) > settings.fires))
    firing = firing if pruned.pivot in firing else ()
    stop = firing[-1] + 1 if firing and causal else len(pruned.tokens)
    nothing = np.empty((0, len(firing)), dtype=np.float32)
    return Salient(pruned, pruned.tokens[:stop], scale, base[:stop], firing, nothing, base[list(firing)])
