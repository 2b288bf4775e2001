"""Saved labels: no measurement, but what somebody called the neurons."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from indexer.index.annotations import read_annotation, write_annotations
from indexer.index.files import LABEL_TABLE, LABELS
from indexer.index.manifest import Manifest

_PREFIX = "lens."


def write_labels(folder: Path, labels: pa.Table, settings: Mapping[str, str]) -> None:
    """Store labels in place of those before. Raises IndexUnusable when a build is working on the index, DiskFull."""
    write_annotations(folder, {LABELS: labelled(labels, settings)})


def read_labels(folder: Path, manifest: Manifest) -> pa.Table | None:
    """The saved labels of an opened index; None when there are none. Raises Untrustworthy."""
    return read_annotation(folder, manifest, LABELS, f"lens label {folder} --save makes them anew.")


def labelled(labels: pa.Table, settings: Mapping[str, str]) -> pa.Table:
    """The table with how the labels were found."""
    return labels.cast(LABEL_TABLE).replace_schema_metadata({_PREFIX + name: text for name, text in settings.items()})


def label_settings(labels: pa.Table) -> dict[str, str]:
    """How labels were found: vocabulary, alpha and so on."""
    stored = labels.schema.metadata or {}
    return {
        name.decode().removeprefix(_PREFIX): text.decode()
        for name, text in stored.items()
        if name.decode().startswith(_PREFIX)
    }
