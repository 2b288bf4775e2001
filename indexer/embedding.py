"""Each distinct exemplar through the foundation model once, in chunks that survive a kill."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from indexer.datasets.batches import Batch, chosen_batches
from indexer.datasets.dataset import Dataset
from indexer.domain.embeddings import Vectors
from indexer.foundation_models.foundation_model import FoundationModel
from indexer.index.reader import Index
from indexer.index.writer import jpeg
from indexer.progress import Progress, Stage

_CHUNK = 256
_BATCH = 32


@dataclass(frozen=True)
class Embedded:
    """The exemplars' places in the space."""

    samples: NDArray[np.int64]
    """Sample number of every row."""
    vectors: Vectors
    """[distinct exemplars, d], unit rows."""
    chunks: tuple[Path, ...]
    """Stored chunks holding the pictures of the rows that are new."""
    known: Index | None
    """The index whose embeddings are the first rows."""

    def rows_of(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of each sample number; −1 for −1."""
        lookup = np.full(int(self.samples.max(initial=0)) + 2, -1, dtype=np.int64)
        lookup[self.samples] = np.arange(len(self.samples))
        return np.where(samples >= 0, lookup[samples], -1)

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


def embed_exemplars(  # noqa: PLR0913
    model: FoundationModel,
    dataset: Dataset,
    wanted: NDArray[np.int64],
    known: Index | None,
    settings: EmbedSettings,
    progress: Progress,
) -> Embedded:
    """Embed the wanted samples that `known` does not hold; chunks already stored are not made again."""
    old = known_samples(known)
    new = np.setdiff1d(wanted, old)
    pieces = [new[start : start + _CHUNK] for start in range(0, len(new), _CHUNK)]
    paths = [settings.staging / f"embedded-{number:06d}.arrow" for number in range(len(pieces))]
    done = sum(len(piece) for piece, path in zip(pieces, paths, strict=True) if path.exists())
    with progress.stage("Embedding distinct exemplars", len(new), done) as stage:
        for piece, path in zip(pieces, paths, strict=True):
            if not path.exists():
                batches = chosen_batches(dataset, _as_is, piece.tolist(), size=_BATCH, threads=settings.threads)
                _embed_chunk(model, batches, path, settings.thumbnail, stage)
    vectors = [np.asarray(known.exemplar_vectors)] if known is not None else []
    vectors += [_stored_vectors(path, model.space.dimension) for path in paths]
    empty = np.empty((0, model.space.dimension), dtype=np.float32)
    return Embedded(np.concatenate([old, new]), np.concatenate([empty, *vectors]), tuple(paths), known)


def known_samples(known: Index | None) -> NDArray[np.int64]:
    """Sample number of every embedding an index holds, in its order."""
    if known is None:
        return np.empty(0, dtype=np.int64)
    table = known.all_exemplars("embedding", "sample")
    result = np.full(len(known.exemplar_vectors), -1, dtype=np.int64)
    result[np.asarray(table["embedding"])] = np.asarray(table["sample"])
    return result


def _embed_chunk(
    model: FoundationModel, batches: Iterator[Batch[Image.Image]], path: Path, thumbnail: int, stage: Stage
) -> None:
    vectors: list[Vectors] = []
    pictures: list[bytes] = []
    for batch in batches:
        vectors.append(model.embed_images(batch.items))
        pictures.extend(jpeg(image, thumbnail) for image in batch.items)
        stage.advance(len(batch.items))
    table = pa.table(
        {
            "vector": pa.FixedSizeListArray.from_arrays(
                pa.array(np.concatenate(vectors).ravel()), model.space.dimension
            ),
            "jpeg": pictures,
        }
    )
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _stored_vectors(path: Path, dimension: int) -> Vectors:
    with pa.memory_map(str(path)) as source:
        column = pa.ipc.open_file(source).read_all().column("vector").combine_chunks()
        return np.array(column.flatten()).reshape(-1, dimension)


def _as_is(image: Image.Image) -> Image.Image:
    return image
