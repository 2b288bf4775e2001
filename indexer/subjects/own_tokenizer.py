"""A tokenizer of anybody's, `encode(text) → ids` and `decode(ids) → text`, as that of a text subject."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from indexer.errors import SubjectFault
from indexer.subjects.json_tokenizer import byte_letters

CONTRACT = (
    "A tokenizer has encode(text), which returns ids, and decode(ids), which returns text, and .tokens, a list of what "
    "each id stands for (or vocab_size)."
)
PROBES = ("a", "b c", "the", "Hello, world.", "1 2", "\n", "\u00e9", "a\n b")
_BYTE = re.compile(rb"<0x([0-9A-Fa-f]{2})>")
_BLANK = "\u2581".encode()
_LETTERS = byte_letters()


class OwnTokenizer:
    """Keeps the contract of `text_subject.Tokenizer`; what it does not say is found by trying it."""

    def __init__(self, given: Any, owner: str) -> None:  # noqa: ANN401 - whatever the user has
        """Raises SubjectFault for one that breaks the contract."""
        self._given, self._owner = given, owner
        self.prefix: tuple[int, ...] = ()
        self.suffix: tuple[int, ...] = ()
        self.pieces: Sequence[bytes] = [b""] * self._size()
        self.prefix, self.suffix = self._around()
        self.special, self.pieces = self._pieces(len(self.pieces))
        self.mask = self._mask()
        self.special |= {self.mask}

    def encode(self, text: str) -> list[int]:
        """The text's own tokens; raises SubjectFault where the tokenizer fails or gives what are no ids."""
        ids = self._ids(text.encode("utf-8", "replace").decode("utf-8"))
        own = ids[len(self.prefix) : len(ids) - len(self.suffix)]
        if tuple(ids[: len(self.prefix)]) != self.prefix or [*self.prefix, *own, *self.suffix] != ids:
            raise SubjectFault(
                f"The tokenizer of {self._owner} does not put {self.prefix} before and {self.suffix} after every text, "
                f"e.g. not around {text[:30]!r}.",
                hint=CONTRACT,
            )
        return own

    def stored(self) -> None:
        """There is no form in which it could be stored."""

    def __repr__(self) -> str:
        digest = hashlib.sha256(repr((self.pieces, sorted(self.special))).encode())
        digest.update(repr([self._ids(probe) for probe in PROBES]).encode())
        return f"OwnTokenizer({digest.hexdigest()}, {self.prefix}, {self.suffix}, {self.mask})"

    def _size(self) -> int:
        tokens = getattr(self._given, "tokens", None)
        if isinstance(tokens, Sequence) and not isinstance(tokens, (str, bytes)):
            return len(tokens)
        told = next((getattr(self._given, name, None) for name in ("vocab_size", "n_vocab")), None)
        try:
            size = int(told if isinstance(told, int) else len(self._given))
        except TypeError:
            size = 0
        if size < 1:
            raise SubjectFault(f"The tokenizer of {self._owner} does not say how many tokens it has.", hint=CONTRACT)
        return size

    def _ids(self, text: str) -> list[int]:
        found = self._tried(lambda: self._given.encode(text), f"encode({text[:30]!r})")
        found = getattr(found, "ids", found)
        try:
            ids = [int(each) for each in found]
        except (TypeError, ValueError) as fault:
            shown = type(found).__name__
            message = f"encode({text[:30]!r}) of the tokenizer of {self._owner} returned {shown}, no ids."
            raise SubjectFault(message, hint=CONTRACT) from fault
        strange = next((each for each in ids if not 0 <= each < len(self.pieces)), None)
        if strange is not None:
            raise SubjectFault(
                f"The tokenizer of {self._owner} has {len(self.pieces)} tokens, but encode({text[:30]!r}) gave number "
                f"{strange}.",
                hint=CONTRACT,
            )
        return ids

    def _around(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What stands before and after every text: all that texts without a common letter have in common."""
        found = [self._ids(text) for text in PROBES]
        before = _common(found)
        after = _common([ids[len(before) :][::-1] for ids in found])[::-1]
        around = self._ids("")
        if around:  # a text of nothing shows what is put around any
            before = _common([before, around])
            after = around[len(before) :]
        else:  # it was passed over, or nothing is put around
            before, after = [[each for each in ids if not self._decoded([each])] for ids in (before, after)]
        for text in PROBES:
            ids = self._ids(text)
            if [*ids[: len(before)], *ids[len(ids) - len(after) :]] != [*before, *after]:
                raise SubjectFault(
                    f"The tokenizer of {self._owner} puts {around} around a text of nothing, but other tokens around "
                    f"{text!r}.",
                    hint=CONTRACT,
                )
        return tuple(before), tuple(after)

    def _pieces(self, size: int) -> tuple[frozenset[int], list[bytes]]:
        """Special tokens, which are decoded to nothing, and what each token stands for."""
        tokens = getattr(self._given, "tokens", None) or [None] * size
        anchor = self._anchor(size)
        special, pieces = {*self.prefix, *self.suffix}, [b""] * size
        for number in range(size):
            decoded = self._behind(anchor, number) if number not in special else ""
            if decoded:
                pieces[number] = _piece(tokens[number], decoded, alone=self._decoded([number]))
            else:
                special.add(number)
        return frozenset(special), pieces

    def _anchor(self, size: int) -> int | None:
        """A token to put before others, so that the blank before a word is not lost."""
        around = {*self.prefix, *self.suffix}
        letters = (number for number in range(size) if number not in around and self._decoded([number]).isalnum())
        return next(letters, None)

    def _behind(self, anchor: int | None, number: int) -> str:
        alone = self._decoded([number])
        if anchor is None:
            return alone
        first, both = self._decoded([anchor]), self._decoded([anchor, number])
        return both[len(first) :] if both.startswith(first) else alone

    def _decoded(self, ids: list[int]) -> str:
        decoded = self._tried(lambda: self._given.decode(ids), f"decode({ids})")
        if not isinstance(decoded, (str, bytes)):
            message = f"decode({ids}) of the tokenizer of {self._owner} returned {type(decoded).__name__}, no text."
            raise SubjectFault(message, hint=CONTRACT)
        return decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else decoded

    def _mask(self) -> int:
        """The one it names, else a token without text: not one that begins a text, where there is another."""
        named = (getattr(self._given, name, None) for name in ("mask", "mask_token_id", "unk_token_id"))
        told = next((each for each in named if isinstance(each, int) and 0 <= each < len(self.pieces)), None)
        if told is not None:
            return told
        others = sorted(self.special - {*self.prefix, *self.suffix})
        found = next(iter([*others, *self.prefix, *self.suffix]), None)
        if found is None:
            raise SubjectFault(
                f"The tokenizer of {self._owner} has no token that stands for no text, to put in the place of others.",
                hint="Say which token to take: an attribute .mask with its id.",
            )
        return found

    def _tried(self, call: Callable[[], Any], what: str) -> Any:  # noqa: ANN401
        try:
            return call()
        except Exception as fault:  # whatever the user's code raises
            reason = f"{type(fault).__name__}: {fault}".rstrip(": .")
            raise SubjectFault(f"{what} of the tokenizer of {self._owner} failed: {reason}.", hint=CONTRACT) from fault


def _piece(token: Any, decoded: str, *, alone: str) -> bytes:  # noqa: ANN401 - bytes, a text, or nothing
    """The reading of a vocabulary's entry that says the same as the decoder, else what the decoder says."""
    for reading in _readings(token):
        shown = reading.decode("utf-8", "replace")
        if shown in (decoded, alone) or shown.removeprefix(" ") == decoded != shown:
            return reading
    return decoded.encode("utf-8", "replace")


def _readings(token: Any) -> Iterator[bytes]:  # noqa: ANN401
    """An entry as bytes: `<0x0A>`, blanks written as letters, bytes written as letters (GPT-2), or as it stands."""
    if not isinstance(token, (str, bytes, bytearray)):
        return
    raw = token.encode("utf-8", "replace") if isinstance(token, str) else bytes(token)
    if written := _BYTE.fullmatch(raw):
        yield bytes([int(written[1], 16)])
    if isinstance(token, str) and all(letter in _LETTERS for letter in token):
        yield bytes(_LETTERS[letter] for letter in token)
    yield raw
    yield raw.replace(_BLANK, b" ")


def _common(lists: Sequence[Sequence[int]]) -> list[int]:
    """What all begin with."""
    shared = []
    for column in zip(*lists, strict=False):
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    return shared


def is_tokenizer(given: object) -> bool:
    """Whether this is meant as a tokenizer rather than as a preprocess."""
    return callable(getattr(given, "encode", None))


def spoken(ids: Iterable[int]) -> str:
    """Tokens as they are told of in a note."""
    told = ", ".join(str(each) for each in ids)
    return told or "none"
