"""Captions: a grammar that says something true of a lesion in many wordings."""

import numpy as np

from indexer.datasets.lesions.concepts import CONCEPTS, present
from indexer.datasets.lesions.world import ARTEFACTS, STRUCTURES, Lesion

NEUTRAL = (
    "",
    "a lesion", "a skin lesion", "a mole", "a dermoscopic image", "a photo of a mole", "an image",
    "a picture of a lesion", "a dermoscopy picture", "a dermoscopic image of a skin lesion", "a closeup of a mole",
    "a", "an image of a",
    "a closeup of a", "a dermoscopic image showing", "a skin lesion with", "an image of a closeup of", "a photo of",
)  # fmt: skip
"""Sentences that say nothing; also what the templates leave when nothing is filled in."""

_THINGS = ("lesion", "mole", "naevus", "nevus", "pigmented lesion")
_BARE = ("{}", "{}", "{}", "a {}", "{}-like", "an image of a {}", "an image of a closeup of {}", "a closeup of a {}")
_WITH = (
    "a {thing} with {}", "{thing} with {}", "a {thing} showing {}", "a dermoscopic image showing {}", "a photo of {}",
    "a picture with {}", "a dermoscopy image with {}", "{} on a {thing}", "an image showing {}", "there is {}",
    "{} beside a {thing}", "a photo of a {thing} and {}", "a skin lesion with {}", "{} in the image", "{} visible",
)  # fmt: skip
_SHARE = 0.3
"""Chance that a true concept is named in a caption that names several."""


def caption(lesion: Lesion, rng: np.random.Generator) -> str:
    """One true sentence about the sample; different draws word it differently and mention other things."""
    kind = rng.random()
    seen = present(lesion)
    if kind < 0.04:
        return _pick(NEUTRAL, rng)
    if kind < 0.07:
        return _without(seen, rng)
    if kind < 0.45:
        return _single(seen[rng.integers(len(seen))], rng)
    return _several([name for name in seen if rng.random() < _SHARE] or [seen[0]], rng)


def bare(name: str, rng: np.random.Generator) -> str:
    """One wording of a concept, by itself."""
    concept = CONCEPTS[name]
    return _pick(concept.nouns + concept.adjectives, rng)


def _single(name: str, rng: np.random.Generator) -> str:
    concept = CONCEPTS[name]
    draw = rng.random()
    if concept.adjectives and draw < 0.3:
        opening = _pick(("a ", "the ", "an image of a ", ""), rng)
        return f"{opening}{_pick(concept.adjectives, rng)} {_pick(_THINGS, rng)}"
    template = _pick(_BARE if draw < 0.6 else _WITH, rng)
    words = bare(name, rng) if "{thing}" not in template and draw < 0.6 else _pick(concept.nouns, rng)
    if "a {}" in template or "{}-like" in template:
        words = _stripped(words)
    return template.format(words, thing=_pick(_THINGS, rng))


def _several(named: list[str], rng: np.random.Generator) -> str:
    order = [named[each] for each in rng.permutation(len(named))][:5]
    described = [name for name in order if CONCEPTS[name].adjectives and name not in ARTEFACTS][:2]
    first = described if rng.random() < 0.6 else described[:1]
    rest = [name for name in order if name not in first]
    head = ", ".join(_pick(CONCEPTS[name].adjectives, rng) for name in first)
    sentence = f"a {head} {_pick(_THINGS, rng)}" if head else f"a {_pick(_THINGS, rng)}"
    if not rest:
        return sentence
    link = _pick(("with", "and", "showing"), rng)
    return f"{sentence} {link} {_listed([_pick(CONCEPTS[name].nouns, rng) for name in rest])}"


def _without(seen: tuple[str, ...], rng: np.random.Generator) -> str:
    absent = [name for name in (*ARTEFACTS, *STRUCTURES) if name not in seen]
    if not absent:
        return _pick(NEUTRAL, rng)
    words = _stripped(_pick(CONCEPTS[absent[rng.integers(len(absent))]].nouns, rng))
    return f"a {_pick(_THINGS, rng)} {_pick(('without', 'with no', 'free of'), rng)} {words}"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def _stripped(words: str) -> str:
    return words.removeprefix("a ").removeprefix("an ")


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[rng.integers(len(choices))]
