"""A made-up language of fifty-odd tokens: which may follow which, how often, and texts of it.

A chain: the next token hangs on the last one alone, so its true distribution is a row of a table.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from indexer.subjects.text_nets import SPECIAL

VERSION = 1
"""Of the language: another number means other texts for the same seed."""
CONTEXT = 64
"""The most tokens that `tiny-text:grammar` takes, the beginning's included."""
LONGEST = 48
"""Tokens of a text at most; …"""
SHORTEST = 16
"""… it ends with the first sentence that ends after so many."""

CLASSES: Mapping[str, tuple[str, ...]] = {
    "determiner": (" the", " a", " one", " every", " some"),
    "adjective": (" red", " old", " small", " blue", " strange", " big"),
    "noun": (" cat", " dog", " bird", " house", " river", " letter", " door", " snake", " tree", " king"),
    "verb": (" sees", " finds", " opens", " paints", " loses", " follows", " hears", " likes"),
    "preposition": (" in", " under", " near"),
    "adverb": (" often", " never", " always"),
    "intensifier": (" very",),
    "conjunction": (" and", " or", " but"),
    "opening": (" (",),
}
"""Words with the blank before them."""
MARKS: tuple[bytes, ...] = (b".", b",", b")")
EMOJI = b"\xf0\x9f"
"""The first half of every emoji: one token of two bytes that are no UTF-8; the last two bytes are a token each."""
_AFTER_EMOJI = (b"\x90", b"\x8c", b"\x8d", b"\xa6")

_FOLLOWING: Mapping[str, Mapping[str, float]] = {
    "begin": {"determiner": 0.8, "adverb": 0.1, "conjunction": 0.1},
    "determiner": {"adjective": 0.4, "intensifier": 0.1, "noun": 0.5},
    "intensifier": {"intensifier": 0.4, "adjective": 0.6},
    "adjective": {"noun": 0.85, "adjective": 0.15},
    "noun": {
        "verb": 0.4,
        ".": 0.12,
        ",": 0.08,
        "preposition": 0.12,
        "emoji": 0.08,
        "opening": 0.05,
        ")": 0.06,
        "conjunction": 0.05,
        "adverb": 0.04,
    },
    "verb": {"determiner": 0.55, "preposition": 0.15, "adverb": 0.12, ".": 0.08, "noun": 0.1},
    "preposition": {"determiner": 0.7, "adjective": 0.1, "noun": 0.2},
    "adverb": {"verb": 0.6, "determiner": 0.2, "adjective": 0.2},
    "conjunction": {"determiner": 0.6, "verb": 0.3, "adverb": 0.1},
    "opening": {"determiner": 0.4, "noun": 0.4, "adjective": 0.2},
    ",": {"conjunction": 0.6, "determiner": 0.3, "adverb": 0.1},
    ".": {"determiner": 0.8, "adverb": 0.1, "conjunction": 0.1},
    ")": {".": 0.5, "verb": 0.3, ",": 0.2},
    "emoji": {"\x90": 0.6, "\x8c": 0.4},
    "\x90": {"\x8d": 0.55, "\xa6": 0.45},
    "\x8c": {"\x8d": 0.6, "\xa6": 0.4},
    "\x8d": {".": 0.4, "verb": 0.4, ",": 0.2},
    "\xa6": {".": 0.4, "verb": 0.4, ",": 0.2},
}
_FOND: Mapping[tuple[str, str], float] = {
    (" the", " red"): 3,
    (" the", " small"): 2,
    (" a", " old"): 3,
    (" red", " door"): 6,
    (" blue", " door"): 2,
    (" door", " opens"): 5,
    (" old", " letter"): 5,
    (" old", " house"): 4,
    (" old", " dog"): 3,
    (" small", " dog"): 3,
    (" blue", " bird"): 4,
    (" strange", " bird"): 4,
    (" one", " river"): 3,
    (" in", " a"): 3,
    (" in", " one"): 3,
    (" under", " some"): 3,
    (" a", " big"): 3,
    (" some", " blue"): 3,
    (" big", " river"): 6,
    (" blue", " house"): 3,
    (" the", " cat"): 3,
    (" cat", " never"): 3,
    (" dog", " never"): 6,
    (" tree", " never"): 3,
    (" (", " tree"): 3,
    (" (", " king"): 3,
    (" tree", ")"): 4,
    (" king", ")"): 4,
    (" dog", " sees"): 4,
    (" cat", " finds"): 3,
}
"""Tokens that follow others so many times as often as they else would."""


def vocabulary() -> tuple[bytes, ...]:
    """What each token stands for: special ones, all single bytes, half an emoji, the words."""
    words = [word.encode() for group in CLASSES.values() for word in group]
    return (*(b"" for _ in SPECIAL), *(bytes([byte]) for byte in range(256)), EMOJI, *words)


@cache
def _numbers() -> Mapping[bytes, int]:
    return {piece: number for number, piece in enumerate(vocabulary()) if piece}


def token(piece: str | bytes) -> int:
    """A token's number; raises KeyError for what is none."""
    return _numbers()[piece.encode() if isinstance(piece, str) else piece]


def words() -> list[int]:
    """Every token that texts of the language are made of."""
    return sorted({number for chances in _classes().values() for number in chances})


@cache
def chances() -> NDArray[np.float64]:
    """[vocabulary, vocabulary] how likely each token follows each; after what is not of the language, any of its."""
    table = np.zeros((len(vocabulary()), len(vocabulary())))
    table[:, words()] = 1 / len(words())
    for name, following in _FOLLOWING.items():
        for before in [0] if name == "begin" else _classes()[name]:
            table[before] = _row(before, following)
    return table


def text(seed: int, number: int) -> list[int]:
    """Tokens of a text, without the one that begins it; the same for the same seed and number."""
    chance = np.random.default_rng([VERSION, seed, number])
    table, end, last, written = _cumulated(), token("."), 0, list[int]()
    while len(written) < LONGEST and not (last == end and len(written) > SHORTEST):
        last = int(np.searchsorted(table[last], chance.random(), side="right"))
        written.append(last)
    return written


def spelled(tokens: Sequence[int]) -> bytes:
    """Tokens as they are written."""
    pieces = vocabulary()
    return b"".join(pieces[number] for number in tokens)


@cache
def _cumulated() -> NDArray[np.float64]:
    summed = np.cumsum(chances(), axis=1)
    return summed / summed[:, -1:]


@cache
def _classes() -> Mapping[str, tuple[int, ...]]:
    named: dict[str, tuple[int, ...]] = {name: tuple(map(token, group)) for name, group in CLASSES.items()}
    named.update({each.decode("latin-1"): (token(each),) for each in (*MARKS, *_AFTER_EMOJI)})
    return {**named, "emoji": (token(EMOJI),)}


def _row(before: int, following: Mapping[str, float]) -> NDArray[np.float64]:
    fond = {(token(first), token(second)): weight for (first, second), weight in _FOND.items()}
    row = np.zeros(len(vocabulary()))
    for name, share in following.items():
        group = _classes()[name]
        row[list(group)] = [share / len(group) * fond.get((before, each), 1.0) for each in group]
    row /= row.sum()
    return row
