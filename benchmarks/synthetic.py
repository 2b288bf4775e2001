"""Index folders of any size with random unit vectors, written by the real writer."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from indexer.domain.embeddings import Vectors, normalise
from indexer.domain.states import State
from indexer.foundation_models.foundation_model import EmbeddingSpace
from indexer.index import files
from indexer.index.manifest import DatasetOrigin, LayerOrigin, Manifest, SpaceOrigin, SubjectOrigin
from indexer.index.writer import Tables, TextTables, jpeg, write_manifest, write_tables

_BLOCK = 1 << 15
LAYERS = 4


def synthesise(  # noqa: PLR0913 - three required, the rest by name
    folder: Path,
    neurons: int,
    space: EmbeddingSpace,
    *,
    exemplars: int = 30,
    hollow: bool = False,
    texts: TextTables | None = None,
) -> Path:
    """An index of so many living neurons over 2,000 samples; `hollow`: concept vectors of zeros, in a sparse file.

    With `texts` it is one of text neurons.
    """
    rng = np.random.default_rng(neurons)
    samples = 2000
    staging = folder.with_name(folder.name + ".building")
    staging.mkdir(parents=True)
    picture = jpeg(Image.new("RGB", (32, 32)), 32)
    written = write_tables(
        staging,
        Tables(
            neurons=_neurons(rng, neurons, exemplars),
            exemplars=_exemplars(rng, neurons, exemplars, samples),
            samples=pd.DataFrame({"key": [f"sample-{number:05d}" for number in range(samples)]}),
            concept_vectors=_unit(rng, 0 if hollow else neurons, space.dimension),
            exemplar_vectors=_unit(rng, samples, space.dimension),
            thumbnails=None if texts else [[picture] * samples],
            logits=None,
            relevance=None,
            texts=texts,
        ),
    )
    if hollow:
        path = written / files.CONCEPT_VECTORS
        np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(neurons, space.dimension))
    manifest = _manifest(neurons, space, exemplars, samples)
    write_manifest(written, manifest.model_copy(update={"kind": "text" if texts else "image"}))
    written.replace(folder)
    shutil.rmtree(staging, ignore_errors=True)
    return folder


def _neurons(rng: np.random.Generator, count: int, exemplars: int) -> pa.Table:
    widths = _widths(count)
    numbers = rng.random((7, count), dtype=np.float32)
    columns = {
        "layer": pa.DictionaryArray.from_arrays(
            pa.array(np.repeat(np.arange(LAYERS, dtype=np.int32), widths)), [f"layer{n}" for n in range(LAYERS)]
        ),
        "unit": np.concatenate([np.arange(width, dtype=np.int32) for width in widths]),
        "polarity": np.ones(count, dtype=np.int8),
        "state": pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int8)), [State.ALIVE.value]),
        **dict(
            zip(
                ("active_share", "mean", "centre", "strongest", "clarity", "polysemanticity", "redundancy"),
                numbers,
                strict=True,
            )
        ),
        "first_exemplar": np.arange(count, dtype=np.int64) * exemplars,
        "exemplar_count": np.full(count, exemplars, dtype=np.int32),
    }
    return pa.table(columns)


def _exemplars(rng: np.random.Generator, neurons: int, each: int, samples: int) -> pa.Table:
    rows = neurons * each
    taken = rng.integers(0, samples, rows, dtype=np.int32)
    columns = {
        "neuron": np.repeat(np.arange(neurons, dtype=np.int32), each),
        "rank": np.tile(np.arange(each, dtype=np.int16), neurons),
        "sample": taken,
        "activation": np.ones(rows, dtype=np.float32),
        "polarity": np.ones(rows, dtype=np.int8),
        "embedding": taken,
    }
    stored = [(each.name, pa.nulls(rows, each.type)) for each in files.EXEMPLAR_TABLE]
    return pa.table({name: columns.get(name, absent) for name, absent in stored})


def _unit(rng: np.random.Generator, count: int, dimension: int) -> Vectors:
    vectors: NDArray[np.float32] = np.empty((count, dimension), dtype=np.float32)
    for start in range(0, count, _BLOCK):
        block = vectors[start : start + _BLOCK]
        block[:] = normalise(rng.standard_normal(block.shape, dtype=np.float32))
    return vectors


def _widths(count: int) -> list[int]:
    return [count // LAYERS + (number < count % LAYERS) for number in range(LAYERS)]


def _manifest(neurons: int, space: EmbeddingSpace, exemplars: int, samples: int) -> Manifest:
    described: dict[str, object] = {"adapter": "synthetic"}
    return Manifest(
        format=files.FORMAT,
        created="1970-01-01T00:00:00+00:00",
        subject=SubjectOrigin(name="synthetic", digest="0" * 64, preprocessing="0" * 64, classes=(), notes=()),
        dataset=DatasetOrigin(
            name="synthetic", digest="0" * 64, samples=samples, duplicates=0, unreadable=(), described=described
        ),
        foundation_model=SpaceOrigin(name=space.name, digest=space.digest, dimension=space.dimension),
        layers=tuple(
            LayerOrigin(
                name=f"layer{number}",
                units=width,
                signed=False,
                aggregation="mean",
                collector="activation",
                crop="none",
                concept_vector="mean",
            )
            for number, width in enumerate(_widths(neurons))
        ),
        exemplars=exemplars,
        engine="exact",
        seed=0,
        versions={},
        settings={},
        files={},
    )
