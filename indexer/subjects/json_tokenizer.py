"""Tokenizers of the library `tokenizers`, as stored in a tokenizer.json."""

import hashlib
import json
import re
from collections.abc import Sequence

from tokenizers import Tokenizer as Library

_BLANK = "\u2581"
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class JsonTokenizer:
    """Keeps the contract of `text_subject.Tokenizer`."""

    def __init__(
        self,
        library: Library,
        *,
        mask: int,
        special: frozenset[int] = frozenset(),
        prefix: Sequence[int] = (),
        suffix: Sequence[int] = (),
    ) -> None:
        """`special` is joined with what the library itself calls special."""
        library.no_truncation()
        library.no_padding()
        library.encode_special_tokens = True
        self._library = library
        added = {number for number, token in library.get_added_tokens_decoder().items() if token.special}
        self.special = frozenset(added | special | set(prefix) | set(suffix) | {mask})
        self.prefix, self.suffix, self.mask = tuple(prefix), tuple(suffix), mask
        self.pieces: Sequence[bytes] = _pieces(library, self.special)

    def encode(self, text: str) -> list[int]:
        """The text's own tokens; what looks like a special token in it is text."""
        # Surrogates alone are no text that could be encoded.
        clean = text.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = self._library.encode(clean, add_special_tokens=False).ids
        return ids

    def stored(self) -> str:
        """As a tokenizer.json."""
        content: str = self._library.to_str()
        return content

    def __repr__(self) -> str:
        digest = hashlib.sha256(self.stored().encode()).hexdigest()
        return f"JsonTokenizer({digest}, {self.prefix}, {self.suffix}, {self.mask})"


def _pieces(library: Library, special: frozenset[int]) -> list[bytes]:
    """What each token stands for, by how the library's decoder says its vocabulary is written."""
    described = json.loads(library.to_str())
    written = json.dumps([described.get("decoder"), described.get("pre_tokenizer")])
    ending = described["model"].get("end_of_word_suffix") or ""
    words = library.get_vocab(with_added_tokens=True)
    added = library.get_added_tokens_decoder()
    pieces = [b""] * (max(words.values(), default=-1) + 1)
    for word, number in words.items():
        if number in special:
            continue
        if number in added:  # written as it stands in texts
            pieces[number] = word.encode()
        elif ending and word.endswith(ending):
            pieces[number] = _piece(word.removesuffix(ending), written) + b" "
        else:
            pieces[number] = _piece(word, written)
    return pieces


def _piece(word: str, written: str) -> bytes:
    if "ByteLevel" in written:
        try:
            return bytes(_BYTE_OF[character] for character in word)
        except KeyError:  # a token that was added by hand
            return word.encode()
    if "WordPiece" in written:
        return word.removeprefix("##").encode() if word.startswith("##") else f" {word}".encode()
    if byte := _BYTE.fullmatch(word):
        return bytes([int(byte[1], 16)])
    return word.replace(_BLANK, " ").encode()


def byte_letters() -> dict[str, int]:
    """The letter that byte-level vocabularies write for each byte (GPT-2): printable ones stand for themselves."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("\xa1"), ord("\xac") + 1), *range(ord("\xae"), 256)]
    letters = {chr(byte): byte for byte in plain}
    others = (byte for byte in range(256) if byte not in plain)
    letters.update({chr(256 + number): byte for number, byte in enumerate(others)})
    return letters


_BYTE_OF = byte_letters()
