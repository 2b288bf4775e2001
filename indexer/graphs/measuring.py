"""Activations of single neurons on many prompts: equal prompts run once, in batches of like length."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SubjectFault
from indexer.subjects.text_subject import TextSubject
from indexer.subjects.token_runs import BATCH_TOKENS, TokenRuns

Tokens = tuple[int, ...]


class Wanted(NamedTuple):
    """A neuron's activations on a prompt."""

    tokens: Tokens
    unit: int
    sign: int = 1


class Measurer:
    """Reads one layer; knows nothing of what the prompts are for."""

    def __init__(self, subject: TextSubject, layer: str, device: str = "cpu", batch_tokens: int = BATCH_TOKENS) -> None:
        self._layer = layer
        self._runs = TokenRuns(subject, [layer], device=device, batch_tokens=batch_tokens)

    def measure(self, wanted: Sequence[Wanted]) -> list[NDArray[np.float32]]:
        """For each, the activation of every token [tokens], turned by its sign.

        Raises SubjectFault for a unit that the layer has not, or an activation that is not finite.
        """
        import torch

        askers: dict[Tokens, list[int]] = {}
        for number, each in enumerate(wanted):
            askers.setdefault(each.tokens, []).append(number)
        prompts = list(askers)
        found: list[NDArray[np.float32]] = [np.empty(0, dtype=np.float32)] * len(wanted)
        for shown in self._runs.run(prompts):
            tensor = shown.activations[self._layer]
            numbers = [number for prompt in shown.prompts for number in askers[prompts[prompt]]]
            rows = [row for row, prompt in enumerate(shown.prompts) for _ in askers[prompts[prompt]]]
            units = [wanted[number].unit for number in numbers]
            if max(units) >= tensor.shape[2]:
                raise SubjectFault(f"Layer {self._layer!r} has {tensor.shape[2]} neurons, none of number {max(units)}.")
            columns = tensor[torch.tensor(rows), :, torch.tensor(units)].cpu().numpy()
            for number, row, column in zip(numbers, rows, columns, strict=True):
                values = column[: shown.lengths[row]]
                found[number] = -values if wanted[number].sign < 0 else values.copy()
        _check_finite(found, self._layer)
        return found


def _check_finite(found: Sequence[NDArray[np.float32]], layer: str) -> None:
    if found and not np.isfinite(np.concatenate(found)).all():
        raise SubjectFault(f"Layer {layer!r} gives activations that are not finite.", hint="Check the weights.")
