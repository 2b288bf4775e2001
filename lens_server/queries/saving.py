"""Labels that stay with an index."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pyarrow as pa

from indexer.domain.neurons import NeuronId
from indexer.index.files import LABEL_TABLE
from indexer.index.labels import write_labels
from indexer.index.manifest import digest_of
from indexer.index.reader import Index
from lens_server.answers import Label


def save_labels(index: Index, labels: Sequence[Label], settings: Mapping[str, str]) -> None:
    """Store labels in the index's folder in place of those before, with how they were found.

    An index or lens opened afterwards shows them. Raises IndexUnusable when a build works on the index, DiskFull.
    """
    rows = [
        {
            "neuron": index.neurons.row(NeuronId.parse(each.neuron.id)),
            "label": each.text,
            "alignment": each.alignment,
            "margin": each.margin,
            "p_corrected": each.p_corrected,
            "abstained": each.abstained,
            "detection": each.detection,
            "alternatives": [asdict(other) for other in each.alternatives],
        }
        for each in labels
    ]
    write_labels(index.folder, pa.Table.from_pylist(rows, schema=LABEL_TABLE), settings)


def settings_of_labels(vocabulary: str, entries: Sequence[str], others: Mapping[str, object]) -> dict[str, str]:
    """How labels were found, as it is stored with them; what was left to its default is left out."""
    said = {name: str(value) for name, value in others.items() if value}
    return {"vocabulary": vocabulary, "entries": str(len(entries)), "entries_digest": digest_of(list(entries)), **said}
