"""What an index of texts holds of a neuron, as what a graph is made from."""

from collections.abc import Iterable, Iterator

from indexer.graphs.settings import Asked, Example
from indexer.index.texts import Texts


def asked_of(texts: Texts, rows: Iterable[int], room: int) -> Iterator[Asked]:
    """Neurons in these rows; `room` is how many tokens of a passage the subject takes and was shown."""
    neurons = texts.index.neurons
    for row in rows:
        exemplars, held = texts.index.exemplars(row), texts.held_out(row)
        shown = zip(exemplars["sample"].to_pylist(), exemplars["token"].to_pylist(), strict=True)
        unseen = zip(held.samples.tolist(), held.tokens.tolist(), strict=True)
        yield Asked(
            row=row,
            unit=int(neurons.unit[row]),
            sign=int(neurons.polarity[row]),
            highest=float(neurons.polarity[row] * neurons.strongest[row]),
            build=tuple(Example(texts.passage(sample)[:room], token) for sample, token in shown),
            held_out=tuple(Example(texts.passage(sample)[:room], token) for sample, token in unseen),
        )
