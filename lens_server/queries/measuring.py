"""What does the neuron really do on this text?"""

from collections.abc import Sequence

import numpy as np

from indexer.errors import InvalidInput, Untrustworthy
from indexer.index.reader import Index


class Reopened:
    """The subject of an index of texts, opened again by its name and proved the same. Needs torch."""

    def __init__(self, index: Index, *, trust_pickle: bool = False) -> None:
        """Raises what opening it raises, Untrustworthy when its weights are others."""
        from indexer.subjects.digests import module_digest
        from indexer.subjects.opening import open_text_subject

        origin = index.manifest.subject
        self._index = index
        self._subject = open_text_subject(origin.name, origin.saes, trust_pickle=trust_pickle)
        digest = module_digest(self._subject.module)
        if digest != origin.digest:
            raise Untrustworthy(
                f"The weights of {origin.name} are not those the index was built from "
                f"(digests {origin.digest[:12]} and {digest[:12]}).",
                hint="Restore them, or build the index again.",
            )

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
