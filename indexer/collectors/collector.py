"""What collecting gives: each layer's exemplars and statistics, and what the subject said of every sample."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.datasets.batches import Reading
from indexer.datasets.decoded import DecodedStore
from indexer.domain.views import views


@dataclass(frozen=True)
class End:
    """The exemplars of one polarity of a layer's neurons."""

    activations: NDArray[np.float32]
    """[units, k], most extreme first, signed; 0 beyond the count."""
    samples: NDArray[np.int64]
    """[units, k] sample numbers; −1 beyond the count."""
    counts: NDArray[np.int64]
    """[units] exemplars found."""
    active: NDArray[np.int64]
    """[units] samples with an activation of this polarity."""
    relevances: NDArray[np.float32] | None = None
    """[units, k] what ranked the samples, where that was not the activation; signed."""
    strongest: NDArray[np.float32] | None = None
    """[units] the most extreme activation of this polarity, where the first exemplar's is not."""
    boxes: NDArray[np.uint32] | None = None
    """[units, k] the part of each sample to embed (domain.views); None: whole images."""

    tokens: NDArray[np.uint32] | None = None
    """[units, k] where in each passage a text neuron's activation is; None: samples are images."""

    @property
    def views(self) -> NDArray[np.int64]:
        """[units, k] what of each sample is embedded; −1 beyond the count."""
        return views(self.samples, self.boxes if self.tokens is None else self.tokens)


@dataclass(frozen=True)
class Range:
    """Samples over the whole range of each neuron's activations, from a uniform subset of the dataset."""

    percentiles: tuple[float, ...]
    """Descending."""
    samples: NDArray[np.int64]
    """[units, percentiles] sample numbers; −1 for a neuron that is never above zero, or constant."""
    activations: NDArray[np.float32]
    """[units, percentiles]"""


@dataclass(frozen=True)
class Survey:
    """Every activation of a uniform subset of the distinct samples."""

    samples: NDArray[np.int64]
    """[subset] sample numbers, ascending."""
    activations: NDArray[np.float32]
    """[subset, units]"""


@dataclass(frozen=True)
class LayerExemplars:
    """All that was seen of one layer."""

    layer: str
    positive: End
    negative: End | None
    """The other end, for layers with any activation below zero."""
    mean: NDArray[np.float64]
    """[units] mean aggregated activation over the distinct samples."""
    centre: NDArray[np.float64]
    """[units] mean over samples and positions: what relevance is measured against."""
    constant: NDArray[np.bool_]
    """[units] the same activation on every sample."""
    survey: Survey | None = None
    """For contrasts, where asked for."""
    range: Range | None = None
    """Besides the exemplars, where asked for."""

    @property
    def ends(self) -> tuple[tuple[int, End], ...]:
        """Polarity and end, the positive first."""
        return ((1, self.positive), *(() if self.negative is None else ((-1, self.negative),)))

    @property
    def units(self) -> int:
        """Neurons of the layer."""
        return len(self.mean)


@dataclass(frozen=True)
class Collected:
    """The outcome of one pass over the dataset."""

    layers: tuple[LayerExemplars, ...]
    reading: Reading
    predictions: NDArray[np.int64] | None
    """[samples] class of the highest logit, −1 where skipped; None when the subject gives no logits."""
    logits: Path | None
    """logits.npy [samples, classes] float32 in the staging folder, NaN where skipped."""
    decoded: DecodedStore
    """Images of samples that may be exemplars, so that they are not decoded again."""

    @property
    def seen(self) -> int:
        """Distinct samples shown."""
        return self.reading.distinct

    @property
    def outputs(self) -> int:
        """Classes the subject gives logits for; 0 when none."""
        return int(np.load(self.logits, mmap_mode="r").shape[1]) if self.logits else 0

    def views(self) -> NDArray[np.int64]:
        """All that is to be embedded, each once, ascending: exemplars, and the samples of ranges and surveys."""
        ends = [end for layer in self.layers for _, end in layer.ends]
        ranges = [layer.range for layer in self.layers if layer.range is not None]
        surveys = [layer.survey for layer in self.layers if layer.survey is not None]
        whole = [each.samples.ravel() for each in ranges] + [each.samples for each in surveys]
        wanted = [end.views.ravel() for end in ends] + [views(each) for each in whole]
        seen = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *wanted]))
        return seen[seen >= 0]
