"""Layers that can be indexed, and the patterns that name them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from indexer.errors import InvalidInput, SubjectFault, UnknownName, nearest_hint


@dataclass(frozen=True)
class LayerShape:
    """A layer that can be indexed."""

    name: str
    kind: str
    """Class of the module."""
    shape: tuple[int, ...]
    """Of its output for one sample, without the batch axis; of a text's, as many tokens as the subject takes."""
    units: int
    """Neurons it would give."""


def matching(pattern: str, names: Sequence[str]) -> list[str]:
    """The names that a pattern matches, in their order.

    `*` matches inside one part of a dotted name, `**` across parts: `blocks.*` are the blocks, `blocks.**` all within.
    """
    expression = _expression(pattern)
    return [name for name in names if expression.fullmatch(name)]


def chosen(patterns: Sequence[str], known: Sequence[str], what: str) -> list[str]:
    """Those of the known layers that names or patterns choose, in their order; all without any.

    Raises UnknownName for a name or pattern that chooses none; `what` says what kind of layer was looked for.
    """
    found = set() if patterns else set(known)
    for pattern in patterns:
        matched = [pattern] if pattern in known else matching(pattern, known)
        if not matched:
            raise UnknownName(what, pattern, known)
        found |= set(matched)
    return [layer for layer in known if layer in found]


def resolved(patterns: Sequence[str], usable: Sequence[str], refused: Callable[[str], SubjectFault]) -> tuple[str, ...]:
    """Names and patterns → usable names, each once, in the order given; a pattern's in the order of `usable`.

    Raises what `refused` makes of a name that is not usable, InvalidInput for a pattern that matches none.
    """
    found: list[str] = []
    for pattern in patterns:
        matched = matching(pattern, usable)
        if not matched and "*" not in pattern:
            raise refused(pattern)
        if not matched:
            hint = nearest_hint(pattern.replace("**", "*"), usable)
            raise InvalidInput(f"No layer that can be indexed matches {pattern!r}.", hint=hint)
        found += matched
    return tuple(dict.fromkeys(found))


def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*\.|\*\*|\*)", pattern)
    meaning = {"**.": r"(?:.*\.)?", "**": r".*", "*": r"[^.]*"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))
