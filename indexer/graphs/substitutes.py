"""Other tokens that could stand in the place of one."""

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

from indexer.graphs.measuring import Tokens
from indexer.graphs.saliency import replaced
from indexer.subjects.text_subject import TextSubject
from indexer.subjects.token_runs import TokenRuns

_CONSIDERED = 64
"""Of the likeliest tokens, so many times fewer substitutes are wanted than are looked at."""
_AT_A_TIME = 512
"""Places whose distributions are held at once."""

Spot = tuple[Tokens, int]
"""A prompt and a place in it."""


class Substitutes(Protocol):
    """Proposes tokens for places."""

    def propose(self, spots: Sequence[Spot], count: int) -> list[Tokens]:
        """For each spot up to `count` tokens that are real text, other than the one there, the likeliest first."""
        ...


class OwnSubstitutes:
    """What the subject itself expects: next after the tokens before, or, where it sees both sides, under a mask."""

    def __init__(self, subject: TextSubject, device: str = "cpu") -> None:
        self._subject = subject
        self._runs = TokenRuns(subject, (), device=device)

    def propose(self, spots: Sequence[Spot], count: int) -> list[Tokens]:
        """Raises SubjectFault for a subject that predicts no tokens. Where nothing precedes a token, it has none."""
        prompts = [self._prompt(spot) for spot in spots]
        distinct = [each for each in dict.fromkeys(prompts) if each is not None]
        likely: dict[Spot, list[int]] = {}
        for start in range(0, len(distinct), _AT_A_TIME):
            some = distinct[start : start + _AT_A_TIME]
            logits = self._runs.logits([tokens for tokens, _ in some], [place for _, place in some])
            most = min(count + _CONSIDERED, logits.shape[1])
            likely |= zip(
                some, logits.sort(dim=1, descending=True, stable=True).indices[:, :most].tolist(), strict=True
            )
        return [
            self._fitting(tokens[place], likely[prompt], count) if prompt is not None else ()
            for (tokens, place), prompt in zip(spots, prompts, strict=True)
        ]

    def _prompt(self, spot: Spot) -> Spot | None:
        """What is shown to the subject, and where its distribution is read."""
        tokens, place = spot
        if not self._subject.causal:
            return replaced(tokens, place, self._subject.tokenizer.mask), place
        return (tokens[:place], place - 1) if place or self._subject.tokenizer.prefix else None

    def _fitting(self, token: int, likely: Sequence[int], count: int) -> Tokens:
        """The first candidates in the casing of the token; a whole text stands in for whole text only."""
        pieces, special = self._subject.tokenizer.pieces, self._subject.tokenizer.special
        text, found = text_of(pieces[token]), dict[int, None]()
        for candidate in likely:
            if len(found) == count:
                break
            other = text_of(pieces[candidate]) if candidate < len(pieces) else ""
            if candidate in special or other == "" or (text is None) != (other is None):
                continue
            chosen: int | None = candidate
            if text is not None and other is not None:
                chosen = self._numbers.get(recased(other, text).encode())
            if chosen is not None and chosen != token:
                found[chosen] = None
        return tuple(found)

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        """Tokens by their text, of equal ones the first."""
        special, pieces = self._subject.tokenizer.special, self._subject.tokenizer.pieces
        return {pieces[n]: n for n in reversed(range(len(pieces))) if n not in special and pieces[n]}


def text_of(piece: bytes) -> str | None:
    """A token's text; None where it holds a part of a character only."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return None


def recased(text: str, like: str) -> str:
    """A text in the casing of another: lower, UPPER or Capitalised; as it is where the other has none of these."""
    letters = "".join(each for each in like if each.isalpha())
    if not letters or letters == letters.title() == letters.upper() == letters.lower():
        return text
    if letters.islower():
        return text.lower()
    if letters[0].isupper() and letters[1:] == letters[1:].lower():
        first = next((place for place, each in enumerate(text) if each.isalpha()), len(text))
        return text[:first] + text[first:].capitalize()
    return text.upper() if letters.isupper() else text
