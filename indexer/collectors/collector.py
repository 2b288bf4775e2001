"""What collecting gives: each layer's exemplars and statistics, and what the subject said of every sample."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.datasets.batches import Reading


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

    @property
    def outputs(self) -> int:
        """Classes the subject gives logits for; 0 when none."""
        return int(np.load(self.logits, mmap_mode="r").shape[1]) if self.logits else 0

    def distinct(self) -> NDArray[np.int64]:
        """Numbers of all samples that are anyone's exemplar, ascending."""
        ends = [end for layer in self.layers for end in (layer.positive, layer.negative) if end is not None]
        numbers = np.unique(np.concatenate([end.samples.ravel() for end in ends]))
        return numbers[numbers >= 0]
