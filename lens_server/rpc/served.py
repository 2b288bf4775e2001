"""The lenses a server answers from, by name; replaced while it runs without dropping a call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from indexer.errors import InvalidInput, NotFound, nearest_hint
from lens_server.answers import IndexSummary
from lens_server.lens import Lens
from lens_server.rpc.limits import RequestFault, Violation


@dataclass(frozen=True)
class ServedLens:
    """A lens and what it says of itself, asked once."""

    lens: Lens
    summary: IndexSummary
    """Under the name it is served by."""


class Served:
    """Name → lens. A call keeps the lens it started with."""

    def __init__(self, lenses: Mapping[str, Lens]) -> None:
        self._lock = Lock()
        self._lenses = {name: _served(name, lens) for name, lens in sorted(lenses.items())}

    def get(self, name: str) -> ServedLens:
        """The lens of that name; an empty name stands for the only one."""
        lenses = self._lenses
        if name in lenses:
            return lenses[name]
        if not lenses:
            raise NotFound("This server has no index.", hint="Start it with one: lens serve INDEX --grpc HOST:PORT")
        if name:
            raise NotFound(f"No index named {name!r} is served.", hint=nearest_hint(name, lenses))
        if len(lenses) > 1:
            raise RequestFault(
                Violation("index", f"must be set, as {len(lenses)} are served"), hint=nearest_hint("", lenses)
            )
        return next(iter(lenses.values()))

    def summaries(self) -> list[IndexSummary]:
        """All indexes, by name."""
        return [each.summary for each in self._lenses.values()]

    def replace(self, name: str, lens: Lens) -> None:
        """Serve `lens` under `name` from the next call on."""
        added = _served(name, lens)
        with self._lock:
            self._lenses = dict(sorted({**self._lenses, name: added}.items()))


def open_lenses(paths: Iterable[str | Path], *, trust_pickle: bool = False) -> dict[str, Lens]:
    """The lens of each index folder, by the index's name."""
    lenses: dict[str, Lens] = {}
    for path in paths:
        lens = Lens.open(path, trust_pickle=trust_pickle)
        if lens.name in lenses:
            raise InvalidInput(f"Two indexes are named {lens.name!r}.", hint=f"Rename the folder {path}.")
        lenses[lens.name] = lens
    return lenses


def _served(name: str, lens: Lens) -> ServedLens:
    return ServedLens(lens, replace(lens.describe(), name=name))
