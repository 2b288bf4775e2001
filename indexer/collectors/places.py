"""The part of each exemplar that its neuron responds to (METHODS 1, crop); resumable."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.collectors.collector import Collected, End
from indexer.collectors.geometry import Geometries, Geometry, in_pictures
from indexer.collectors.heat import Asked, Heater, picture
from indexer.collectors.taps import evaluating
from indexer.config import BuildConfig
from indexer.datasets.batches import chosen_batches, first_batch
from indexer.datasets.dataset import Dataset
from indexer.domain.crops import bounds, masks, squares
from indexer.domain.views import WHOLE, boxes
from indexer.errors import SubjectFault
from indexer.memory import Fitting
from indexer.progress import Progress, Silent
from indexer.subjects.devices import device_of
from indexer.subjects.inputs import stacked
from indexer.subjects.subject import Subject
from indexer.whole import whole_file

if TYPE_CHECKING:
    from indexer.subjects.inputs import Prepared

_PAIRS = {"activation": 1 << 14, "gradient": 1 << 10, "lrp": 1 << 10}
"""Exemplars a stored chunk holds, or a few more: those of one sample stay together."""


@dataclass(frozen=True)
class PlaceSettings:
    """How to find places."""

    staging: Path
    crop: str = "activation"
    """none, activation, gradient or lrp."""
    aggregation: str = "mean"
    polarity: str = "auto"
    collector: str = "activation"
    batch_size: int = 32
    threads: int = 2
    device: str = "cpu"

    @classmethod
    def of(cls, config: BuildConfig, staging: Path) -> "PlaceSettings":
        """As a build is configured."""
        named = ("crop", "aggregation", "polarity", "collector", "batch_size", "threads")
        collect = config.collect.model_dump(include=set(named))
        return cls(staging, **collect, device=device_of(config.subject.device))


class _Pairs(NamedTuple):
    """Every exemplar of every neuron, by sample; columns of one length."""

    samples: NDArray[np.int64]
    layers: NDArray[np.int64]
    ends: NDArray[np.int64]
    units: NDArray[np.int64]
    ranks: NDArray[np.int64]
    signs: NDArray[np.int64]
    """Of the activations: where exemplars are ranked by relevance, not always the end's."""

    def part(self, start: int, stop: int) -> "_Pairs":
        return _Pairs(*(column[start:stop] for column in self))


class _Shown(NamedTuple):
    """A sample ready to be placed."""

    prepared: "Prepared"
    size: tuple[int, int]
    geometry: Geometry


def check_places(subject: Subject, dataset: Dataset, layers: tuple[str, ...], settings: PlaceSettings) -> None:
    """Place one sample of each layer, so that what cannot be placed is refused before the long passes."""
    if settings.crop == "none" or not layers:
        return
    placer = _Placer(subject, dataset, settings, layers, Silent())
    zeros = np.zeros(len(layers), dtype=np.int64)
    batch = first_batch(dataset, placer.prepare)
    if batch is None:
        return  # the pass itself says so, with the reasons
    with evaluating(placer.module), placer.heater as heater:
        placer.place(heater, batch.items, Asked(zeros, np.arange(len(layers)), zeros, zeros + 1))
        if settings.polarity != "positive" or settings.collector != "activation":
            _refuse_negative(layers if settings.polarity == "both" else heater.signed(), settings.crop)


def place(
    subject: Subject, dataset: Dataset, collected: Collected, settings: PlaceSettings, progress: Progress
) -> Collected:
    """Give every exemplar the square around what its neuron responds to; chunks already stored are not made again.

    Raises SubjectFault where the layers, the subject or its preprocessing do not tell the place.
    """
    if settings.crop == "none" or not collected.layers:
        return collected
    layers, pairs = [layer.layer for layer in collected.layers], _pairs(collected)
    _refuse_negative([layers[number] for number in np.unique(pairs.layers[pairs.signs < 0])], settings.crop)
    placer = _Placer(subject, dataset, settings, layers, progress)
    codes = np.empty(len(pairs.samples), dtype=np.uint32)
    with (
        evaluating(placer.module),
        placer.heater as heater,
        progress.stage("Finding places in exemplars", len(codes)) as stage,
    ):
        for number, (start, stop) in enumerate(_pieces(pairs.samples, _PAIRS[settings.crop])):
            path = settings.staging / f"placed-{number:06d}.npy"
            if not path.exists():
                _store(path, placer.chunk(heater, pairs.part(start, stop), stage.advance))
            else:
                stage.advance(stop - start)
            codes[start:stop] = np.load(path)
    return _with_boxes(collected, pairs, codes)


class _Placer:
    def __init__(
        self,
        subject: Subject,
        dataset: Dataset,
        settings: PlaceSettings,
        layers: Sequence[str],
        progress: Progress,
    ) -> None:
        self._preprocess: Callable[[Image.Image], Any] = subject.preprocess
        self._dataset, self._settings = dataset, settings
        self._geometries = Geometries(subject.preprocess)
        self._fitting = Fitting("subject", progress.note)
        self.module = subject.module.to(settings.device)
        fitting = Fitting("subject", progress.note)
        self.heater = Heater(self.module, layers, settings.crop, settings.aggregation, fitting)

    def prepare(self, image: Image.Image) -> _Shown:
        return _Shown(self._preprocess(image), image.size, self._geometries.of(image.size))

    def chunk(self, heater: Heater, pairs: _Pairs, advance: Callable[[int], None]) -> NDArray[np.uint32]:
        settings = self._settings
        codes = np.full(len(pairs.samples), WHOLE)
        samples = np.unique(pairs.samples).tolist()
        for batch in chosen_batches(
            self._dataset, self.prepare, samples, size=settings.batch_size, threads=settings.threads
        ):
            start = np.searchsorted(pairs.samples, batch.numbers[0])
            stop = np.searchsorted(pairs.samples, batch.numbers[-1], side="right")
            part = pairs.part(int(start), int(stop))
            asked = Asked(np.searchsorted(batch.numbers, part.samples), part.layers, part.units, part.signs)
            for piece, found in self._fitting.run(len(batch.items), partial(self._piece, heater, batch.items, asked)):
                codes[start:stop][_in(asked, piece)] = found
            advance(int(stop - start))
        return codes

    def _piece(self, heater: Heater, shown: list[_Shown], asked: Asked, piece: slice) -> NDArray[np.uint32]:
        own = asked.part(np.flatnonzero(_in(asked, piece)))
        return self.place(heater, shown[piece], own._replace(rows=own.rows - piece.start))

    def place(self, heater: Heater, shown: list[_Shown], asked: Asked) -> NDArray[np.uint32]:
        """Box of each neuron asked in its row of the batch."""
        inputs = stacked([each.prepared for each in shown], self._settings.device)
        part = shown[0].geometry.part
        height, width = picture(inputs, part).shape[-2:]
        codes = np.full(len(asked.rows), WHOLE)
        for numbers, heat in heater.heat(inputs, part, asked, self._settings.batch_size):
            edges = bounds(masks(heat, (height, width)))
            placed = np.flatnonzero(np.isfinite(edges[:, 0]))
            codes[numbers[placed]] = _codes(edges[placed], shown, asked.rows[numbers[placed]])
        return codes


def _in(asked: Asked, piece: slice) -> NDArray[np.bool_]:
    """What is asked of the samples in a piece of the batch."""
    inside: NDArray[np.bool_] = (asked.rows >= piece.start) & (asked.rows < piece.stop)
    return inside


def _codes(edges: NDArray[np.float64], shown: Sequence[_Shown], rows: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Boxes of edges [n, 4] in input pixels, each of the picture of its row; whole where only padding is hot."""
    inside = in_pictures(edges, [each.geometry for each in shown], rows)
    sizes = np.array([each.size for each in shown], dtype=np.int64)[rows]
    pixels = np.tile(sizes, 2)
    codes = boxes(squares(inside * pixels, sizes) / pixels)
    return np.where((inside[:, 2:] > inside[:, :2]).all(axis=1), codes, WHOLE)


def _pairs(collected: Collected) -> _Pairs:
    columns, number = [], 0
    for layer, each in enumerate(collected.layers):
        for _, end in each.ends:
            units, ranks = np.nonzero(end.samples >= 0)
            signs = np.where(end.activations[units, ranks] < 0, -1, 1)
            plain = (np.full(len(units), value) for value in (layer, number))
            columns.append((end.samples[units, ranks], *plain, units, ranks, signs))
            number += 1
    joined = [np.concatenate(column) for column in zip(*columns, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return _Pairs(*(column[order] for column in joined))


def _pieces(samples: NDArray[np.int64], size: int) -> Iterator[tuple[int, int]]:
    """Ranges of at least `size` pairs each, but the last, that divide no sample."""
    start = 0
    while start < len(samples):
        last = samples[min(start + size, len(samples)) - 1]
        stop = int(np.searchsorted(samples, last, side="right"))
        yield start, stop
        start = stop


def _with_boxes(collected: Collected, pairs: _Pairs, codes: NDArray[np.uint32]) -> Collected:
    layers, number = [], 0
    for layer in collected.layers:
        placed: list[End] = []
        for _, end in layer.ends:
            own = pairs.ends == number
            found = np.full(end.samples.shape, WHOLE)
            found[pairs.units[own], pairs.ranks[own]] = codes[own]
            placed.append(replace(end, boxes=found))
            number += 1
        layers.append(replace(layer, positive=placed[0], negative=placed[1] if len(placed) > 1 else None))
    return replace(collected, layers=tuple(layers))


def _refuse_negative(signed: Sequence[str], crop: str) -> None:
    if crop == "lrp" and signed:
        raise SubjectFault(
            "Relevance propagation by the z+ rule tells what raises a neuron, not what lowers it; "
            f"negative activations of {', '.join(signed)} are to be placed too.",
            hint="Choose layers behind a ReLU, add --polarity positive, or use --crop gradient.",
        )


def _store(path: Path, codes: NDArray[np.uint32]) -> None:
    with whole_file(path) as file:
        np.save(file, codes)
