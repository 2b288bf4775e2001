"""Saved labels: the one part of an index that may come and change after the build.

They are no measurement but what somebody called the neurons: the index's digest does not cover them, so that audits,
locks and baselines go on to hold; the manifest keeps their size and sha256 beside.
"""

import io
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.errors import Untrustworthy
from indexer.index.files import LABEL_TABLE, LABELS
from indexer.index.manifest import Manifest, read_manifest, record_of
from indexer.index.staging import held
from indexer.whole import whole_file

_PREFIX = "lens."


def write_labels(folder: Path, labels: pa.Table, settings: Mapping[str, str]) -> None:
    """Store labels in place of those before; killed at any point, an index has the old ones, the new ones or none.

    Raises IndexUnusable when a build is working on the index, DiskFull.
    """
    with held(folder):
        manifest = read_manifest(folder)
        content = io.BytesIO()
        pq.write_table(labelled(labels, settings), content)
        if manifest.annotations:
            manifest.model_copy(update={"annotations": {}}).write(folder)
        with whole_file(folder / LABELS) as file:
            file.write(content.getbuffer())
        manifest.model_copy(update={"annotations": {LABELS: record_of(content.getvalue())}}).write(folder)


def read_labels(folder: Path, manifest: Manifest) -> pa.Table | None:
    """The saved labels of an opened index; None when there are none. Raises Untrustworthy."""
    for _ in range(2):
        record = manifest.annotations.get(LABELS)
        if record is None:
            return None
        content = (folder / LABELS).read_bytes() if (folder / LABELS).is_file() else b""
        if record_of(content) == record:
            return pq.read_table(io.BytesIO(content))
        # Saved anew since the index was opened?
        fresh = read_manifest(folder)
        manifest = fresh if fresh.digest == manifest.digest else manifest
    raise Untrustworthy(
        f"{folder / LABELS} was changed after it was written.", hint=f"lens label {folder} --save makes them anew."
    )


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
