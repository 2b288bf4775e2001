"""Neurons as answers, and pages of them."""

import math

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput
from indexer.index.reader import STATES, Index
from lens_server.answers import Box, Exemplar, Neuron, NeuronPage, RangeSample, Relevance, Span
from lens_server.queries.limits import checked


def neuron_at(index: Index, row: int) -> Neuron:
    """The neuron in a row."""
    table = index.neurons
    name = table.id(row)
    return Neuron(
        id=str(name),
        layer=name.layer,
        unit=name.unit,
        polarity=name.polarity,
        state=STATES[table.state[row]],
        active_share=float(table.active_share[row]),
        strongest=float(table.strongest[row]),
        exemplar_count=int(table.exemplar_count[row]),
        clarity=_known(table.clarity[row]),
        polysemanticity=_known(table.polysemanticity[row]),
        redundancy=_known(table.redundancy[row]),
        label=index.label_of.get(row),
    )


def page(index: Index, rows: NDArray[np.int64], page_size: int, page_token: str) -> NeuronPage:
    """One page of the neurons in these rows."""
    checked("page_size", page_size)
    start = _start(index, page_token, len(rows))
    stop = min(start + page_size, len(rows))
    token = f"{index.manifest.digest[:12]}-{stop}" if stop < len(rows) else ""
    return NeuronPage(tuple(neuron_at(index, int(row)) for row in rows[start:stop]), token, len(rows))


def exemplars_of(index: Index, row: int, most: int, *, thumbnails: bool) -> tuple[Exemplar, ...]:
    """The neuron's exemplars, strongest first."""
    found = []
    samples = index.samples
    labels = samples.get("label")
    for entry in index.exemplars(row).slice(0, most).to_pylist():
        label = labels.iloc[entry["sample"]] if labels is not None else None
        found.append(
            Exemplar(
                sample=str(samples["key"].iloc[entry["sample"]]),
                rank=entry["rank"],
                activation=entry["activation"],
                label=label if isinstance(label, str) else None,
                box=Box(entry["left"], entry["top"], entry["right"], entry["bottom"])
                if entry["left"] is not None
                else None,
                span=Span(entry["token_start"], entry["token_stop"]) if entry["token_start"] is not None else None,
                thumbnail=index.thumbnail(entry["embedding"]) if thumbnails else None,
                relevance=entry["relevance"],
            )
        )
    return tuple(found)


def range_of(index: Index, row: int, *, thumbnails: bool) -> tuple[RangeSample, ...]:
    """Samples over the neuron's whole range, highest percentile first; negative ends have none of their own."""
    samples = index.samples
    labels = samples.get("label")
    found = []
    for entry in index.range(row).to_pylist():
        label = labels.iloc[entry["sample"]] if labels is not None else None
        found.append(
            RangeSample(
                percentile=entry["percentile"],
                sample=str(samples["key"].iloc[entry["sample"]]),
                activation=entry["activation"],
                label=label if isinstance(label, str) else None,
                thumbnail=index.thumbnail(entry["embedding"]) if thumbnails else None,
            )
        )
    return tuple(found)


def relevance_of(index: Index, row: int) -> tuple[Relevance, ...]:
    """The neuron's relevance per class, greatest absolute first."""
    table = index.relevance
    if table is None:
        return ()
    own = table[table["neuron"] == row].sort_values("absolute", ascending=False, kind="stable")
    return tuple(
        Relevance(str(name), float(signed), float(absolute))
        for name, signed, absolute in zip(own["class"], own["signed"], own["absolute"], strict=True)
    )


def _start(index: Index, token: str, total: int) -> int:
    if not token:
        return 0
    digest, _, number = token.partition("-")
    if digest != index.manifest.digest[:12] or not number.isdigit() or not 0 < int(number) < total:
        raise InvalidInput(
            f"{token!r} is no page token of this listing.",
            hint="Start again without one; the index or the filter has changed.",
        )
    return int(number)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
