"""The shortest end of a passage, up to its pivot, that still fires the neuron."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from indexer.graphs.measuring import Measurer, Tokens, Wanted
from indexer.graphs.settings import Asked, Example, GraphSettings


class Occasion(NamedTuple):
    """A firing token of a passage."""

    asked: int
    """Number of its neuron among those asked."""
    example: Example
    """The passage, with this token as its pivot."""
    whole: float
    """Activation there in the whole passage."""
    strongest: bool
    """No token of the passage is stronger."""


@dataclass(frozen=True)
class Pruned:
    """A passage cut to what the neuron needs."""

    asked: int
    """Number of its neuron among those asked."""
    tokens: Tokens
    """The window, and what follows up to the end of the sentence."""
    pivot: int
    begins: bool
    """Whether nothing comes before it in the passage."""
    whole: float
    """Activation at the pivot in the whole passage: what shorter ones are held against."""


def windows(example: Example, sizes: Sequence[int]) -> list[Tokens]:
    """Ends of the passage up to its pivot, shortest first; near its start there are fewer of them."""
    starts = dict.fromkeys(max(0, example.pivot + 1 - size) for size in sizes)
    return [example.tokens[start : example.pivot + 1] for start in starts]


def tail(example: Example, pieces: Sequence[bytes], most: int) -> Tokens:
    """Tokens after the pivot up to the end of its sentence or line, `most` of them; none where the pivot ends it.

    A sentence ends with `.`, `!` or `?` before a blank or the end of the text, or with its line.
    """
    stop = example.pivot + 1
    while stop < min(len(example.tokens), example.pivot + 1 + most) and not _ends(example.tokens, stop - 1, pieces):
        stop += 1
    return example.tokens[example.pivot + 1 : stop]


def _ends(tokens: Tokens, place: int, pieces: Sequence[bytes]) -> bool:
    piece = pieces[tokens[place]]
    after = pieces[tokens[place + 1]] if place + 1 < len(tokens) else b" "
    return b"\n" in piece or (piece.endswith((b".", b"!", b"?")) and after[:1].isspace())


def prune(
    measurer: Measurer,
    asked: Sequence[Asked],
    occasions: Sequence[Occasion],
    pieces: Sequence[bytes],
    settings: GraphSettings,
) -> list[Pruned]:
    """The passage of each, cut.

    The shortest window counts whose strongest token is the pivot, if it is that of the passage, with at least
    `settings.kept` of its activation; the longest where none does. All try a size before any tries the next.
    """
    tried = [windows(each.example, settings.windows) for each in occasions]
    chosen: dict[int, Tokens] = {}
    for step in range(max(map(len, tried), default=0)):
        left = [number for number in range(len(occasions)) if number not in chosen]
        chosen |= {number: tried[number][step] for number in left if step + 1 == len(tried[number])}
        asking = [number for number in left if number not in chosen]
        neurons = [asked[occasions[number].asked] for number in asking]
        wanted = [Wanted(tried[n][step], each.unit, each.sign) for n, each in zip(asking, neurons, strict=True)]
        for number, values in zip(asking, measurer.measure(wanted), strict=True):
            whole, strongest = occasions[number].whole, occasions[number].strongest
            if values[-1] >= settings.kept * whole and (values[-1] == values.max() or not strongest):
                chosen[number] = tried[number][step]
    return [
        Pruned(
            asked=each.asked,
            tokens=chosen[n] + tail(each.example, pieces, settings.tail),
            pivot=len(chosen[n]) - 1,
            begins=len(chosen[n]) == each.example.pivot + 1,
            whole=each.whole,
        )
        for n, each in enumerate(occasions)
    ]
