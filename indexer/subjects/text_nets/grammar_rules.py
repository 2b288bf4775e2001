"""The rules that the neurons of `tiny-text:grammar` keep to, as data; the network is built of them, not trained.

A rule is told by the token at a place and those before it. Block 0 has a neuron for each of `SIMPLE`, block 1 one for
each of `MIXED`, whose senses are those of simple rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.subjects.text_nets.grammar import CLASSES, EMOJI, token

BEGINNING = 0
"""Stands before the first token of a text."""
REACH = 4
"""Tokens back that a rule may look at."""
FIRST, SECOND = "blocks.0.mlp.act", "blocks.1.mlp.act"
"""The layers."""

Place = Mapping[int, float] | None
"""Tokens that may stand there, each with its strength, above 0 and at most 1; None: any token."""


@dataclass(frozen=True)
class Sense:
    """One thing that a neuron fires on."""

    places: tuple[Place, ...]
    """The token's own place, then those before it, backwards."""
    weight: float = 1.0

    def activation(self, tokens: Sequence[int], place: int) -> float:
        """At a place of a text: the weight less what the tokens' strengths lack; 0 unless every place is right."""
        lacking = 0.0
        for back, allowed in enumerate(self.places):
            if place - back < -1:
                return 0.0
            found = BEGINNING if place - back == -1 else tokens[place - back]
            if allowed is not None and found not in allowed:
                return 0.0
            lacking += 0.0 if allowed is None else 1.0 - allowed[found]
        return max(0.0, self.weight * (1.0 - lacking))


@dataclass(frozen=True)
class Rule:
    """What a neuron fires on."""

    name: str
    senses: tuple[Sense, ...]

    def activations(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """[tokens] of a text given without the token that begins it."""
        at_each = [sum(sense.activation(tokens, place) for sense in self.senses) for place in range(len(tokens))]
        return np.array(at_each, dtype=np.float32)

    def fires(self, tokens: Sequence[int]) -> NDArray[np.bool_]:
        """[tokens] whether the activation is at least half of the highest that any text can give."""
        highest = max((sense.weight for sense in self.senses), default=1.0)
        return self.activations(tokens) >= 0.5 * highest


def _any(*pieces: str | bytes) -> Place:
    return {token(piece): 1.0 for piece in pieces}


def _graded(**strengths: float) -> Place:
    return {token(f" {word}"): strength for word, strength in strengths.items()}


_BEGINNING: Place = {BEGINNING: 1.0}
_PETS = (" cat", " dog", " bird")
_DETERMINERS = (" the", " a", " one", " every", " some")

_PLACES: Mapping[str, tuple[Place, ...]] = {
    "door": (_any(" door"),),
    "red": (_any(" red"),),
    "full stop": (_any("."),),
    "comma": (_any(","),),
    "closing bracket": (_any(")"),),
    "cat, dog or bird": (_any(*_PETS),),
    "any determiner": (_any(*_DETERMINERS),),
    "sees, weaker finds, opens": (_graded(sees=1.0, finds=0.8, opens=0.6),),
    "house, weaker river, faintly letter": (_graded(house=1.0, river=0.7, letter=0.3),),
    "cat after the": (_any(" cat"), _any(" the")),
    "dog after the or a": (_any(" dog"), _any(" the", " a")),
    "cat, dog or bird after red": (_any(*_PETS), _any(" red")),
    "sees or finds after cat or dog": (_any(" sees", " finds"), _any(" cat", " dog")),
    "cat, dog or bird after red, old or small": (_any(*_PETS), _any(" red", " old", " small")),
    "door two after the": (_any(" door"), None, _any(" the")),
    "river three after in": (_any(" river"), None, None, _any(" in")),
    "house after red, blue or old, three after in or under": (
        _any(" house"),
        _any(" red", " blue", " old"),
        None,
        _any(" in", " under"),
    ),
    "closing bracket two after an opening one": (_any(")"), None, _any(" (")),
    "opens after door after red": (_any(" opens"), _any(" door"), _any(" red")),
    "letter after old after a": (_any(" letter"), _any(" old"), _any(" a")),
    "very after very": (_any(" very"), _any(" very")),
    "very after very after very": (_any(" very"), _any(" very"), _any(" very")),
    "the beginning a text": (_any(" the"), _BEGINNING),
    "a determiner beginning a text": (_any(*_DETERMINERS), _BEGINNING),
    "cat after the beginning a text": (_any(" cat"), _any(" the"), _BEGINNING),
    "dog after old, weaker small": (_any(" dog"), _graded(old=1.0, small=0.6)),
    "bird after blue, faintly strange": (_any(" bird"), _graded(blue=1.0, strange=0.3)),
    "and after a comma": (_any(" and"), _any(",")),
    "half an emoji": (_any(EMOJI),),
    "the byte 8d after 90": (_any(b"\x8d"), _any(b"\x90")),
    "the byte 8d after 8c after half an emoji": (_any(b"\x8d"), _any(b"\x8c"), _any(EMOJI)),
    "an emoji after cat": (_any(EMOJI), _any(" cat")),
    "paints": (_any(" paints"),),
    "river after one": (_any(" river"), _any(" one")),
    "never after dog": (_any(" never"), _any(" dog")),
    "never two after dog": (_any(" never"), None, _any(" dog")),
    "any verb after any noun": (_any(*CLASSES["verb"]), _any(*CLASSES["noun"])),
    "any noun after any adjective": (_any(*CLASSES["noun"]), _any(*CLASSES["adjective"])),
    "any noun two after in or under": (_any(*CLASSES["noun"]), None, _any(" in", " under")),
    "dog after small or old after very": (_any(" dog"), _any(" small", " old"), _any(" very")),
    "any token": (None,),
}
SIMPLE: tuple[Rule, ...] = (
    *(Rule(name, (Sense(places),)) for name, places in _PLACES.items()),
    Rule("nothing", ()),
)

_MIXED: Mapping[str, Mapping[str, float]] = {
    "cat after the · full stop": {"cat after the": 1, "full stop": 1},
    "opens after door after red · dog after the or a": {"opens after door after red": 1, "dog after the or a": 1},
    "very after very · closing bracket · river after one": {
        "very after very": 1,
        "closing bracket": 1,
        "river after one": 1,
    },
    "letter after old after a · weaker and after a comma": {"letter after old after a": 1, "and after a comma": 0.7},
    "never after dog · never two after dog": {"never after dog": 1, "never two after dog": 1},
    "half an emoji · paints": {"half an emoji": 1, "paints": 1},
    "the beginning a text · door two after the": {"the beginning a text": 1, "door two after the": 1},
    "the byte 8d after 90 · house, weaker river, faintly letter": {
        "the byte 8d after 90": 1,
        "house, weaker river, faintly letter": 1,
    },
}
MIXED_WEIGHTS: tuple[tuple[float, ...], ...] = tuple(
    tuple(float(parts.get(rule.name, 0.0)) for rule in SIMPLE) for parts in _MIXED.values()
)
"""[mixed rules, simple rules] what block 1 makes of block 0."""
MIXED: tuple[Rule, ...] = tuple(
    Rule(name, tuple(Sense(_PLACES[part], weight) for part, weight in parts.items())) for name, parts in _MIXED.items()
)


def rules() -> dict[str, tuple[Rule, ...]]:
    """By layer, the rule of each neuron."""
    return {FIRST: SIMPLE, SECOND: MIXED}
