"""The shortest end of a passage, up to its pivot, that still fires the neuron."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.graphs.measuring import Measurer, Tokens, Wanted
from indexer.graphs.settings import Asked, Example, GraphSettings


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
    examples: Sequence[tuple[int, Example, float]],
    pieces: Sequence[bytes],
    settings: GraphSettings,
) -> list[Pruned]:
    """Each (number of its neuron, example, activation at its pivot), cut.

    The shortest window counts whose strongest token is the pivot still, with at least `settings.kept` of its
    activation; the longest where none does. All examples try a size before any tries the next.
    """
    tried = [windows(example, settings.windows) for _, example, _ in examples]
    chosen: dict[int, Tokens] = {}
    for step in range(max(map(len, tried), default=0)):
        left = [number for number in range(len(examples)) if number not in chosen and step < len(tried[number])]
        last = [number for number in left if step + 1 == len(tried[number])]
        asking = [number for number in left if step + 1 < len(tried[number])]
        chosen |= {number: tried[number][step] for number in last}
        wanted = [Wanted(tried[n][step], asked[examples[n][0]].unit, asked[examples[n][0]].sign) for n in asking]
        for number, values in zip(asking, measurer.measure(wanted), strict=True):
            if values[-1] == values.max() and values[-1] >= settings.kept * examples[number][2]:
                chosen[number] = tried[number][step]
    return [
        Pruned(
            asked=neuron,
            tokens=chosen[n] + tail(example, pieces, settings.tail),
            pivot=len(chosen[n]) - 1,
            begins=len(chosen[n]) == example.pivot + 1,
            whole=whole,
        )
        for n, (neuron, example, whole) in enumerate(examples)
    ]
