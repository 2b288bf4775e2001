"""An index as values: light tables in memory, vectors memory-mapped, the rest read when asked for."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors
from indexer.domain.neurons import NeuronId
from indexer.domain.states import State
from indexer.errors import IndexUnusable, NotFound, Untrustworthy, nearest_hint
from indexer.index import files
from indexer.index.labels import read_labels
from indexer.index.manifest import Manifest, file_record, read_manifest

_CHECKED_ON_OPENING = 1 << 20


@dataclass(frozen=True)
class NeuronTable:
    """Columns of neurons.parquet, one entry per neuron and polarity."""

    layers: tuple[str, ...]
    """Layer names in the order of the index."""
    layer: NDArray[np.int32]
    """Number of each neuron's layer."""
    unit: NDArray[np.int32]
    polarity: NDArray[np.int8]
    state: NDArray[np.int8]
    """Number of the state in `STATES`."""
    active_share: NDArray[np.float32]
    mean: NDArray[np.float32]
    centre: NDArray[np.float32]
    strongest: NDArray[np.float32]
    clarity: NDArray[np.float32]
    """NaN where undefined; the next two likewise."""
    polysemanticity: NDArray[np.float32]
    redundancy: NDArray[np.float32]
    first_exemplar: NDArray[np.int64]
    exemplar_count: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.unit)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First row of each layer, and the number of rows at the end."""
        return np.searchsorted(self.layer, np.arange(len(self.layers) + 1))

    def id(self, row: int) -> NeuronId:
        """Name of the neuron in a row."""
        return NeuronId(self.layers[self.layer[row]], int(self.unit[row]), int(self.polarity[row]))

    def row(self, neuron: NeuronId) -> int:
        """Row of a neuron; raises NotFound with the nearest layer or the range of units."""
        if neuron.layer not in self.layers:
            raise NotFound(f"No layer {neuron.layer!r} in this index.", hint=nearest_hint(neuron.layer, self.layers))
        number = self.layers.index(neuron.layer)
        start, stop = self.starts[number], self.starts[number + 1]
        at = np.flatnonzero((self.unit[start:stop] == neuron.unit) & (self.polarity[start:stop] == neuron.polarity))
        if not len(at):
            units = int(self.unit[start:stop].max()) + 1
            signed = bool((self.polarity[start:stop] < 0).any())
            ends = "and both polarities" if signed else "and no negative ends"
            raise NotFound(
                f"No neuron {str(neuron)!r} in this index.",
                hint=f"Layer {neuron.layer!r} has units 0 to {units - 1} {ends}.",
            )
        return int(start + at[0])


STATES = tuple(State)
"""Order of the numbers in `NeuronTable.state`."""


class Index:
    """An opened index folder. Reads nothing but the manifest and the neurons until asked."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.neurons = _read_neurons(folder)
        self.concept_vectors = self._vectors(files.CONCEPT_VECTORS)
        self.exemplar_vectors = self._vectors(files.EXEMPLAR_VECTORS)
        if len(self.concept_vectors) != len(self.neurons):
            raise IndexUnusable(
                f"{folder}: {len(self.neurons)} neurons but {len(self.concept_vectors)} concept vectors."
            )

    @classmethod
    def open(cls, folder: Path) -> "Index":
        """Open; check sizes of all files and digests of the small ones (`verify`: of all). Raises IndexUnusable."""
        manifest = read_manifest(folder)
        faults = check_files(folder, manifest, largest=_CHECKED_ON_OPENING)
        if faults:
            raise Untrustworthy(
                f"{folder} cannot be trusted: {'; '.join(faults)}.", hint=f"lens verify {folder} names every fault."
            )
        try:
            return cls(folder, manifest)
        except (pa.ArrowException, OSError, ValueError) as fault:
            raise IndexUnusable(
                f"{folder} cannot be read: {fault}.", hint=f"lens verify {folder} names every fault."
            ) from fault

    @cached_property
    def samples(self) -> pd.DataFrame:
        """samples.parquet: key, content, status and the dataset's metadata."""
        return pd.read_parquet(self.folder / files.SAMPLES)

    @cached_property
    def logits(self) -> NDArray[np.float32] | None:
        """Outputs of the subject [samples, classes], NaN where a sample was skipped; None when it has none."""
        path = self.folder / files.LOGITS
        return np.load(path, mmap_mode="r") if path.exists() else None

    @cached_property
    def relevance(self) -> pd.DataFrame | None:
        """relevance.parquet; None when it was not asked for."""
        path = self.folder / files.RELEVANCE
        return pd.read_parquet(path) if path.exists() else None

    def exemplars(self, row: int) -> pa.Table:
        """Rows of exemplars.parquet of one neuron, strongest first."""
        return self.exemplar_rows(int(self.neurons.first_exemplar[row]), int(self.neurons.exemplar_count[row]))

    def exemplar_rows(self, first: int, count: int) -> pa.Table:
        """So many rows of exemplars.parquet; no more of the file is read than the row groups they lie in."""
        if not count:
            return files.EXEMPLAR_TABLE.empty_table()
        starts = self._group_starts
        group = int(np.searchsorted(starts, first, side="right") - 1)
        last = int(np.searchsorted(starts, first + count - 1, side="right") - 1)
        with pq.ParquetFile(self.folder / files.EXEMPLARS) as file:
            table = file.read_row_groups(list(range(group, last + 1)))
        return table.slice(first - int(starts[group]), count)

    def all_exemplars(self, *columns: str) -> pa.Table:
        """These columns of exemplars.parquet, for every neuron."""
        return pq.read_table(self.folder / files.EXEMPLARS, columns=list(columns))

    def ranges(self, *columns: str) -> pa.Table:
        """These columns of range.parquet, for every neuron; no rows when it was not asked for."""
        path = self.folder / files.RANGE
        if path.exists():
            return pq.read_table(path, columns=list(columns))
        return files.RANGE_TABLE.empty_table().select(list(columns))

    def range(self, row: int) -> pa.Table:
        """Rows of range.parquet of one neuron, highest percentile first."""
        starts = self._range_starts
        return self._range_table.slice(int(starts[row]), int(starts[row + 1] - starts[row]))

    @cached_property
    def _range_table(self) -> pa.Table:
        return self.ranges(*files.RANGE_TABLE.names)

    @cached_property
    def _range_starts(self) -> NDArray[np.int64]:
        return np.searchsorted(np.asarray(self._range_table["neuron"]), np.arange(len(self.neurons) + 1))

    @cached_property
    def survey(self) -> pa.Table:
        """survey.parquet; no rows without contrastive concept vectors."""
        path = self.folder / files.SURVEY
        return pq.read_table(path) if path.exists() else files.SURVEY_TABLE.empty_table()

    @cached_property
    def labels(self) -> pa.Table | None:
        """labels.parquet as it is when first asked for; None when none were saved. Raises Untrustworthy."""
        return read_labels(self.folder, self.manifest)

    @cached_property
    def label_of(self) -> dict[int, str]:
        """Saved label by row, of the neurons that have one."""
        if self.labels is None:
            return {}
        rows, texts = self.labels["neuron"].to_pylist(), self.labels["label"].to_pylist()
        return {row: text for row, text in zip(rows, texts, strict=True) if text is not None}

    def thumbnail(self, embedding: int) -> bytes:
        """JPEG of a row of the exemplar vectors; raises NotFound in an index of texts."""
        if self.manifest.kind == "text":
            raise NotFound(f"{self.folder} is an index of text neurons: it holds no pictures.")
        return self._thumbnails[embedding].as_py()  # type: ignore[no-any-return]

    @cached_property
    def _thumbnails(self) -> pa.ChunkedArray:
        return pa.ipc.open_file(pa.memory_map(str(self.folder / files.THUMBNAILS))).read_all().column("jpeg")

    @cached_property
    def _group_starts(self) -> NDArray[np.int64]:
        metadata = pq.read_metadata(self.folder / files.EXEMPLARS)
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        return np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64)

    def _vectors(self, name: str) -> Vectors:
        vectors = np.load(self.folder / name, mmap_mode="r")
        if (
            vectors.ndim != 2
            or vectors.dtype != np.float32
            or vectors.shape[1] != self.manifest.foundation_model.dimension
        ):
            raise IndexUnusable(
                f"{name} is {vectors.dtype} {vectors.shape}; "
                f"float32 of width {self.manifest.foundation_model.dimension} is expected."
            )
        return vectors  # type: ignore[no-any-return]


def check_files(folder: Path, manifest: Manifest, largest: int | None = None) -> list[str]:
    """Faults of the files against the manifest; digests are compared up to `largest` bytes, of all files when None.

    Annotations count only where all files do: they may be replaced while an index is opened.
    """
    required = (*files.REQUIRED, *(files.OF_TEXTS if manifest.kind == "text" else files.OF_IMAGES))
    faults = [f"{name} is not in the manifest" for name in required if name not in manifest.files]
    records = {**manifest.files, **(manifest.annotations if largest is None else {})}
    for name, record in sorted(records.items()):
        path = folder / name
        if not path.is_file():
            faults.append(f"{name} is missing")
        elif path.stat().st_size != record.size:
            faults.append(f"{name} has {path.stat().st_size:,} bytes instead of {record.size:,}")
        elif (largest is None or record.size <= largest) and file_record(path).sha256 != record.sha256:
            faults.append(f"{name} was changed after it was written")
    return faults


def _read_neurons(folder: Path) -> NeuronTable:
    """Row group by row group into arrays of the final size: a second copy of a million rows would count."""
    layers: dict[str, int] = {}
    with pq.ParquetFile(folder / files.NEURONS) as file:
        columns = {
            field.name: np.empty(file.metadata.num_rows, dtype=_stored_as(field.type)) for field in files.NEURON_TABLE
        }
        start = 0
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=files.NEURON_TABLE.names).cast(files.NEURON_TABLE)
            rows = slice(start, start + table.num_rows)
            for name, column in columns.items():
                column[rows] = _numbers(table.column(name).combine_chunks(), name, layers)
            start = rows.stop
    return NeuronTable(layers=tuple(layers), **columns)


def _numbers(column: pa.Array, name: str, layers: dict[str, int]) -> NDArray[np.generic]:
    """Values of a column, null as NaN; of texts their numbers, a new layer taking the next."""
    if not pa.types.is_dictionary(column.type):
        plain: NDArray[np.generic] = column.to_numpy(zero_copy_only=False)
        return plain
    texts = column.dictionary.to_pylist()
    if name == "layer":
        known = [layers.setdefault(text, len(layers)) for text in texts]
    else:
        known = [STATES.index(State(text)) for text in texts]
    numbers: NDArray[np.generic] = np.array(known, dtype=np.int32)[np.asarray(column.indices)]
    return numbers


def _stored_as(kind: pa.DataType) -> np.dtype[Any]:
    stored: np.dtype[Any] = np.dtype((kind.index_type if pa.types.is_dictionary(kind) else kind).to_pandas_dtype())
    return stored
