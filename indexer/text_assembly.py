"""From collected and embedded texts to the tables of an index."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from indexer.assembly import neuron_tables, sample_table
from indexer.collectors.spans import Excerpts, Spans, span_of
from indexer.collectors.tokens import CollectedTexts
from indexer.config import BuildConfig
from indexer.domain.views import views
from indexer.embedding import Embedded
from indexer.index.files import HEAT_TABLE, HELD_OUT_TABLE, PASSAGE_TABLE, TEXT_SURVEY_TABLE, TOKEN_TABLE
from indexer.index.writer import Tables, TextTables

Places = Sequence[tuple[int, int]]
"""(passage, token)"""


def wanted_places(collected: CollectedTexts, survey: Places) -> NDArray[np.int64]:
    """All that is to be embedded, each once, ascending: places of exemplars, held-out examples and the survey."""
    found = [end.views.ravel() for layer in collected.layers for _, end in layer.ends]
    found += [views(each.samples, each.tokens).ravel() for ends in collected.held_out for each in ends.values()]
    found.append(_views_of(survey))
    every = np.unique(np.concatenate(found))
    return every[every >= 0]


def text_tables(
    collected: CollectedTexts, excerpts: Excerpts, spans: Spans, embedded: Embedded, config: BuildConfig
) -> Tables:
    """Everything an index of texts holds."""
    made = neuron_tables(collected, embedded, config.collect.exemplars, config.concept)
    tokenizer = excerpts.subject.tokenizer
    special = [number in tokenizer.special for number in range(len(tokenizer.pieces))]
    return Tables(
        neurons=made.neurons,
        exemplars=_with_spans(made.exemplars, excerpts),
        samples=sample_table(excerpts.corpus, collected, ()),
        concept_vectors=made.concept_vectors,
        exemplar_vectors=embedded.vectors,
        thumbnails=None,
        logits=None,
        relevance=None,
        texts=TextTables(
            passages=_passage_table(excerpts),
            heat=_heat_table(collected, made.neurons, spans),
            held_out=_held_out_table(collected, embedded),
            tokens=pa.table([list(tokenizer.pieces), special], schema=TOKEN_TABLE),
            tokenizer=tokenizer.stored(),
            survey=_survey_table(excerpts.survey, embedded),
            survey_activations=_survey_activations(collected, spans),
        ),
    )


def _with_spans(exemplars: pa.Table, excerpts: Excerpts) -> pa.Table:
    samples, tokens = exemplars["sample"].to_pylist(), exemplars["token"].to_pylist()
    spans = [span_of(token, len(excerpts.tokens[sample])) for sample, token in zip(samples, tokens, strict=True)]
    for number, name in enumerate(("token_start", "token_stop")):
        column = pa.array([span[number] for span in spans], pa.int32())
        exemplars = exemplars.set_column(exemplars.column_names.index(name), name, column)
    return exemplars


def _passage_table(excerpts: Excerpts) -> pa.Table:
    ordered = sorted(excerpts.tokens.items())
    columns = [pa.array([number for number, _ in ordered], pa.int32()), pa.array([list(ids) for _, ids in ordered])]
    return pa.table(columns, names=PASSAGE_TABLE.names).cast(PASSAGE_TABLE)


def _heat_table(collected: CollectedTexts, neurons: pa.Table, spans: Spans) -> pa.Table:
    """In the order of the exemplars; a constant or dead neuron has none."""
    counts, rows, first = np.asarray(neurons["exemplar_count"]), [], 0
    for layer in collected.layers:
        for sign, end in layer.ends:
            heat, kept = spans.heat[layer.layer, sign], counts[first : first + layer.units]
            starts = np.concatenate([[0], np.cumsum(end.counts)])
            rows += [each for unit in range(layer.units) for each in heat[starts[unit] : starts[unit] + kept[unit]]]
            first += layer.units
    return pa.table([pa.array([each.tolist() for each in rows], HEAT_TABLE.field(0).type)], schema=HEAT_TABLE)


def _held_out_table(collected: CollectedTexts, embedded: Embedded) -> pa.Table:
    columns: dict[str, list[NDArray[np.generic]]] = {name: [] for name in HELD_OUT_TABLE.names}
    first = 0
    for layer, ends in zip(collected.layers, collected.held_out, strict=True):
        for found in ends.values():
            taken = np.arange(found.samples.shape[1])[None] < found.counts[:, None]
            units, ranks = np.nonzero(taken)
            columns["neuron"].append(first + units)
            columns["rank"].append(ranks)
            columns["sample"].append(found.samples[taken])
            columns["activation"].append(found.activations[taken])
            columns["token"].append(found.tokens[taken])
            columns["embedding"].append(embedded.rows_of(views(found.samples, found.tokens))[taken])
            first += layer.units
    return pa.table({name: np.concatenate(parts) for name, parts in columns.items()}).cast(HELD_OUT_TABLE)


def _survey_table(survey: Places, embedded: Embedded) -> pa.Table:
    columns = [[sample for sample, _ in survey], [token for _, token in survey], embedded.rows_of(_views_of(survey))]
    return pa.table([pa.array(each, pa.int32()) for each in columns], schema=TEXT_SURVEY_TABLE)


def _survey_activations(collected: CollectedTexts, spans: Spans) -> NDArray[np.float16]:
    """[places, neurons] of each neuron's own polarity."""
    columns = [
        spans.survey[layer.layer][:, :, 0 if sign > 0 else 1] for layer in collected.layers for sign, _ in layer.ends
    ]
    return np.concatenate(columns, axis=1)


def _views_of(places: Places) -> NDArray[np.int64]:
    samples, tokens = (np.array([place[number] for place in places], dtype=np.int64) for number in (0, 1))
    return views(samples, tokens.astype(np.uint32))
