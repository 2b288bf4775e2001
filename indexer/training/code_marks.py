"""Facts of operators and literals in Python source."""

import re
import tokenize
from typing import Protocol

OPENING = "([{"
OPERATORS = {
    "(": ("opening parenthesis", "opening bracket", "bracket"),
    "[": ("opening square bracket", "opening bracket", "bracket"),
    "{": ("opening brace", "opening bracket", "bracket"),
    ")": ("closing parenthesis", "closing bracket", "bracket"),
    "]": ("closing square bracket", "closing bracket", "bracket"),
    "}": ("closing brace", "closing bracket", "bracket"),
    ",": ("comma",),
    ":": ("colon",),
    ".": ("dot",),
    ";": ("semicolon",),
    "@": ("at sign",),
    "=": ("equals sign",),
    "->": ("arrow",),
    "...": ("ellipsis",),
    ":=": ("walrus operator",),
    "**": ("double star",),
    "*": ("star",),
    "%": ("percent sign",),
    "+": ("plus sign",),
    "-": ("minus sign",),
    "|": ("bitwise operator",),
    "&": ("bitwise operator",),
    "^": ("bitwise operator",),
    "~": ("bitwise operator",),
    "<<": ("bitwise operator",),
    ">>": ("bitwise operator",),
    "==": ("comparison operator", "equality sign"),
    "!=": ("comparison operator", "inequality sign"),
    "<": ("comparison operator", "less than sign"),
    "<=": ("comparison operator", "less than sign"),
    ">": ("comparison operator", "less than sign"),
    ">=": ("comparison operator", "less than sign"),
}
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[-#0 +]*[\d*]*\.?\d*[sdrxfgciouXeE]|\{[\w.!:]*\}")
ESCAPE = re.compile(r"\\(?:[nrtabfv0'\"\\]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[wWdDsSbB.*+?()\[\]{}^$|])")
PROSE = re.compile(r"[A-Za-z]+(?:[ ,;'-]+[A-Za-z]+){3,}")
"""Four words in a row."""


class Marked(Protocol):
    """Where facts are noted (`code_facts.Facts`)."""

    source: str

    def mark(self, name: str, start: int, stop: int) -> None:
        """The fact holds from one character to another."""
        ...


def mark_operators(facts: Marked, operator: str, start: int, stop: int) -> None:
    """An operator or a delimiter."""
    facts.mark("punctuation", start, stop)
    for name in OPERATORS.get(operator, ()):
        facts.mark(name, start, stop)
    if len(operator) > 1 and operator.endswith("=") and operator not in OPERATORS:
        facts.mark("augmented assignment operator", start, stop)


def mark_literals(facts: Marked, token: tokenize.TokenInfo, start: int, stop: int) -> None:
    """A string, a comment or a number."""
    if token.type == tokenize.NUMBER:
        _mark_number(facts, token.string, start, stop)
    elif token.type == tokenize.COMMENT:
        facts.mark("comment", start, stop)
        facts.mark("hash sign", start, start + 1)
        _mark_prose(facts, token.string, start, "English prose in a comment")
        if token.line.strip().startswith("#"):
            facts.mark("line that is all comment", start, stop)
        else:
            facts.mark("comment after code", start, stop)
    else:
        _mark_string(facts, token.string, start, stop)


def _mark_number(facts: Marked, text: str, start: int, stop: int) -> None:
    facts.mark("number", start, stop)
    if text in ("0", "1"):
        facts.mark("number zero" if text == "0" else "number one", start, stop)
    elif text[:2].lower() == "0x":
        facts.mark("hexadecimal number", start, stop)
    elif "." in text or "e" in text.lower():
        facts.mark("decimal number", start, stop)
    elif len(text) > 2:
        facts.mark("large number", start, stop)


def _mark_string(facts: Marked, text: str, start: int, stop: int) -> None:
    body = text.lstrip("rRbBuUfF")
    prefix = text[: len(text) - len(body)].lower()
    quotes = 3 if body[:3] in ('"""', "'''") else 1
    facts.mark("string literal", start, stop)
    facts.mark("opening quote", start, start + len(prefix) + quotes)
    facts.mark("closing quote", stop - quotes, stop)
    if quotes == 3:
        facts.mark("triple-quoted string", start, stop)
    for letter, name in (("b", "bytes literal"), ("r", "raw string"), ("f", "f-string")):
        if letter in prefix:
            facts.mark(name, start, stop)
    for pattern, name in ((PLACEHOLDER, "format placeholder"), (ESCAPE, "escape sequence")):
        for found in pattern.finditer(text):
            facts.mark(name, start + found.start(), start + found.end())


def _mark_prose(facts: Marked, text: str, start: int, name: str) -> None:
    for found in PROSE.finditer(text):
        facts.mark(name, start + found.start(), start + found.end())
        facts.mark("English prose", start + found.start(), start + found.end())


def mark_docstring(facts: Marked, start: int, stop: int) -> None:
    """A docstring: its prose, its examples, the ends of its sentences."""
    text = facts.source[start:stop]
    facts.mark("docstring", start, stop)
    facts.mark("opening quote of a docstring", start, start + 3)
    facts.mark("closing quote of a docstring", stop - 3, stop)
    _mark_prose(facts, text, start, "English prose in a docstring")
    for found in re.finditer(r"(?m)^\s*(>>>|\.\.\.) .*$", text):
        facts.mark("example in a docstring", start + found.start(), start + found.end())
    for found in re.finditer(r"[a-z)]\.(?=\s|$|\")", text):
        facts.mark("end of a sentence", start + found.end() - 1, start + found.end())
    for found in re.finditer(r"(?:^|[.\n\"])\s*([A-Z][a-z]*)(?= )", text):
        facts.mark("first word of a sentence", start + found.start(1), start + found.end(1))
