"""All activations of a uniform subset of the samples, and the samples over a neuron's whole range."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.collector import LayerExemplars, Range, Survey
from indexer.domain.survey import lots, size_for

_BLOCK = 1024


class Surveying:
    """Keeps the activations of the samples with the lowest lots while all stream by, in any order and batches."""

    def __init__(self, units: int, asked: int) -> None:
        self._size = size_for(asked, units)
        self._samples = np.empty(0, dtype=np.int64)
        self._values = np.empty((0, units), dtype=np.float32)

    def add(self, values: NDArray[np.float32], samples: NDArray[np.int64]) -> None:
        """Take activations [batch, units] of the samples with these numbers [batch]."""
        drawn = lots(samples)
        if len(self._samples) == self._size:
            entering = drawn < lots(self._samples).max()
            if not entering.any():
                return
            values, samples, drawn = values[entering], samples[entering], drawn[entering]
        joined = np.concatenate([self._samples, samples])
        kept = np.sort(np.argsort(np.concatenate([lots(self._samples), drawn]))[: self._size])
        old, new = kept[kept < len(self._samples)], kept[kept >= len(self._samples)] - len(self._samples)
        if len(kept) == len(self._samples):  # full: what comes takes the rows of what goes
            gone = np.setdiff1d(np.arange(len(self._samples)), old)
            self._values[gone], self._samples[gone] = values[new], samples[new]
        else:
            self._values, self._samples = np.concatenate([self._values[old], values[new]]), joined[kept]

    def result(self) -> Survey:
        """The subset, by sample number."""
        order = np.argsort(self._samples)
        return Survey(self._samples[order], self._values[order])

    def state(self) -> dict[str, NDArray[Any]]:
        """All that must be kept to go on later."""
        return {"survey_samples": self._samples, "survey_values": self._values}

    @classmethod
    def restored(cls, asked: int, state: dict[str, NDArray[Any]]) -> "Surveying":
        """Go on from a stored state, of which the entries are taken."""
        samples, values = state.pop("survey_samples"), state.pop("survey_values")
        surveying = cls(values.shape[1], asked)
        surveying._samples, surveying._values = samples, values
        return surveying


def surveyed(layer: LayerExemplars, percentiles: tuple[float, ...], *, contrast: bool) -> LayerExemplars:
    """The layer with the samples at these percentiles; its survey is kept for contrasts only."""
    if layer.survey is None:
        return layer
    found = _range(layer.survey, percentiles, layer) if percentiles else None
    return replace(layer, range=found, survey=layer.survey if contrast else None)


def _range(survey: Survey, percentiles: tuple[float, ...], layer: LayerExemplars) -> Range:
    """The samples whose rank in the survey is nearest to each percentile; of equal activations the first sample first.

    A neuron that is never above zero, or constant, has none: −1 with activation 0.
    """
    count = len(survey.samples)
    ranks = np.floor(np.array(percentiles) / 100 * (count - 1) + 0.5).astype(np.int64)
    units = survey.activations.shape[1]
    rows = np.empty((units, len(ranks)), dtype=np.int64)
    for start in range(0, units, _BLOCK):
        block = survey.activations[:, start : start + _BLOCK]
        rows[start : start + _BLOCK] = np.argsort(block, axis=0, kind="stable")[ranks].T
    dead = (layer.constant | (layer.positive.active == 0))[:, None]
    activations = np.take_along_axis(survey.activations, rows.T, axis=0).T
    return Range(percentiles, np.where(dead, -1, survey.samples[rows]), np.where(dead, np.float32(0), activations))
