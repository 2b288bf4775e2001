"""Each distinct view of an exemplar through the foundation model once, in chunks that survive a kill."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from indexer.cache import EmbeddingCache
from indexer.datasets.batches import chosen_batches, content_of
from indexer.datasets.dataset import Dataset
from indexer.domain.embeddings import Vectors
from indexer.domain.views import WHOLE, boxes, boxes_of, fractions, rows_of, samples_of, views
from indexer.foundation_models.foundation_model import FoundationModel
from indexer.index.reader import Index
from indexer.index.writer import jpeg
from indexer.memory import Fitting
from indexer.progress import Progress, Stage
from indexer.whole import whole_file

_CHUNK = 256
_BATCH = 32


@dataclass(frozen=True)
class Embedded:
    """The exemplars' places in the space."""

    views: NDArray[np.int64]
    """What each row is the embedding of (domain.views)."""
    vectors: Vectors
    """[distinct views, d], unit rows."""
    chunks: tuple[Path, ...]
    """Stored chunks holding the pictures of the rows that are new."""
    known: Index | None
    """The index whose embeddings are the first rows."""

    def rows_of(self, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of each view; −1 for −1."""
        return rows_of(wanted, self.views)

    def thumbnails(self) -> Iterator[list[bytes]]:
        """Pictures in the order of the rows, in blocks."""
        if self.known is not None:
            count = len(self.known.exemplar_vectors)
            for start in range(0, count, _CHUNK):
                yield [self.known.thumbnail(row) for row in range(start, min(start + _CHUNK, count))]
        for chunk in self.chunks:
            with pa.memory_map(str(chunk)) as source:
                yield pa.ipc.open_file(source).read_all().column("jpeg").to_pylist()


@dataclass(frozen=True)
class EmbedSettings:
    """How to embed."""

    staging: Path
    thumbnail: int
    threads: int
    cache: Path | None = None
    """Folder of the embeddings that builds share; None: nothing is shared."""


def embed_exemplars(  # noqa: PLR0913
    model: FoundationModel,
    dataset: Dataset,
    wanted: NDArray[np.int64],
    known: Index | None,
    settings: EmbedSettings,
    progress: Progress,
) -> Embedded:
    """Embed the wanted views that `known` does not hold; chunks already stored are not made again."""
    old = known_views(known)
    new = np.setdiff1d(wanted, old)
    pieces = [new[start : start + _CHUNK] for start in range(0, len(new), _CHUNK)]
    paths = [settings.staging / f"embedded-{number:06d}.arrow" for number in range(len(pieces))]
    done = sum(len(piece) for piece, path in zip(pieces, paths, strict=True) if path.exists())
    cache = EmbeddingCache(settings.cache, model.space.digest, model.space.dimension)
    embed = _Embedder(model, cache, Fitting("foundation model", progress.note))
    with progress.stage("Embedding distinct exemplars", len(new), done) as stage:
        for piece, path in zip(pieces, paths, strict=True):
            if not path.exists():
                _embed_chunk(embed, _pictures(dataset, piece, settings.threads), path, settings.thumbnail, stage)
    if cache.fault:
        progress.note(cache.fault)
    vectors = [np.asarray(known.exemplar_vectors)] if known is not None else []
    vectors += [_stored_vectors(path, model.space.dimension) for path in paths]
    empty = np.empty((0, model.space.dimension), dtype=np.float32)
    return Embedded(np.concatenate([old, new]), np.concatenate([empty, *vectors]), tuple(paths), known)


def known_views(known: Index | None) -> NDArray[np.int64]:
    """View of every embedding an index holds, in its order; −1 where no neuron names it."""
    if known is None:
        return np.empty(0, dtype=np.int64)
    result = np.full(len(known.exemplar_vectors), -1, dtype=np.int64)
    places = ("left", "top", "right", "bottom")
    named = known.all_exemplars("embedding", "sample", *places), known.ranges("embedding", "sample"), known.survey
    for table in named:
        codes = np.full(table.num_rows, WHOLE)
        if places[0] in table.column_names:
            corners = np.stack([np.asarray(table[name], dtype=np.float32) for name in places], axis=-1)
            boxed = ~np.isnan(corners[:, 0])
            codes[boxed] = boxes(corners[boxed])
        result[np.asarray(table["embedding"])] = views(np.asarray(table["sample"], dtype=np.int64), codes)
    return result


def _pictures(dataset: Dataset, wanted: NDArray[np.int64], threads: int) -> Iterator[Image.Image]:
    """What each view shows, in their order; every sample is read once."""
    samples, first = np.unique(samples_of(wanted), return_index=True)
    codes = np.split(boxes_of(wanted), first[1:])
    for batch in chosen_batches(dataset, _as_is, samples.tolist(), size=1, threads=threads):
        for code in codes.pop(0):
            yield cropped(batch.items[0], code)


def cropped(image: Image.Image, box: np.uint32) -> Image.Image:
    """The pixels that a box touches."""
    if box == WHOLE:
        return image
    left, top, right, bottom = fractions(box) * np.array([image.width, image.height] * 2, dtype=np.float32)
    return image.crop((int(left), int(top), int(np.ceil(right)), int(np.ceil(bottom))))


@dataclass(frozen=True)
class _Embedder:
    """The foundation model, asked only for what the cache does not hold."""

    model: FoundationModel
    cache: EmbeddingCache
    fitting: Fitting

    def __call__(self, images: Sequence[Image.Image]) -> Vectors:
        contents = [content_of(image) for image in images]
        held = self.cache.find(contents)
        missing = {content: image for content, image in zip(contents, images, strict=True) if content not in held}
        made = dict(zip(missing, self._embedded(list(missing.values())), strict=True))
        self.cache.keep(made)
        held.update(made)
        return np.stack([held[content] for content in contents])

    def _embedded(self, images: list[Image.Image]) -> Iterator[Vectors]:
        for _, rows in self.fitting.run(len(images), lambda piece: self.model.embed_images(images[piece])):
            yield from rows


def _embed_chunk(embed: _Embedder, pictures: Iterator[Image.Image], path: Path, thumbnail: int, stage: Stage) -> None:
    vectors: list[Vectors] = []
    thumbnails: list[bytes] = []
    while batch := list(islice(pictures, _BATCH)):
        vectors.append(embed(batch))
        thumbnails.extend(jpeg(image, thumbnail) for image in batch)
        stage.advance(len(batch))
    table = pa.table(
        {
            "vector": pa.FixedSizeListArray.from_arrays(
                pa.array(np.concatenate(vectors).ravel()), embed.model.space.dimension
            ),
            "jpeg": thumbnails,
        }
    )
    with whole_file(path) as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _stored_vectors(path: Path, dimension: int) -> Vectors:
    with pa.memory_map(str(path)) as source:
        column = pa.ipc.open_file(source).read_all().column("vector").combine_chunks()
        return np.array(column.flatten()).reshape(-1, dimension)


def _as_is(image: Image.Image) -> Image.Image:
    return image
