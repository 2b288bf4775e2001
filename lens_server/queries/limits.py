"""How much one question may ask for."""

from indexer.errors import InvalidInput

MOST = 1000
"""Hits, pairs, neurons of a page."""


def checked(name: str, value: int) -> int:
    """The value; raises InvalidInput unless it is 1 to MOST."""
    if not 1 <= value <= MOST:
        raise InvalidInput(f"{name} is {value}.", hint=f"Give 1 to {MOST}.")
    return value
