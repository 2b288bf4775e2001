"""Tokens as people can read them: nothing invisible, nothing that a format forbids, nothing too long."""

import unicodedata

_MARKS = {"\n": "↵", "\t": "→", "\r": "\\r"}
_RUN = 4
"""Longer runs of one blank are counted."""
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_RIGHT_TO_LEFT = ("R", "AL", "AN")


def shown(text: str, most: int | None = None) -> str:
    """A token alone: blanks at its ends are ␣, line ends ↵, tabs →; cut in its middle beyond `most` characters."""
    core = text.strip(" ")
    before = len(text) - len(text.lstrip(" ")) if core else len(text)
    after = len(text) - before - len(core)
    legible = _blanks(before) + visible(core) + _blanks(after)
    if most is None or len(legible) <= most:
        return legible
    head = (most - 1) // 2
    return legible[: most - 1 - head] + "…" + legible[len(legible) - head :]


def visible(text: str) -> str:
    """A text whose line ends, tabs, control, direction and other unseen characters are written out; blanks stay."""
    return "".join(each if each.isascii() and each.isprintable() else _visible(each) for each in text)


def right_to_left(text: str) -> bool:
    """It holds letters that are written from the right."""
    return any(unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in text)


def isolated(text: str) -> str:
    """Safe to stand in a line: letters written from the right do not turn what is beside them."""
    return f"\u2068{text}\u2069" if right_to_left(text) else text


def cells(text: str) -> int:
    """Columns that a text takes in letters of equal width."""
    return sum(_cells(each) for each in text)


def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _blanks(count: int) -> str:
    return "␣" * count if count <= _RUN else f"␣×{count}"


def _visible(letter: str) -> str:
    if letter in _MARKS:
        return _MARKS[letter]
    if ord(letter) < 0x80:
        return f"\\x{ord(letter):02X}"
    if unicodedata.category(letter) in _UNSEEN or (letter.isspace() and letter != " "):
        return f"\\u{ord(letter):04x}" if ord(letter) <= 0xFFFF else f"\\U{ord(letter):08x}"
    return letter
