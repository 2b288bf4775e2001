"""Other tokens that could stand in the place of one."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from indexer.errors import InvalidInput
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
        self._subject, self._vocabulary = subject, _Vocabulary(subject)
        self._runs = TokenRuns(subject, (), device=device)

    def propose(self, spots: Sequence[Spot], count: int) -> list[Tokens]:
        """Raises SubjectFault for a subject that predicts no tokens. Where nothing precedes a token, it has none."""
        prompts = [self._prompt(spot) for spot in spots]
        likely = _likely(self._runs, prompts, count)
        pieces, special = self._subject.tokenizer.pieces, self._subject.tokenizer.special
        return [
            self._vocabulary.fitting(tokens[place], (pieces[each] for each in found if each not in special), count)
            for (tokens, place), found in zip(spots, likely, strict=True)
        ]

    def _prompt(self, spot: Spot) -> Spot | None:
        """What is shown to the subject, and where its distribution is read."""
        tokens, place = spot
        if not self._subject.causal:
            return replaced(tokens, place, self._subject.tokenizer.mask), place
        return (tokens[:place], place - 1) if place or self._subject.tokenizer.prefix else None


class MaskedSubstitutes:
    """What a masked language model expects in the place of a token, as far as the subject has a token for it."""

    def __init__(self, subject: TextSubject, model: TextSubject, device: str = "cpu") -> None:
        """`model` sees both sides of a token; its vocabulary is its own. Raises InvalidInput for one that does not."""
        if model.causal:
            raise InvalidInput(
                f"{model.name} sees the tokens before a place only.",
                hint="Give a masked language model, e.g. transformers:distilbert-base-cased.",
            )
        self._pieces, self._vocabulary, self._model = subject.tokenizer.pieces, _Vocabulary(subject), model
        self._runs = TokenRuns(model, (), device=device)

    def propose(self, spots: Sequence[Spot], count: int) -> list[Tokens]:
        """Raises SubjectFault for a model that predicts no tokens. Parts of characters have no substitutes."""
        prompts = [self._prompt(spot) for spot in spots]
        likely = _likely(self._runs, prompts, count)
        pieces, special = self._model.tokenizer.pieces, self._model.tokenizer.special
        found = []
        for (tokens, place), numbers in zip(spots, likely, strict=True):
            text = self._pieces[tokens[place]]
            blank = text[: len(text) - len(text.lstrip())]
            words = (blank + pieces[each].strip() for each in numbers if each not in special and pieces[each].strip())
            found.append(self._vocabulary.fitting(tokens[place], words, count))
        return found

    def _prompt(self, spot: Spot) -> Spot | None:
        """The text around the token in the model's own tokens, its place masked, cut alike at both ends to fit."""
        tokens, place = spot
        if not (text_of(self._pieces[tokens[place]]) or "").strip():
            return None
        before, after = (
            b"".join(self._pieces[token] for token in part).decode("utf-8", "replace")
            for part in (tokens[:place], tokens[place + 1 :])
        )
        reach = (self._model.room - 1) // 2
        encode = self._model.tokenizer.encode
        left = encode(before)[-reach:] if before.strip() else []
        return (*left, self._model.tokenizer.mask, *encode(after)[:reach]), len(left)


def _likely(runs: TokenRuns, prompts: Sequence[Spot | None], count: int) -> list[list[int]]:
    """The likeliest tokens for each prompt and place, best first; none for None."""
    distinct = [each for each in dict.fromkeys(prompts) if each is not None]
    likely: dict[Spot, list[int]] = {}
    for start in range(0, len(distinct), _AT_A_TIME):
        some = distinct[start : start + _AT_A_TIME]
        logits = runs.logits([tokens for tokens, _ in some], [place for _, place in some])
        most = min(count + _CONSIDERED, logits.shape[1])
        likely |= zip(some, logits.sort(dim=1, descending=True, stable=True).indices[:, :most].tolist(), strict=True)
    return [likely[each] if each is not None else [] for each in prompts]


class _Vocabulary:
    """The subject's tokens by what they stand for."""

    def __init__(self, subject: TextSubject) -> None:
        special, self._pieces = subject.tokenizer.special, subject.tokenizer.pieces
        self._whole = [each for each in range(len(self._pieces)) if each not in special and self._pieces[each]]
        self._numbers = {self._pieces[each]: each for each in reversed(self._whole)}

    def fitting(self, token: int, candidates: Iterable[bytes], count: int) -> Tokens:
        """The first candidates in the casing of the token; a whole text stands in for whole text only."""
        text, found = text_of(self._pieces[token]), dict[int, None]()
        for candidate in candidates:
            if len(found) == count:
                break
            other = text_of(candidate)
            if not candidate or (text is None) != (other is None):
                continue
            wanted = recased(other, text).encode() if text is not None and other is not None else candidate
            chosen = self._numbers.get(wanted)
            if chosen is not None and chosen != token:
                found[chosen] = None
        return tuple(found)


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
