"""`lens demo`."""


def demo() -> None:
    """Placeholder until the trained parts are there."""
