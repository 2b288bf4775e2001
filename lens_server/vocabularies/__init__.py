"""Lists of words to label neurons with: the shipped ones by name, any text file by path."""

from importlib.resources import files
from pathlib import Path

from indexer.errors import InvalidInput, UnknownName

SHIPPED = ("general", "dermoscopy", "python-code")
_CONTROLS = 32
"""Control words of each list."""
MOST = 50_000


def control_words() -> tuple[str, ...]:
    """Words of all kinds, as many of each shipped list: no model knows them all."""
    lists = [read_vocabulary(name) for name in SHIPPED]
    return tuple(
        dict.fromkeys(entries[len(entries) * number // _CONTROLS] for entries in lists for number in range(_CONTROLS))
    )


def read_vocabulary(name: str) -> tuple[str, ...]:
    """Entries of a shipped list or of a UTF-8 text file, one a line; empty lines and `#` comments are skipped."""
    if name in SHIPPED:
        return _entries((files(__name__) / f"{name}.txt").read_text(encoding="utf-8"), name)
    path = Path(name)
    if not path.is_file():
        if "/" in name or "." in name:
            raise InvalidInput(f"The vocabulary {name} is no file.", hint=f"Shipped lists: {', '.join(SHIPPED)}.")
        raise UnknownName("vocabulary", name, SHIPPED)
    try:
        return _entries(path.read_text(encoding="utf-8"), name)
    except UnicodeDecodeError as fault:
        raise InvalidInput(f"The vocabulary {name} is not UTF-8 text: {fault.reason} at byte {fault.start}.") from fault


def check_vocabulary(entries: tuple[str, ...]) -> None:
    """Raise InvalidInput for none, too many or repeated entries."""
    if not entries:
        raise InvalidInput("The vocabulary is empty.", hint="One entry a line.")
    if len(entries) > MOST:
        raise InvalidInput(f"The vocabulary has {len(entries):,} entries; at most {MOST:,} are taken.")
    if len(set(entries)) < len(entries):
        seen: set[str] = set()
        twice = next(entry for entry in entries if entry in seen or seen.add(entry))  # type: ignore[func-returns-value]
        raise InvalidInput(
            f"The vocabulary names {twice!r} twice.", hint="Each entry once: a repeated one would have no margin."
        )


def _entries(text: str, name: str) -> tuple[str, ...]:
    lines = (line.strip() for line in text.splitlines())
    entries = tuple(line for line in lines if line and not line.startswith("#"))
    if not entries:
        raise InvalidInput(f"The vocabulary {name} is empty.", hint="One entry a line.")
    return entries
