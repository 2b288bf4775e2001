"""Several indexes of one subject into one: other layers of the same samples, or the same layers of other samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.assembly import NeuronTables, neuron_tables
from indexer.catalogue import DATASETS
from indexer.collectors.collector import Collected, LayerExemplars
from indexer.config import ConceptConfig
from indexer.datasets.dataset import Dataset
from indexer.datasets.decoded import DecodedStore
from indexer.domain.survey import lots
from indexer.embedding import Embedded
from indexer.engines.choosing import store_engine
from indexer.errors import InvalidInput, Untrustworthy
from indexer.growth import MERGED, reading_of
from indexer.index import files
from indexer.index.manifest import DatasetOrigin, LayerOrigin, Manifest, digest_of
from indexer.index.reader import Index, check_files
from indexer.index.staging import claimed, finish, publish
from indexer.index.writer import Tables, write_manifest, write_tables
from indexer.merging.mergeable import check_mergeable
from indexer.merging.pooling import Pool, with_column
from indexer.merging.shards import Shard, merged_layer
from indexer.origins import build_time
from indexer.progress import Progress, Silent, Stage


def merge_indexes(  # noqa: PLR0913 - two required, the rest by name
    folders: Sequence[Path],
    out: Path,
    *,
    dataset: str = "",
    relevance: bool = True,
    replace: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Merge indexes and return the new one's folder: what the build over everything gives, without its passes.

    `dataset` names the union of the samples where they differ; `relevance=False` leaves out what cannot be merged.
    Raises InvalidInput with all that stands against it, Untrustworthy for an index that is not as it was written.
    """
    progress = progress or Silent()
    if len(folders) < 2:
        raise InvalidInput("Merging takes two indexes or more.", hint="lens merge A B --out C")
    asked = {"merged": [str(folder) for folder in folders], "dataset": dataset, "relevance": relevance}
    if finish(out, asked, replace=replace):
        return out
    with claimed(out, asked, resume=True, replace=replace) as staging:
        with progress.stage("Checking the indexes", len(folders)) as stage:
            indexes = [_checked(folder, stage) for folder in folders]
        sharded = len({index.manifest.dataset.digest for index in indexes}) > 1
        check_mergeable(indexes, sharded=sharded, relevance=relevance)
        if dataset and not sharded:
            raise InvalidInput(
                "--dataset names the union of different samples; these are the same.", hint="Leave it out."
            )
        if any(index.labels is not None for index in indexes):
            progress.note("Saved labels are dropped: they were judged against one index each.")
        merged = _shards(indexes, dataset, staging, progress) if sharded else _layers(indexes, relevance=relevance)
        finished = write_tables(staging, merged.tables)
        asked_engine = str(indexes[0].manifest.settings.get("engine", "auto"))
        engine = store_engine(asked_engine, merged.tables.concept_vectors, finished / files.ENGINE)
        write_manifest(finished, _manifest(indexes, merged, engine))
        publish(finished, out)
    return out


@dataclass(frozen=True)
class _Merged:
    tables: Tables
    layers: tuple[LayerOrigin, ...]
    dataset: DatasetOrigin


def _layers(indexes: Sequence[Index], *, relevance: bool) -> _Merged:
    """Other layers of the same samples: their tables, one after the other."""
    pool, starts = Pool.of(indexes), np.cumsum([0, *(len(index.neurons) for index in indexes)])
    named = {"neurons": files.NEURONS, "exemplars": files.EXEMPLARS, "relevance": files.RELEVANCE, "range": files.RANGE}
    found: dict[str, pa.Table | None] = {}
    for name, file in named.items():
        there = [
            pool.moved(pq.read_table(index.folder / file), number, int(starts[number]))
            for number, index in enumerate(indexes)
            if (index.folder / file).exists()
        ]
        found[name] = pa.concat_tables(there).unify_dictionaries() if there else None
    neurons = pa.table(found.pop("neurons"))
    counts = np.asarray(neurons["exemplar_count"], dtype=np.int64)
    logits = indexes[0].folder / files.LOGITS
    tables = Tables(
        neurons=with_column(neurons, "first_exemplar", np.cumsum(counts) - counts),
        exemplars=found["exemplars"],
        relevance=found["relevance"] if relevance else None,
        range=found["range"],
        samples=indexes[0].samples,
        concept_vectors=np.concatenate([index.concept_vectors for index in indexes]),
        exemplar_vectors=pool.vectors(),
        thumbnails=pool.thumbnails(),
        logits=logits if logits.exists() else None,
        survey=_survey(indexes, pool),
    )
    layers = tuple(layer for index in indexes for layer in index.manifest.layers)
    return _Merged(tables, layers, indexes[0].manifest.dataset)


def _shards(indexes: Sequence[Index], dataset: str, staging: Path, progress: Progress) -> _Merged:
    """The same layers of other samples: exemplars and statistics over all of them."""
    samples = _joined_samples(indexes)
    number_of = {key: number for number, key in enumerate(samples["key"])}
    numbers = [np.array([number_of[key] for key in index.samples["key"]], dtype=np.int64) for index in indexes]
    shards = [
        Shard(index, own, reading_of(index.samples).distinct) for index, own in zip(indexes, numbers, strict=True)
    ]
    reading, manifest = reading_of(samples), indexes[0].manifest
    layers = []
    with progress.stage("Merging layers", len(manifest.layers)) as stage:
        for number in range(len(manifest.layers)):
            layers.append(merged_layer(shards, number))
            stage.advance(1)
    collected = Collected(tuple(layers), reading, None, None, DecodedStore(staging))
    pool = Pool.of(indexes, numbers).only(collected.views())
    embedded = Embedded(pool.views, pool.vectors(), (), None)
    neurons: NeuronTables = neuron_tables(collected, embedded, manifest.exemplars, ConceptConfig())
    tables = Tables(
        neurons=neurons.neurons,
        exemplars=neurons.exemplars,
        samples=samples,
        concept_vectors=neurons.concept_vectors,
        exemplar_vectors=embedded.vectors,
        thumbnails=pool.thumbnails(),
        logits=_joined_logits(indexes, numbers, staging / files.LOGITS),
        relevance=None,
    )
    return _Merged(tables, _signed(manifest, layers), _union(indexes, samples, dataset))


def _joined_samples(indexes: Sequence[Index]) -> pd.DataFrame:
    joined = pd.concat([index.samples for index in indexes], ignore_index=True)
    order = sorted(range(len(joined)), key=joined["key"].tolist().__getitem__)
    return joined.iloc[order].reset_index(drop=True)


def _joined_logits(indexes: Sequence[Index], numbers: Sequence[NDArray[np.int64]], path: Path) -> Path | None:
    parts = [index.logits for index in indexes]
    if any(part is None for part in parts):
        return None
    there = [part for part in parts if part is not None]
    shape = (sum(map(len, there)), there[0].shape[1])
    joined = np.lib.format.open_memmap(path, mode="w+", dtype="<f4", shape=shape)
    for part, own in zip(there, numbers, strict=True):
        joined[own] = part
    joined.flush()
    return path


def _union(indexes: Sequence[Index], samples: pd.DataFrame, name: str) -> DatasetOrigin:
    origins = [index.manifest.dataset for index in indexes]
    described: dict[str, object] = {"adapter": MERGED, "parts": [origin.described for origin in origins]}
    if name:
        dataset: Dataset = DATASETS.load(name)
        if list(dataset.keys) != samples["key"].tolist():
            raise InvalidInput(
                f"{name} does not list the {len(samples):,} samples of these indexes.",
                hint="Name the dataset that holds all of them and no others, or leave --dataset out.",
            )
        described = dataset.describe()
    contents = [None if pd.isna(content) else str(content) for content in samples["content"]]
    return DatasetOrigin(
        name=name or f"{MERGED}:{' + '.join(origin.name for origin in origins)}",
        digest=digest_of(list(zip(samples["key"], contents, strict=True))),
        samples=len(samples),
        duplicates=sum(origin.duplicates for origin in origins),
        unreadable=tuple(samples["key"][samples["unreadable"].notna()]),
        described=described,
    )


def _signed(manifest: Manifest, layers: Sequence[LayerExemplars]) -> tuple[LayerOrigin, ...]:
    pairs = zip(manifest.layers, layers, strict=True)
    return tuple(origin.model_copy(update={"signed": layer.negative is not None}) for origin, layer in pairs)


def _manifest(indexes: Sequence[Index], merged: _Merged, engine: str) -> Manifest:
    manifests = [index.manifest for index in indexes]
    first = manifests[0]
    versions: dict[str, list[str]] = {}
    for manifest in manifests:
        for package, number in manifest.versions.items():
            versions.setdefault(package, []).append(number)
    notes = tuple(dict.fromkeys(note for manifest in manifests for note in manifest.subject.notes))
    relevance = first.settings.get("relevance")
    kept = {"classes": merged.tables.relevance is not None}
    return first.model_copy(
        update={
            "created": build_time().isoformat(timespec="seconds"),
            "subject": first.subject.model_copy(update={"notes": notes}),
            "dataset": merged.dataset,
            "layers": merged.layers,
            "engine": engine,
            "versions": {package: " and ".join(dict.fromkeys(found)) for package, found in versions.items()},
            "settings": {**first.settings, "relevance": {**(relevance if isinstance(relevance, dict) else {}), **kept}},
        }
    )


def _survey(indexes: Sequence[Index], pool: Pool) -> pa.Table | None:
    """The samples that contrasts were taken from, each once, in the order of their lots."""
    joined = pa.concat_tables([pool.moved(index.survey, number) for number, index in enumerate(indexes)])
    if not joined.num_rows:
        return None
    samples, first = np.unique(np.asarray(joined["sample"], dtype=np.int64), return_index=True)
    return joined.take(first[np.argsort(lots(samples))])


def _checked(folder: Path, stage: Stage) -> Index:
    index = Index.open(folder)
    faults = check_files(folder, index.manifest)
    if faults:
        raise Untrustworthy(
            f"{folder} cannot be trusted: {'; '.join(faults)}.", hint="Restore the files, or build it again."
        )
    stage.advance(1)
    return index
