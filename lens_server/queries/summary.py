"""What does an index hold?"""

import numpy as np

from indexer.domain.states import State
from indexer.index.labels import label_settings
from indexer.index.reader import STATES, Index
from lens_server.answers import IndexSummary, LayerSummary


def summarise(index: Index, name: str) -> IndexSummary:
    """The index in one value."""
    manifest = index.manifest
    return IndexSummary(
        name=name,
        digest=manifest.digest,
        format=manifest.format,
        created=manifest.created,
        subject=manifest.subject.name,
        subject_digest=manifest.subject.digest,
        dataset=manifest.dataset.name,
        dataset_digest=manifest.dataset.digest,
        samples=manifest.dataset.samples,
        duplicates=manifest.dataset.duplicates,
        unreadable=len(manifest.dataset.unreadable),
        foundation_model=manifest.foundation_model.name,
        space_digest=manifest.foundation_model.digest,
        dimension=manifest.foundation_model.dimension,
        exemplars_per_neuron=manifest.exemplars,
        neurons=len(index.neurons),
        classes=manifest.subject.classes,
        layers=tuple(_layer(index, number) for number in range(len(manifest.layers))),
        labelled=len(index.label_of),
        kind=manifest.kind,
        vocabulary=label_settings(index.labels).get("vocabulary", "") if index.labels is not None else "",
    )


def _layer(index: Index, number: int) -> LayerSummary:
    origin, table = index.manifest.layers[number], index.neurons
    rows = slice(int(table.starts[number]), int(table.starts[number + 1]))
    count = np.bincount(table.state[rows], minlength=len(STATES))
    return LayerSummary(
        name=origin.name,
        units=origin.units,
        signed=origin.signed,
        alive=int(count[STATES.index(State.ALIVE)]),
        dead=int(count[STATES.index(State.DEAD)]),
        always_on=int(count[STATES.index(State.ALWAYS_ON)]),
        few_samples=int(count[STATES.index(State.FEW_SAMPLES)]),
        mean_clarity=_mean(table.clarity[rows]),
        mean_redundancy=_mean(table.redundancy[rows]),
        collector=origin.collector,
        crop=origin.crop,
        concept_vector=origin.concept_vector,
    )


def _mean(values: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else None
