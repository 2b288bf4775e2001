"""Everything that can go wrong on purpose.

LensError                    message + hint; the surfaces print both
├── InvalidInput             the request, an argument or a file given by the user
│   └── UnknownName          a name nobody knows; the hint holds the nearest ones
├── NotFound                 a neuron, an index, a sample that is not there
├── MissingExtra             an optional package is needed; the hint holds the command
├── SubjectFault             the subject cannot be loaded, run or trusted
│   └── OutOfMemory          not even one sample fits; with more room the work goes on where it was
├── DatasetFault             the dataset is empty, unreadable or inconsistent
│   └── SampleLost           a sample that was read before cannot be read now; once it can, the work goes on
├── IndexUnusable            the folder is no index of ours, or cannot be read
│   └── Untrustworthy        digests, spaces or values are not what they must be; `lens audit` ends with 4
├── DiskFull                 no room for what is written; with more room the work goes on where it was
├── Unavailable              a server cannot be reached, a port is taken
└── Interrupted              the user stopped the work; what is done can be resumed
"""

from collections.abc import Iterable
from difflib import get_close_matches


class LensError(Exception):
    """A fault with its reason and, where there is one, its cure."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class InvalidInput(LensError):
    """The request or an argument cannot be answered as it stands."""


class UnknownName(InvalidInput):
    """A name nobody knows."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.known = sorted(known)
        super().__init__(f"No {kind} named {name!r}.", hint=nearest_hint(name, self.known))


class NotFound(LensError):
    """What was asked for is not in this index."""


class MissingExtra(LensError):
    """An optional package is not installed."""


class SubjectFault(LensError):
    """The subject cannot be loaded, run or trusted."""


class OutOfMemory(SubjectFault):
    """Not even one sample fits into memory, of the subject or of the foundation model."""


class DatasetFault(LensError):
    """The dataset is empty, unreadable or inconsistent."""


class SampleLost(DatasetFault):
    """A sample that was read before cannot be read now."""


class IndexUnusable(LensError):
    """The folder is not an index that can be trusted."""


class Untrustworthy(IndexUnusable):
    """What is there is not what was signed for: a digest differs, a space is foreign, a value is not finite."""


class DiskFull(LensError):
    """What is written finds no room."""


class Unavailable(LensError):
    """A server or a port cannot be used."""


class Interrupted(LensError):
    """The user stopped the work."""


def nearest_hint(name: str, known: Iterable[str], limit: int = 8) -> str:
    """'Did you mean …?' with the nearest known names, else a list of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.55)
    if near:
        return "Did you mean " + " or ".join(repr(each) for each in near) + "?"
    shown = ", ".join(names[:limit]) + (f" … ({len(names)} in all)" if len(names) > limit else "")
    return f"Known: {shown}." if names else "None is known."
