"""Tokens as text: how they are shown, and which are meant by what somebody writes."""

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import InvalidInput, UnknownName

MOST_TERMS = 64
LONGEST_TERM = 2000
_UNDECODED = re.compile("[\udc80-\udcff]")


def shown(piece: bytes) -> str:
    """A token as text: the blank before a word is kept, bytes that are no text are written \\xE2."""
    text = piece.decode("utf-8", "surrogateescape")
    return _UNDECODED.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02X}", text)


def bare(text: str) -> str:
    """A shown token without the blank before it; a blank alone stays."""
    return text[1:] if len(text) > 1 and text[0] == " " else text


class Pieces:
    """The vocabulary of a subject, as text."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.texts = tuple(shown(piece) for piece in pieces)
        self._bare = tuple(bare(text) for text in self.texts)

    def show(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Tokens as text."""
        return tuple(self.texts[token] for token in tokens)

    def meant(self, term: str) -> NDArray[np.int64]:
        """Tokens that are the term, with or without the blank before it; raises UnknownName with the nearest ones."""
        found = self._numbers.get(bare(term))
        if found is None:
            raise UnknownName("token", term, [text for text in self._numbers if text])
        return np.array(found, dtype=np.int64)

    def matching(self, pattern: str) -> NDArray[np.int64]:
        """Tokens that match the regular expression as a whole, without the blank before them.

        RE2 (of pyarrow) matches: its time is linear in the token, whatever the pattern. Raises InvalidInput for a
        pattern that is not one, with the place, or that RE2 refuses (references back, looking around).
        """
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as fault:
            raise InvalidInput(
                f"{pattern!r} is no regular expression: {fault}.",
                hint="Write \\ before ( [ { . * + ? | that are meant.",
            ) from fault
        try:
            matched = pc.match_substring_regex(self._array, rf"\A(?:{pattern})\z")
        except pa.ArrowInvalid as fault:
            raise InvalidInput(
                f"{pattern!r} cannot be searched for: {fault}.",
                hint="References back and looking around are not taken.",
            ) from fault
        return np.flatnonzero(np.asarray(matched) & self._real)

    @cached_property
    def cases(self) -> NDArray[np.int64]:
        """A number for each token; tokens that differ in case and in the blank before them only have the same."""
        return np.unique([text.casefold() for text in self._bare], return_inverse=True)[1].astype(np.int64)

    @cached_property
    def _array(self) -> pa.Array:
        return pa.array(self._bare)

    @cached_property
    def _real(self) -> NDArray[np.bool_]:
        """Special tokens stand for no text."""
        return np.array([bool(text) for text in self.texts], dtype=bool)

    @cached_property
    def _numbers(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, text in enumerate(self._bare):
            if text:
                found.setdefault(text, []).append(number)
        return found
