"""From what was collected and embedded to the tables of an index."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from indexer.collectors.collector import Collected, End, LayerExemplars
from indexer.collectors.relevance import Relevances
from indexer.collectors.tokens import CollectedTexts
from indexer.config import ConceptConfig
from indexer.corpora.corpus import Corpus
from indexer.datasets.dataset import Dataset
from indexer.domain.contrast import contrastive_vectors, shares
from indexer.domain.embeddings import Vectors, concept_vectors
from indexer.domain.neurons import states
from indexer.domain.scores import clarities, polysemanticities, redundancy
from indexer.domain.states import State
from indexer.domain.survey import lots
from indexer.domain.views import WHOLE, fractions, views
from indexer.embedding import Embedded
from indexer.index.files import (
    EXEMPLAR_TABLE,
    EXEMPLARS,
    NEURON_TABLE,
    NEURONS,
    NOTHING_STORED,
    RANGE_TABLE,
    RELEVANCE,
    RELEVANCE_TABLE,
    SURVEY_TABLE,
)
from indexer.index.reader import Index

_BLOCK_BYTES = 64 << 20


class NeuronTables(NamedTuple):
    """Neurons, their exemplars and their places in the space."""

    neurons: pa.Table
    exemplars: pa.Table
    concept_vectors: Vectors


def neuron_tables(
    collected: Collected | CollectedTexts,
    embedded: Embedded,
    wanted: int,
    concept: ConceptConfig,
    known: Index | None = None,
) -> NeuronTables:
    """One row per neuron and polarity, layer by layer, after those of `known`; `wanted` exemplars were asked for."""
    before = _tables_of(known) if known is not None else None
    if before is not None and not collected.layers:
        return before
    offset = (before.exemplars.num_rows, before.neurons.num_rows) if before else (0, 0)
    made = _layer_tables(collected, _Making(embedded, wanted, concept), offset)
    if before is None:
        return made
    return NeuronTables(
        pa.concat_tables([before.neurons, made.neurons]).unify_dictionaries(),
        pa.concat_tables([before.exemplars, made.exemplars]),
        np.concatenate([before.concept_vectors, made.concept_vectors]),
    )


def _tables_of(index: Index) -> NeuronTables:
    neurons = pq.read_table(index.folder / NEURONS, schema=NEURON_TABLE)
    exemplars = pq.read_table(index.folder / EXEMPLARS, schema=EXEMPLAR_TABLE)
    return NeuronTables(neurons, exemplars, np.asarray(index.concept_vectors))


def _layer_tables(collected: Collected | CollectedTexts, making: "_Making", offset: tuple[int, int]) -> NeuronTables:
    neurons, exemplars, concepts = [], [], []
    first, row = offset
    for layer in collected.layers:
        tables = [_end_tables(layer, end, polarity, collected.seen, making) for polarity, end in layer.ends]
        vectors = np.concatenate([table.concept_vectors for table in tables])
        alive = np.concatenate([np.asarray(table.neurons["exemplar_count"]) > 0 for table in tables])
        redundant = _optional(redundancy(vectors, alive))
        joined = pa.concat_tables([table.neurons for table in tables])
        counts = np.asarray(joined["exemplar_count"], dtype=np.int64)
        starts = first + np.concatenate([[0], np.cumsum(counts)[:-1]])
        joined = joined.append_column("redundancy", redundant).append_column("first_exemplar", pa.array(starts))
        neurons.append(joined.select(NEURON_TABLE.names).cast(NEURON_TABLE))
        listed = pa.concat_tables([table.exemplars for table in tables])
        owner = np.repeat(np.arange(len(counts), dtype=np.int32) + row, counts)
        exemplars.append(
            listed.append_column("neuron", pa.array(owner)).select(EXEMPLAR_TABLE.names).cast(EXEMPLAR_TABLE)
        )
        concepts.append(vectors)
        first, row = first + int(counts.sum()), row + len(counts)
    return NeuronTables(
        pa.concat_tables(neurons).unify_dictionaries(), pa.concat_tables(exemplars), np.concatenate(concepts)
    )


def relevance_table(
    collected: Collected, classes: tuple[str, ...], relevances: list[Relevances] | None, known: Index | None = None
) -> pa.Table | None:
    """Neuron × class, after those of `known`; both ends of a signed neuron carry the neuron's relevance."""
    if relevances is None:
        return None
    before = pq.read_table(known.folder / RELEVANCE, schema=RELEVANCE_TABLE) if known is not None else None
    if before is not None and not relevances:
        return before
    ends = [relevance for layer, relevance in zip(collected.layers, relevances, strict=True) for _ in layer.ends]
    signed, absolute = (
        np.concatenate([np.asarray(getattr(each, name)).T for each in ends]) for name in ("signed", "absolute")
    )
    neurons = np.arange(len(signed), dtype=np.int32) + (len(known.neurons) if known is not None else 0)
    numbers = np.tile(np.arange(len(classes), dtype=np.int32), len(signed))
    columns = [
        pa.array(np.repeat(neurons, len(classes))),
        pa.DictionaryArray.from_arrays(numbers, pa.array(classes)),
        pa.array(signed.ravel(), type=pa.float32()),
        pa.array(absolute.ravel(), type=pa.float32()),
    ]
    made = pa.Table.from_arrays(columns, names=RELEVANCE_TABLE.names).cast(RELEVANCE_TABLE)
    return made if before is None else pa.concat_tables([before, made]).unify_dictionaries()


def range_table(collected: Collected, embedded: Embedded, known: Index | None = None) -> pa.Table | None:
    """Samples over each neuron's whole range, after those of `known`; None where there are none."""
    tables = [known.ranges(*RANGE_TABLE.names)] if known is not None else []
    first = len(known.neurons) if known is not None else 0
    for layer in collected.layers:
        if layer.range is not None:
            units, places = np.nonzero(layer.range.samples >= 0)
            samples = layer.range.samples[units, places]
            columns = (
                first + units,
                np.array(layer.range.percentiles)[places],
                samples,
                layer.range.activations[units, places],
                embedded.rows_of(views(samples)),
            )
            tables.append(pa.table(list(map(pa.array, columns)), names=RANGE_TABLE.names).cast(RANGE_TABLE))
        first += layer.units * len(layer.ends)
    joined = pa.concat_tables(tables) if tables else None
    return joined if joined is not None and joined.num_rows else None


def survey_table(collected: Collected, embedded: Embedded, known: Index | None = None) -> pa.Table | None:
    """The samples that contrasts were taken from, in the order of their lots, with those of `known`; None without."""
    surveys = [layer.survey.samples for layer in collected.layers if layer.survey is not None]
    before = known.survey if known is not None else SURVEY_TABLE.empty_table()
    samples, first = np.unique(np.concatenate([np.asarray(before["sample"], np.int64), *surveys]), return_index=True)
    if not len(samples):
        return None
    rows = np.concatenate([np.asarray(before["embedding"], np.int64), *map(embedded.rows_of, map(views, surveys))])
    order = np.argsort(lots(samples))
    columns = [pa.array(samples[order]), pa.array(rows[first][order])]
    return pa.table(columns, names=SURVEY_TABLE.names).cast(SURVEY_TABLE)


def sample_table(
    dataset: Dataset | Corpus, collected: Collected | CollectedTexts, classes: tuple[str, ...]
) -> pd.DataFrame:
    """Key, content, status and prediction of every sample, then the dataset's own columns."""
    reading = collected.reading
    original = np.array(reading.originals)
    table = pd.DataFrame({"key": list(dataset.keys), "content": reading.contents})
    table["duplicate_of"] = [
        dataset.keys[first] if first not in (number, -1) else None for number, first in enumerate(original)
    ]
    table["unreadable"] = [reading.faults.get(number) for number in range(len(table))]
    for column in ("duplicate_of", "unreadable"):
        table[column] = table[column].astype("string")
    if collected.predictions is not None:
        table["prediction"] = pd.array(
            [classes[number] if number >= 0 else None for number in collected.predictions], dtype="string"
        )
    own = dataset.metadata.reset_index(drop=True)
    return pd.concat([table, own[[column for column in own.columns if column not in table.columns]]], axis=1)


class _Making(NamedTuple):
    """What the tables of every layer are made of."""

    embedded: Embedded
    wanted: int
    concept: ConceptConfig


class _EndTables(NamedTuple):
    neurons: pa.Table
    exemplars: pa.Table
    concept_vectors: Vectors


def _end_tables(layer: LayerExemplars, end: End, polarity: int, seen: int, making: _Making) -> _EndTables:
    state = states(end.active, seen, layer.constant, making.wanted)
    counts = np.where(state == State.DEAD, 0, end.counts)
    rows = making.embedded.rows_of(end.views)
    taken = np.arange(rows.shape[1])[None] < counts[:, None]
    described = _describe(layer, end, polarity, np.where(taken, rows, NOTHING_STORED), making)
    alive = state == State.ALIVE
    strongest = end.activations[:, 0] if end.strongest is None else end.strongest
    neurons = pa.table(
        {
            "layer": pa.DictionaryArray.from_arrays(np.zeros(layer.units, dtype=np.int32), [layer.layer]),
            "unit": pa.array(np.arange(layer.units, dtype=np.int32)),
            "polarity": pa.array(np.full(layer.units, polarity, dtype=np.int8)),
            "state": pa.array(state).dictionary_encode(),
            "active_share": pa.array(end.active / seen, type=pa.float32()),
            "mean": pa.array(layer.mean, type=pa.float32()),
            "centre": pa.array(layer.centre, type=pa.float32()),
            "strongest": pa.array(np.where(counts > 0, strongest, 0), type=pa.float32()),
            "clarity": _optional(np.where(alive, described.clarity, np.nan)),
            "polysemanticity": _optional(np.where(alive, described.polysemanticity, np.nan)),
            "exemplar_count": pa.array(counts, type=pa.int32()),
        }
    )
    return _EndTables(neurons, _exemplar_rows(end, rows, taken, polarity), described.concepts)


class _Described(NamedTuple):
    clarity: NDArray[np.float64]
    polysemanticity: NDArray[np.float64]
    concepts: Vectors


def _describe(layer: LayerExemplars, end: End, polarity: int, rows: NDArray[np.int64], making: _Making) -> _Described:
    """Scores and concept vectors of neurons whose exemplars are embedded in `rows` [units, k], block by block.

    Contrasts are whole images, also where exemplars are crops.
    """
    vectors, concept = making.embedded.vectors, making.concept
    if not len(vectors):  # every neuron is dead
        vectors = np.zeros((1, vectors.shape[1]), dtype=np.float32)
    survey = layer.survey if concept.vector == "contrastive" else None
    samples = vectors[making.embedded.rows_of(views(survey.samples))] if survey is not None else vectors[:0]
    width = max(8 * vectors.shape[1], 8 * len(samples), 8 * rows.shape[1])
    size = max(_BLOCK_BYTES // (width * rows.shape[1]), 1)
    parts = []
    for start in range(0, layer.units, size):
        block = slice(start, start + size)
        there = rows[block] != NOTHING_STORED
        own = vectors[rows[block]] * there[:, :, None]
        counts = there.sum(axis=1)
        if survey is None:
            made = concept_vectors(own, counts)
        else:
            cold = polarity * survey.activations[:, block] < polarity * layer.mean[block]
            others = survey.samples != end.samples[block][:, :, None]
            weights = shares(_strength(end)[block], counts)
            made = contrastive_vectors(own, weights, samples, cold.T[:, None] & others, concept.gamma)
        parts.append(_Described(clarities(own, counts), polysemanticities(own, counts), made))
    return _Described(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _strength(end: End) -> NDArray[np.float32]:
    """What exemplars weigh by: what they were ranked by."""
    return end.activations if end.relevances is None else end.relevances


def _exemplar_rows(end: End, rows: NDArray[np.int64], taken: NDArray[np.bool_], polarity: int) -> pa.Table:
    count = int(taken.sum())
    embedding = rows[taken]
    assert (embedding != NOTHING_STORED).all()
    columns: dict[str, pa.Array] = {
        "rank": pa.array(np.nonzero(taken)[1].astype(np.int16)),
        "sample": pa.array(end.samples[taken].astype(np.int32)),
        "activation": pa.array(end.activations[taken]),
        "polarity": pa.array(np.full(count, polarity, dtype=np.int8)),
        "embedding": pa.array(embedding.astype(np.int32)),
    }
    optional = {
        "relevance": pa.nulls(count, pa.float32()) if end.relevances is None else pa.array(end.relevances[taken]),
        **_places(end, taken),
        **{name: pa.nulls(count, pa.int32()) for name in ("token_start", "token_stop")},
        "token": pa.nulls(count, pa.int32()) if end.tokens is None else pa.array(end.tokens[taken].astype(np.int32)),
    }
    return pa.table({**columns, **optional})


def _places(end: End, taken: NDArray[np.bool_]) -> dict[str, pa.Array]:
    corners = fractions(np.full(end.samples.shape, WHOLE) if end.boxes is None else end.boxes)[taken]
    whole = np.ones(len(corners), dtype=bool) if end.boxes is None else (end.boxes == WHOLE)[taken]
    return {
        name: pa.array(corners[:, number], mask=whole) for number, name in enumerate(("left", "top", "right", "bottom"))
    }


def _optional(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, type=pa.float32(), mask=np.isnan(values))
