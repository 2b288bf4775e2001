"""What is true of each place in Python source, by rules on its tokens and its syntax tree."""

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from indexer.training.code_marks import OPENING, mark_literals, mark_operators
from indexer.training.code_tree import mark_tree

BLANK = frozenset({tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER})
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""Words as people would read them in names: `parseHTMLFile` holds parse, html, file."""


class Facts:
    """Facts of every character of a source: bit n of a character's row tells whether fact n holds there."""

    def __init__(self, source: str, names: dict[str, int]) -> None:
        self.source, self.names = source, names
        self.bits = np.zeros((len(source) + 1, (len(names) + 63) // 64), dtype=np.uint64)
        lines = source.splitlines(keepends=True)
        self._lines = [line.rstrip("\n") for line in lines]
        self._starts = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).astype(int)

    def knows(self, name: str) -> bool:
        """Whether the fact has been put into words."""
        return name in self.names

    def mark(self, name: str, start: int, stop: int) -> None:
        """The fact holds from one character to another; raises KeyError for one that nobody put into words."""
        number = self.names[name]
        self.bits[start:stop, number // 64] |= np.uint64(1 << (number % 64))

    def at(self, line: int, column: int) -> int:
        """Number of a character by its line, from 1, and its column, from 0."""
        return int(self._starts[min(line - 1, len(self._starts) - 1)]) + column

    def at_byte(self, line: int, column: int) -> int:
        """Likewise by its column in bytes of UTF-8, as syntax trees give it."""
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        return self.at(line, column if text.isascii() else len(text.encode()[:column].decode("utf-8", "ignore")))


def facts_of(source: str, names: dict[str, int]) -> Facts | None:
    """All facts of a source; None where it is no Python of this version, or its line ends are odd."""
    if "\f" in source or "\x0b" in source or len(source.splitlines()) != source.count("\n") + (source[-1:] != "\n"):
        return None
    try:
        tree = ast.parse(source)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):
        return None
    facts = Facts(source, names)
    mark_tree(facts, tree)
    _mark_tokens(facts, tokens)
    return facts


def words_of(source: str) -> Iterator[tuple[str, int, int]]:
    """Words in names and in prose, in small letters, with where they start and stop."""
    for found in WORD.finditer(source):
        if len(found[0]) > 1:
            yield found[0].lower(), found.start(), found.end()


def _mark_tokens(facts: Facts, tokens: list[tokenize.TokenInfo]) -> None:
    before: tokenize.TokenInfo | None = None
    depth = 0
    for number, token in enumerate(tokens):
        start, stop = facts.at(*token.start), facts.at(*token.end)
        if token.type in (tokenize.NEWLINE, tokenize.NL):
            _mark_end(facts, token, start, depth)
        if token.type in BLANK:
            before = before if depth else None
            continue
        head = stop if token.type in (tokenize.NAME, tokenize.OP) else start + 1
        if before is None:
            _mark_first(facts, token, start, head)
        elif token.type != tokenize.COMMENT:
            _mark_after(facts, before, start, head)
        following = tokens[number + 1].string if number + 1 < len(tokens) else ""
        _mark_one(facts, token, (start, stop), following)
        depth += (token.type == tokenize.OP) * ((token.string in OPENING) - (token.string in ")]}"))
        if token.type != tokenize.COMMENT:
            before = token


def _mark_one(facts: Facts, token: tokenize.TokenInfo, place: tuple[int, int], following: str) -> None:
    start, stop = place
    if token.type == tokenize.NAME:
        _mark_name(facts, token.string, place, following)
    elif token.type == tokenize.OP:
        mark_operators(facts, token.string, start, stop)
    elif token.type in (tokenize.STRING, tokenize.COMMENT, tokenize.NUMBER):
        mark_literals(facts, token, start, stop)


def _mark_name(facts: Facts, name: str, place: tuple[int, int], following: str) -> None:
    start, stop = place
    if keyword.iskeyword(name):
        facts.mark("keyword", start, stop)
        facts.mark(f"keyword {name}", start, stop)
        return
    facts.mark("name", start, stop)
    rules = {
        "dunder name": name.startswith("__") and name.endswith("__") and len(name) > 4,
        "private name": name.startswith("_") and not name.startswith("__"),
        "constant in capital letters": len(name) > 1 and name.isupper(),
        "name in camel case": name[0].isupper() and not name.isupper() and len(name) > 2,
        "name of several words": "_" in name.strip("_"),
        "name of one letter": len(name) == 1,
        "self": name in ("self", "cls"),
        "built-in type": name in ("int", "str", "bytes", "float", "list", "dict", "tuple", "set", "bool", "object"),
        "before a parenthesis": following == "(",
        "before a dot": following == ".",
        "before an equals sign": following == "=",
        "before a comma": following == ",",
        "before a closing bracket": following in tuple(")]}"),
        "before a colon": following == ":",
    }
    for rule, holds in rules.items():
        if holds:
            facts.mark(rule, start, stop)


def _mark_after(facts: Facts, before: tokenize.TokenInfo, start: int, stop: int) -> None:
    """What the token follows."""
    text = before.string
    name = f"after {text}"
    if before.type == tokenize.OP or keyword.iskeyword(text) or text == "self":
        if facts.knows(name):
            facts.mark(name, start, stop)
    elif before.type == tokenize.NUMBER:
        facts.mark("after a number", start, stop)
    elif before.type == tokenize.STRING:
        facts.mark("after a string", start, stop)
    else:
        facts.mark("after a name", start, stop)


def _mark_first(facts: Facts, token: tokenize.TokenInfo, start: int, stop: int) -> None:
    """A token that begins a line of code, and the blanks before it."""
    facts.mark("start of a line", start, stop)
    margin = facts.at(token.start[0], 0)
    if start > margin:
        facts.mark("indentation", margin, start)
        if start - margin >= 12:
            facts.mark("deep indentation", margin, start)


def _mark_end(facts: Facts, token: tokenize.TokenInfo, start: int, depth: int) -> None:
    facts.mark("newline", start, start + 1)
    if depth:
        facts.mark("newline inside brackets", start, start + 1)
    if not token.line.strip():
        facts.mark("blank line", start, start + 1)


def facts_at(facts: Facts, start: int, stop: int) -> NDArray[np.uint64]:
    """Facts of a piece of text: all that hold of any of its characters, of blank ones only where all are blank."""
    piece = facts.source[start:stop]
    inked = [start + at for at, character in enumerate(piece) if not character.isspace()]
    row: NDArray[np.uint64] = np.bitwise_or.reduce(facts.bits[inked or slice(start, stop)], axis=0)
    return row
