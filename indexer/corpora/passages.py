"""Texts cut into passages: consecutive whole lines, as long as asked for."""

import hashlib
import zlib
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import NamedTuple

import numpy as np
import pandas as pd

from indexer.corpora.corpus import DOCUMENT, LINE
from indexer.errors import DatasetFault, InvalidInput

PASSAGE = 256
"""Characters at least in a passage, unless its text ends; the line on which they are reached is whole."""
LONGEST = 4
"""A passage is at most so many times as long: a longer line is cut at a space."""
REMEMBERED = 16_000_000
"""Characters of texts that are kept for a while; the text read last always is."""


class Place(NamedTuple):
    """A passage in its text."""

    line: int
    """From 1."""
    start: int
    """Its first character, from 0."""
    stop: int


def cut(text: str, size: int = PASSAGE) -> Iterator[Place]:
    """Places of the passages of a text, in order; blank ones are left out.

    Lines end at `\\n` alone, so that a form feed or a separator of Unicode does not shift their numbers.
    """
    line = first = 1
    start = stop = 0
    while stop < len(text):
        end = text.find("\n", stop)
        stop = len(text) if end < 0 else end + 1
        line += 1
        if stop - start >= size or stop == len(text):
            yield from _pieces(text, Place(first, start, stop), size)
            start, first = stop, line


def _pieces(text: str, place: Place, size: int) -> Iterator[Place]:
    line, start, stop = place
    while stop - start > size * LONGEST:
        space = text.rfind(" ", start + size, start + size * LONGEST)
        end = space if space > start else start + size * LONGEST
        if not _blank(text, start, end):
            yield Place(line, start, end)
        line, start = line + text.count("\n", start, end), end
    if not _blank(text, start, stop):
        yield Place(line, start, stop)


def _blank(text: str, start: int, stop: int) -> bool:
    return not text[start:stop].strip()


class Passages:
    """Passages of documents that are read when they are wanted; of the texts only some are remembered."""

    def __init__(
        self,
        documents: Sequence[str],
        read: Callable[[int], str],
        about: dict[str, object],
        *,
        size: int = PASSAGE,
        columns: pd.DataFrame | None = None,
    ) -> None:
        """`read` gives the text of a document by its number; `columns` has a row for each document.

        Raises DatasetFault where there is nothing to read.
        """
        self._read, self._about = read, {**about, "passage": size}
        self._lock, self._remembered = Lock(), 0
        self._texts: OrderedDict[int, str] = OrderedDict()
        self.faults: dict[str, str] = {}
        placed = self._listed(documents, size)
        if not len(placed):
            why = next(iter(self.faults.values()), "it holds no text")
            raise DatasetFault(
                f"There is nothing to read in {about['argument']!r}: {why.rstrip('.')}.", hint="Give texts in UTF-8."
            )
        self._places = placed
        names = np.array(documents, dtype=object)[placed[:, 0]]
        lines = placed[:, 1]
        self.keys: Sequence[str] = _keys(names.tolist(), lines.tolist())
        self.metadata = pd.DataFrame({DOCUMENT: pd.Series(names, dtype="string"), LINE: lines})
        if columns is not None:
            rows = columns.iloc[placed[:, 0]].reset_index(drop=True)
            self.metadata = pd.concat([self.metadata, rows], axis=1)

    def _listed(self, documents: Sequence[str], size: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
        """(document, line, start, stop, checksum) of every passage."""
        numbers, digest = array("q"), hashlib.sha256()
        for document, name in enumerate(documents):
            try:
                text = self._read(document)
            except DatasetFault as fault:
                self.faults[name] = fault.message
                continue
            digest.update(f"{name}\0{len(text)}\0".encode() + text.encode("utf-8", "replace"))
            for place in cut(text, size):
                numbers.extend((document, *place, _checksum(text[place.start : place.stop])))
        self._about["listing"] = digest.hexdigest()
        return np.frombuffer(numbers, dtype=np.int64).reshape(-1, 5) if numbers else np.empty((0, 5), dtype=np.int64)

    def load(self, number: int) -> str:
        """One passage; raises DatasetFault where its text is no longer what it was."""
        document, _, start, stop, checksum = (int(each) for each in self._places[number])
        passage = self._text(document)[start:stop]
        if _checksum(passage) != checksum:
            raise DatasetFault(
                f"Passage {self.keys[number]!r} is no longer what it was: its text has changed.",
                hint="Leave texts alone while they are read, or begin anew.",
            )
        return passage

    def _text(self, document: int) -> str:
        with self._lock:
            if document in self._texts:
                self._texts.move_to_end(document)
                return self._texts[document]
        text = self._read(document)
        with self._lock:
            if document not in self._texts:
                self._texts[document] = text
                self._remembered += len(text)
            while self._remembered > REMEMBERED and len(self._texts) > 1:
                self._remembered -= len(self._texts.popitem(last=False)[1])
        return text

    def describe(self) -> dict[str, object]:
        """Adapter, argument, the size of passages, how many there are, and a digest of all texts."""
        unreadable = {"unreadable": sorted(self.faults)} if self.faults else {}
        return {**self._about, "samples": len(self.keys), **unreadable}


def passage_size(text: str) -> int:
    """`passage=` as a number; raises InvalidInput."""
    if not (text.isascii() and text.isdigit() and 16 <= int(text) <= 100_000):
        raise InvalidInput(f"passage={text} is no number of characters.", hint="Write 16 to 100000, e.g. passage=256.")
    return int(text)


def decoded(content: bytes, name: str) -> str:
    """UTF-8 as text, with `\\n` alone at the ends of lines; raises DatasetFault."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise DatasetFault(
            f"{name} is not UTF-8 (byte {fault.start}).", hint="Convert it, e.g. with iconv, or move it away."
        ) from fault
    return even(text)


def even(text: str) -> str:
    """The text with `\\n` alone at the ends of lines."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _checksum(passage: str) -> int:
    return zlib.crc32(passage.encode("utf-8", "replace"))


def _keys(names: Sequence[str], lines: Sequence[int]) -> list[str]:
    """`NAME:LINE`; the second passage of a line is `NAME:LINE+1`, and so on."""
    keys: list[str] = []
    before, again = ("", 0), 0
    for name, line in zip(names, lines, strict=True):
        again = again + 1 if (name, line) == before else 0
        before = (name, line)
        keys.append(f"{name}:{line}+{again}" if again else f"{name}:{line}")
    return keys
