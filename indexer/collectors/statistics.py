"""What is kept of a layer while samples stream by."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.collector import End, LayerExemplars
from indexer.collectors.survey import Surveying
from indexer.domain.top_k import TopK
from indexer.errors import SubjectFault

State = dict[str, NDArray[Any]]


class LayerStatistics:
    """Top-k of both ends, counts, sums and extremes of one layer; its state can be stored and restored."""

    def __init__(self, layer: str, units: int, k: int, survey: int = 0) -> None:
        """`k` exemplars a neuron; a survey of so many samples, none where 0."""
        self.layer = layer
        self._k = k
        self._surveying = Surveying(units, survey) if survey else None
        self._positive = TopK(units, k)
        self._negative: TopK | None = None
        self._sums: State = {
            "active_positive": np.zeros(units, dtype=np.int64),
            "active_negative": np.zeros(units, dtype=np.int64),
            "sum": np.zeros(units),
            "centre": np.zeros(units),
            "low": np.full(units, np.inf, dtype=np.float32),
            "high": np.full(units, -np.inf, dtype=np.float32),
            "seen": np.zeros(1, dtype=np.int64),
        }

    def add(
        self, values: NDArray[np.float32], centre: NDArray[np.float64], samples: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Take activations [batch, units], sums over the batch of position means [units], and the sample numbers.

        Returns [batch] whether a sample may be some neuron's exemplar.
        """
        kept = self._sums
        if values.shape[1] != len(kept["sum"]):
            raise SubjectFault(
                f"Layer {self.layer!r} gave {values.shape[1]} neurons after {len(kept['sum'])}.",
                hint="Choose a layer of fixed width.",
            )
        entering = self._positive.add(values, samples)
        low = values.min(axis=0)
        if self._negative is None and (low < 0).any():
            self._negative = TopK(values.shape[1], self._k)
        if self._negative is not None:
            entering = entering | self._negative.add(-values, samples)
        kept["active_positive"] += (values > 0).sum(axis=0)
        kept["active_negative"] += (values < 0).sum(axis=0)
        kept["sum"] += values.sum(axis=0, dtype=np.float64)
        kept["centre"] += centre
        kept["low"] = np.minimum(kept["low"], low)
        kept["high"] = np.maximum(kept["high"], values.max(axis=0))
        kept["seen"] += len(values)
        if self._surveying is not None:
            self._surveying.add(values, samples)
        return entering

    def result(self, polarity: str) -> LayerExemplars:
        """The layer's exemplars; `polarity` is auto, positive or both."""
        kept, seen = self._sums, int(self._sums["seen"][0])
        constant = kept["low"] == kept["high"]
        negative = None
        if polarity == "both" or (polarity == "auto" and self._negative is not None):
            top = self._negative or TopK(len(kept["sum"]), self._k)
            negative = _end(top, kept["active_negative"], -1, constant)
        return LayerExemplars(
            layer=self.layer,
            positive=_end(self._positive, kept["active_positive"], 1, constant),
            negative=negative,
            mean=kept["sum"] / seen,
            centre=kept["centre"] / seen,
            constant=constant,
            survey=None if self._surveying is None else self._surveying.result(),
        )

    def state(self) -> State:
        """Everything needed to go on later."""
        ends: State = {"positive": self._positive.state()}
        if self._negative is not None:
            ends["negative"] = self._negative.state()
        surveyed = {} if self._surveying is None else self._surveying.state()
        return {**self._sums, **ends, **surveyed}

    @classmethod
    def restored(cls, layer: str, k: int, survey: int, state: State) -> "LayerStatistics":
        """Go on from a stored state."""
        statistics = cls(layer, len(state["sum"]), k)
        statistics._surveying = Surveying.restored(survey, state) if survey else None
        statistics._positive.restore(state.pop("positive"))
        if "negative" in state:
            statistics._negative = TopK(len(state["sum"]), k)
            statistics._negative.restore(state.pop("negative"))
        statistics._sums = state
        return statistics


def _end(top: TopK, active: NDArray[np.int64], sign: int, constant: NDArray[np.bool_]) -> End:
    activations, samples, counts = top.result()
    activations[constant], samples[constant], counts[constant] = 0, -1, 0
    return End(activations=np.float32(sign) * activations, samples=samples, counts=counts, active=active)
