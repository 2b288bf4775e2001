"""The command `lens`: parse, ask, print.

Exit status: 0 done, 2 bad input with the cure, 70 internal error, 130 interrupted.
"""

from lens_server.cli.main import main

__all__ = ["main"]
