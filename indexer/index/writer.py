"""Writes the files of an index. Every table is given; nothing is computed here but digests."""

import io
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors
from indexer.errors import LensError
from indexer.index import files
from indexer.index.manifest import FileRecord, Manifest, file_record

_ROW_GROUP = 1 << 16


@dataclass(frozen=True)
class TextTables:
    """What an index of texts holds besides."""

    passages: pa.Table
    heat: pa.Table
    held_out: pa.Table
    tokens: pa.Table
    tokenizer: str | None
    """Content of tokenizer.json."""
    survey: pa.Table
    survey_activations: NDArray[np.float16]
    """[places, neurons]"""


@dataclass(frozen=True)
class Tables:
    """The content of an index."""

    neurons: pa.Table
    exemplars: pa.Table
    samples: pd.DataFrame
    concept_vectors: Vectors
    exemplar_vectors: Vectors
    thumbnails: Iterable[list[bytes]] | None
    """JPEGs in the order of the exemplar vectors, in blocks; None for texts."""
    logits: Path | None
    relevance: pa.Table | None
    range: pa.Table | None = None
    survey: pa.Table | None = None
    labels: pa.Table | None = None
    """Saved labels, where the neurons are those that were labelled."""
    texts: TextTables | None = None


def write_tables(staging: Path, tables: Tables) -> Path:
    """Write every file but the manifest and the engine into a new folder in `staging`; returns it."""
    folder = staging / files.FINISHED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    pq.write_table(tables.neurons.cast(files.NEURON_TABLE), folder / files.NEURONS, row_group_size=_ROW_GROUP)
    pq.write_table(tables.exemplars.cast(files.EXEMPLAR_TABLE), folder / files.EXEMPLARS, row_group_size=_ROW_GROUP)
    tables.samples.to_parquet(folder / files.SAMPLES, index=False)
    _write_vectors(folder / files.CONCEPT_VECTORS, tables.concept_vectors)
    _write_vectors(folder / files.EXEMPLAR_VECTORS, tables.exemplar_vectors)
    optional = (
        (tables.relevance, files.RELEVANCE_TABLE, files.RELEVANCE),
        (tables.range, files.RANGE_TABLE, files.RANGE),
        (tables.survey, files.SURVEY_TABLE, files.SURVEY),
    )
    for table, schema, name in optional:
        if table is not None:
            pq.write_table(table.cast(schema), folder / name, row_group_size=_ROW_GROUP)
    if tables.labels is not None:
        pq.write_table(tables.labels, folder / files.LABELS)
    if tables.logits is not None:
        shutil.copyfile(tables.logits, folder / files.LOGITS)
    if tables.thumbnails is not None:
        _write_thumbnails(folder / files.THUMBNAILS, tables.thumbnails)
    if tables.texts is not None:
        _write_texts(folder, tables.texts)
    return folder


def _write_thumbnails(path: Path, blocks: Iterable[list[bytes]]) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, files.THUMBNAIL_TABLE) as writer:
        for block in blocks:
            writer.write_batch(pa.record_batch([pa.array(block, type=pa.binary())], schema=files.THUMBNAIL_TABLE))


def _write_texts(folder: Path, texts: TextTables) -> None:
    for table, schema, name in (
        (texts.passages, files.PASSAGE_TABLE, files.PASSAGES),
        (texts.heat, files.HEAT_TABLE, files.HEAT),
        (texts.held_out, files.HELD_OUT_TABLE, files.HELD_OUT),
        (texts.tokens, files.TOKEN_TABLE, files.TOKENS),
        (texts.survey, files.TEXT_SURVEY_TABLE, files.TEXT_SURVEY),
    ):
        pq.write_table(table.cast(schema), folder / name, row_group_size=_ROW_GROUP, compression="zstd")
    with (folder / files.TEXT_SURVEY_ACTIVATIONS).open("wb") as file:
        np.save(file, texts.survey_activations)
    if texts.tokenizer is not None:
        (folder / files.TOKENIZER).write_text(texts.tokenizer, encoding="utf-8")


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Measure every file written so far and seal the folder with its manifest."""
    records = _records(folder)
    annotations = {name: records.pop(name) for name in files.ANNOTATIONS if name in records}
    manifest.model_copy(update={"files": records, "annotations": annotations}).sealed().write(folder)


def _write_vectors(path: Path, vectors: Vectors) -> None:
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(rows))
        # Not np.save: where the disk is full, that does not say so.
        file.write(rows.data)


def _records(folder: Path) -> dict[str, FileRecord]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if not paths:
        raise LensError(f"{folder} is empty: nothing to seal.")
    return {path.relative_to(folder).as_posix(): file_record(path) for path in paths}


def jpeg(picture: object, longest: int) -> bytes:
    """A PIL image as JPEG, no side longer than `longest` pixels."""
    small = picture.copy()  # type: ignore[attr-defined]
    small.thumbnail((longest, longest))
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=88)
    return buffer.getvalue()
