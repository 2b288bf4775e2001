"""What does the neuron really do on this text?"""

from collections.abc import Sequence

import numpy as np

from indexer.errors import InvalidInput
from indexer.index.texts import Texts


class Reopened:
    """The subject of an index of texts, opened again by its name and proved the same. Needs torch."""

    def __init__(self, texts: Texts, *, trust_pickle: bool = False) -> None:
        """Raises what opening it raises, Untrustworthy when its weights or its tokens are others."""
        from indexer.graphs.all_graphs import reopened

        self._index = texts.index
        self._subject = reopened(texts, trust_pickle=trust_pickle)

    def encode(self, text: str) -> Sequence[int]:
        """The text's own tokens."""
        return self._subject.tokenizer.encode(text)

    def measured(self, row: int, tokens: Sequence[int]) -> tuple[float, ...]:
        """Activation of the neuron in a row on each token, of its own polarity, as a share of its highest.

        A text longer than the subject takes is shown to it in parts, each by itself. Raises InvalidInput for a dead
        neuron, SubjectFault.
        """
        from indexer.graphs.measuring import Measurer, Wanted

        neuron, strongest = self._index.neurons.id(row), abs(float(self._index.neurons.strongest[row]))
        if not strongest:
            raise InvalidInput(f"{neuron} is dead: its activations have no highest to be held against.")
        room = self._subject.room
        parts = [tuple(tokens[start : start + room]) for start in range(0, len(tokens), room)]
        sign = -1 if neuron.polarity < 0 else 1
        measurer = Measurer(self._subject, neuron.layer)
        found = measurer.measure([Wanted(part, neuron.unit, sign) for part in parts])
        return tuple((np.concatenate(found) / np.float32(strongest)).tolist())
