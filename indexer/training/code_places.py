"""Places in the standard library's source, with what is true of each: what tiny-code is trained and measured on."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import tokenizers
from numpy.typing import NDArray

from indexer.corpora.passages import cut
from indexer.corpora.stdlib import stdlib_files, stdlib_source
from indexer.errors import DatasetFault
from indexer.foundation_models.snippets import Snippet
from indexer.training.code_facts import Facts, facts_at, facts_of, words_of

BEFORE, AFTER = 26, 8
"""Tokens around a pivot, at most."""
CUT_SHORT, JOINED, SPLIT = 0.4, 0.25, 0.1
"""Shares of snippets with less text around them, and of pivots that are two tokens, or a part of one: tokenizers of
other subjects cut elsewhere."""
RARE = 1e-4
"""The least share of tokens that a fact is taken to hold of where rare ones are drawn more often."""
LEAST = 30
"""Files' mentions that a word needs to be taught."""
COMMONEST = 3000


class Source(NamedTuple):
    """A file and its tokens, passage by passage."""

    facts: Facts
    spans: NDArray[np.int32]
    """[tokens, 2] where each starts and stops."""
    passages: NDArray[np.int32]
    """[tokens, 2] the first token and the one after the last of each token's passage."""
    words: NDArray[np.int32]
    """Of every character: the number of the word it belongs to; −1 for none."""


class Places(NamedTuple):
    """Snippets and what is true of their pivots."""

    snippets: list[Snippet]
    facts: NDArray[np.bool_]
    """[places, facts]"""
    words: NDArray[np.int32]
    """[places, 2] the word of the pivot and the word before it; −1 for none or a rare one."""


def sources(names: list[str]) -> list[str]:
    """The source of files that can be read."""
    found = []
    for name in names:
        try:
            found.append(stdlib_source(name))
        except DatasetFault:
            continue
    return found


def split_files(every: int) -> tuple[list[str], list[str]]:
    """Files to learn from, and every so many-th, which measures."""
    names = list(stdlib_files())
    return [name for number, name in enumerate(names) if number % every], names[::every]


def common_words(texts: list[str]) -> dict[str, int]:
    """Word → number of the words that enough files hold, at most COMMONEST."""
    counts = Counter(word for text in texts for word in sorted({word for word, _, _ in words_of(text)}))
    return {word: number for number, (word, count) in enumerate(counts.most_common(COMMONEST)) if count >= LEAST}


def read_source(
    source: str, names: dict[str, int], library: tokenizers.Tokenizer, words: dict[str, int]
) -> Source | None:
    """A file's facts and tokens; None where it is no Python."""
    facts = facts_of(source, names)
    if facts is None:
        return None
    spans: list[tuple[int, int]] = []
    passages: list[tuple[int, int]] = []
    for _, start, stop in cut(source):
        offsets = library.encode(source[start:stop], add_special_tokens=False).offsets
        first = len(spans)
        spans += [(start + a, start + b) for a, b in offsets if b > a]
        passages += [(first, len(spans))] * (len(spans) - first)
    numbers = np.full(len(source) + 1, -1, dtype=np.int32)
    for word, start, stop in words_of(source):
        numbers[start:stop] = words.get(word, -1)
    return Source(facts, np.array(spans, np.int32), np.array(passages, np.int32), numbers)


def shares_of(read: list[Source], count: int) -> NDArray[np.float64]:
    """Share of the tokens that each of `count` facts holds of; what holds of almost none counts as RARE."""
    totals, tokens = np.zeros(count), 0
    for source in read:
        totals += _unpacked(source.facts.bits[source.spans[:, 1] - 1], count).sum(axis=0)
        tokens += len(source.spans)
    return np.maximum(totals / max(tokens, 1), RARE)


def draw(read: list[Source], size: int, chance: np.random.Generator, shares: NDArray[np.float64] | None) -> Places:
    """Places drawn from all; with the `shares` of facts, those of rare facts more often."""
    weights = []
    for source in read:
        each = np.ones(len(source.spans))
        if shares is not None:
            held = _unpacked(source.facts.bits[source.spans[:, 1] - 1], len(shares))
            each = (held * shares**-0.5).max(axis=1, initial=1.0)
        weights.append(each)
    joined = np.concatenate(weights)
    chosen = np.sort(chance.choice(len(joined), size, p=joined / joined.sum(), replace=size > len(joined)))
    bounds = np.cumsum([0, *map(len, weights)])
    snippets: list[Snippet] = []
    rows, words = [], []
    for number, source in enumerate(read):
        own = chosen[(chosen >= bounds[number]) & (chosen < bounds[number + 1])] - bounds[number]
        for token in own.tolist():
            start, stop = _pivot(source, token, chance)
            snippets.append(_snippet(source, token, (start, stop), chance))
            rows.append(_row(source.facts, start, stop))
            words.append(_words(source, start, stop))
    count = len(read[0].facts.names)
    return Places(snippets, _unpacked(np.array(rows), count), np.array(words, dtype=np.int32))


def _pivot(source: Source, token: int, chance: np.random.Generator) -> tuple[int, int]:
    start, stop = (int(each) for each in source.spans[token])
    luck, text = chance.random(), source.facts.source
    if luck < JOINED and token + 1 < source.passages[token, 1] and text[stop - 1 : stop + 1].isalnum():
        return start, int(source.spans[token + 1, 1])
    if luck > 1 - SPLIT and text[start:stop].strip().isalpha() and stop - start > 3:
        middle = int(chance.integers(start + 2, stop - 1))
        return (start, middle) if chance.random() < 0.5 else (middle, stop)
    return start, stop


def _snippet(source: Source, token: int, place: tuple[int, int], chance: np.random.Generator) -> Snippet:
    first, last = source.passages[token]
    before, after = BEFORE, AFTER
    if chance.random() < CUT_SHORT:
        before, after = int(chance.integers(0, BEFORE + 1)), int(chance.integers(0, AFTER + 1))
    begin = int(source.spans[max(first, token - before), 0])
    end = int(source.spans[min(last - 1, token + after), 1])
    text = source.facts.source
    return Snippet(text[begin : place[0]], text[place[0] : place[1]], text[place[1] : max(end, place[1])])


def _row(facts: Facts, start: int, stop: int) -> NDArray[np.uint64]:
    row = facts_at(facts, start, stop)
    text = facts.source
    inked = start + len(text[start:stop]) - len(text[start:stop].lstrip())
    names = {
        "later part of a name": text[inked - 1 : inked + 1].isidentifier() and inked == start,
        "first part of a name": text[stop - 1 : stop + 1].isidentifier() and not text[inked - 1 : inked].isalnum(),
    }
    for name, holds in names.items():
        if holds and text[inked : inked + 1].isalpha() and text[stop - 1 : stop + 1].strip():
            row[facts.names[name] // 64] |= np.uint64(1 << (facts.names[name] % 64))
    return row


def _words(source: Source, start: int, stop: int) -> tuple[int, int]:
    own = [int(number) for number in source.words[start:stop] if number >= 0]
    earlier = source.words[max(0, start - 40) : start]
    known = earlier[earlier >= 0]
    known = known[known != own[0]] if own else known
    return (own[0] if own else -1), (int(known[-1]) if len(known) else -1)


def _unpacked(bits: NDArray[np.uint64], count: int) -> NDArray[np.bool_]:
    """[n, lanes] → [n, count]."""
    numbers = np.arange(count)
    held: NDArray[np.bool_] = (bits[:, numbers // 64] >> (numbers % 64).astype(np.uint64) & np.uint64(1)).astype(bool)
    return held
