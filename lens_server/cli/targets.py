"""TARGET: an index folder, or an index behind a server."""

from collections.abc import Sequence
from typing import Any

from indexer.domain.states import State
from indexer.errors import InvalidInput
from lens_client import LensClient
from lens_server.answers import IndexSummary, Neuron, Where
from lens_server.lens import Lens
from lens_server.overviews import ConceptMap, Coverage, Series

_SCHEME = "grpc://"


def is_served(target: str) -> bool:
    """The target is behind a server."""
    return target.startswith(_SCHEME)


def open_target(target: str, *, trust_pickle: bool = False) -> Lens | LensClient:
    """Open a folder, or `grpc://host:port[/index]`; both answer the same questions alike."""
    if is_served(target):
        return LensClient(target)
    return Lens.open(target, trust_pickle=trust_pickle)


def name_beside(first: str, other: str) -> str:
    """The name of another index on the server of `first`: as given, or the last part of its address there."""
    if not is_served(other):
        return other.rpartition("/")[2]
    server, _, name = other.removeprefix(_SCHEME).partition("/")
    if server != first.removeprefix(_SCHEME).partition("/")[0]:
        raise InvalidInput(
            f"{first} and {other} are of different servers, which cannot compare them.",
            hint="Serve both indexes from one server, or give folders.",
        )
    return name


class Together:
    """Several indexes of one embedding space, folders or of one server, asked as one."""

    def __init__(self, targets: Sequence[str], *, trust_pickle: bool = False) -> None:
        first, *rest = targets
        self._first: Any = open_target(first, trust_pickle=trust_pickle)
        self._others: list[Any]
        if is_served(first):
            self._others = [name_beside(first, other) for other in rest]
            server = first.removeprefix(_SCHEME).partition("/")[0]
            self._each: list[Any] = [self._first, *(LensClient(f"{_SCHEME}{server}", name) for name in self._others)]
            return
        for other in filter(is_served, rest):
            raise InvalidInput(f"{first} is a folder and {other} is served.", hint="Give folders, or one server's.")
        self._others = [Lens.open(other) for other in rest]
        self._each = [self._first, *self._others]

    def coverage(self, entries: Sequence[str], alpha: float) -> Coverage:
        """Which concepts each layer knows."""
        found: Coverage = self._first.coverage(entries, self._others, alpha=alpha)
        return found

    def series(self, entries: Sequence[str], alpha: float) -> Series:
        """What became of each concept."""
        found: Series = self._first.series(self._others, entries, alpha=alpha)
        return found

    def concept_map(self, entries: Sequence[str], alpha: float) -> ConceptMap:
        """Who lies by whom."""
        found: ConceptMap = self._first.concept_map(entries, self._others, alpha=alpha)
        return found

    def alive(self) -> list[tuple[IndexSummary, list[Neuron]]]:
        """What each index holds, and its alive neurons; refuses what the other questions refuse."""
        summaries = [each.describe() for each in self._each]
        for at, summary in enumerate(summaries):
            if summary.space_digest != summaries[0].space_digest:
                raise InvalidInput(
                    f"{summaries[0].name} was embedded with {summaries[0].foundation_model}, {summary.name} with "
                    f"{summary.foundation_model} (their digests differ): their clarities cannot be compared.",
                    hint="Build both with one foundation model.",
                )
            if summary.name in [each.name for each in summaries[:at]]:
                raise InvalidInput(f"Two indexes are named {summary.name!r}.", hint="Give each index once.")
        return [(summary, _alive(each)) for summary, each in zip(summaries, self._each, strict=True)]


def _alive(lens: Any) -> list[Neuron]:  # noqa: ANN401 - a Lens or a LensClient
    page = lens.neurons(Where(states=(State.ALIVE,)), page_size=1000)
    found: list[Neuron] = list(page.neurons)
    while page.next_page_token:
        page = lens.neurons(Where(states=(State.ALIVE,)), page_size=1000, page_token=page.next_page_token)
        found += page.neurons
    return found
