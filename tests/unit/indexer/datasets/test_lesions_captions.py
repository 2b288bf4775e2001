"""Captions say only what is true, in many words."""

import re

import numpy as np

from indexer.datasets.lesions import CONCEPTS, World, caption, columns, present
from indexer.datasets.lesions.captions import NEUTRAL

WORLD = World(seed=21)


_WORDINGS = sorted((words, name) for name, each in CONCEPTS.items() for words in (*each.nouns, *each.adjectives))
_PATTERNS = [
    (name, words.removeprefix("a ").removeprefix("an ")) for words, name in sorted(_WORDINGS, key=lambda w: -len(w[0]))
]


def _mentioned(text: str) -> set[str]:
    """Concepts whose wording stands in a caption; a longer wording hides the shorter ones within it."""
    found = set()
    for name, words in _PATTERNS:
        if words in text:
            shorter = re.sub(rf"(?<![\w-]){re.escape(words)}(?![\w]|-(?!like))", "#", text)
            if shorter != text:
                text = shorter
                found.add(name)
    return found


def test_concepts_follow_their_columns() -> None:
    for number in range(60):
        lesion = WORLD.sample(number)
        row, seen = columns(lesion), present(lesion)
        assert ("ruler" in seen) == bool(row["ruler"])
        assert ("asymmetric" in seen) != ("symmetric" in seen)
        assert ("many_colours" in seen) == (len(lesion.colours) >= 4)
        assert all(name in seen for name in (*lesion.colours, *lesion.structures, *lesion.artefacts))


def test_captions_mention_only_what_is_true() -> None:
    rng = np.random.default_rng(0)
    named = 0
    for number in range(1500):
        lesion = WORLD.sample(number)
        text = caption(lesion, rng)
        if text in NEUTRAL:
            continue
        words = _mentioned(text)
        denied = re.search(r"\b(without|with no|free of)\b", text)
        assert words, text
        assert words.isdisjoint(present(lesion)) if denied else words <= set(present(lesion)), (text, present(lesion))
        named += len(words)
    assert named > 1500


def test_captions_vary_and_repeat_with_their_generator() -> None:
    lesion = WORLD.sample(0)
    texts = [caption(lesion, np.random.default_rng(seed)) for seed in range(200)]
    assert len(set(texts)) > 80
    assert texts == [caption(lesion, np.random.default_rng(seed)) for seed in range(200)]


def test_denials_are_rare_and_every_concept_is_named() -> None:
    rng = np.random.default_rng(1)
    texts = [caption(WORLD.sample(number), rng) for number in range(3000)]
    assert 0 < np.mean([bool(re.search(r"without|with no|free of", text)) for text in texts]) < 0.08
    assert set.union(*(_mentioned(text) for text in texts)) == set(CONCEPTS)
