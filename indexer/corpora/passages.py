"""Texts cut into passages: consecutive whole lines, as long as asked for."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from indexer.corpora.corpus import DOCUMENT, LINE
from indexer.errors import DatasetFault, InvalidInput

PASSAGE = 256
"""Characters at least in a passage, unless its text ends; the line on which they are reached is whole."""
LONGEST = 4
"""A passage is at most so many times as long: a longer line is cut at a space."""
_REMEMBERED = 64


class Place(NamedTuple):
    """A passage in its text."""

    line: int
    """From 1."""
    start: int
    """Its first character, from 0."""
    stop: int


def cut(text: str, size: int = PASSAGE) -> Iterator[Place]:
    """Places of the passages of a text, in order; blank ones are left out."""
    line = start = stop = 0
    for number, content in enumerate(text.splitlines(keepends=True), start=1):
        line = line or number
        stop += len(content)
        if stop - start >= size:
            yield from _pieces(text, Place(line, start, stop), size)
            start, line = stop, 0
    if stop > start:
        yield from _pieces(text, Place(line, start, stop), size)


def _pieces(text: str, place: Place, size: int) -> Iterator[Place]:
    line, start, stop = place
    while stop - start > size * LONGEST:
        space = text.rfind(" ", start + size, start + size * LONGEST)
        end = space if space > start else start + size * LONGEST
        if text[start:end].strip():
            yield Place(line, start, end)
        line, start = line + text.count("\n", start, end), end
    if text[start:stop].strip():
        yield Place(line, start, stop)


class Passages:
    """Passages of documents that are read when they are wanted; the last few documents are remembered."""

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
        self._texts: OrderedDict[int, str] = OrderedDict()
        self._places: list[tuple[int, Place]] = []
        self.faults: dict[str, str] = {}
        for number, name in enumerate(documents):
            try:
                self._places += [(number, place) for place in cut(read(number), size)]
            except DatasetFault as fault:
                self.faults[name] = fault.message
        if not self._places:
            why = next(iter(self.faults.values()), "it holds no text")
            raise DatasetFault(f"There is nothing to read in {about['argument']!r}: {why}", hint="Give texts in UTF-8.")
        names = [documents[number] for number, _ in self._places]
        lines = [place.line for _, place in self._places]
        keys: list[str] = []
        for name, line in zip(names, lines, strict=True):
            key = f"{name}:{line}"
            keys.append(key if not keys or keys[-1].split("+")[0] != key else f"{key}+{_after(keys[-1])}")
        self.keys: Sequence[str] = keys
        self.metadata = pd.DataFrame({DOCUMENT: names, LINE: lines})
        if columns is not None:
            rows = columns.iloc[[number for number, _ in self._places]].reset_index(drop=True)
            self.metadata = pd.concat([self.metadata, rows], axis=1)

    def load(self, number: int) -> str:
        """One passage."""
        document, place = self._places[number]
        text = self._texts.get(document)
        if text is None:
            text = self._texts[document] = self._read(document)
            if len(self._texts) > _REMEMBERED:
                self._texts.popitem(last=False)
        return text[place.start : place.stop]

    def describe(self) -> dict[str, object]:
        """Adapter, argument, the size of passages and how many there are."""
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
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _after(key: str) -> int:
    _, plus, count = key.rpartition("+")
    return int(count) + 1 if plus and count.isdigit() else 1
