"""Parts of an index that may come and change after the build: saved labels, token graphs.

The index's digest does not cover them, so that audits, locks and baselines go on to hold; the manifest keeps their
size and sha256 beside.
"""

import io
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.errors import Untrustworthy
from indexer.index.manifest import Manifest, read_manifest, record_of
from indexer.index.staging import held
from indexer.whole import whole_file


def write_annotations(folder: Path, tables: Mapping[str, pa.Table]) -> None:
    """Store files in place of those before; killed at any point, an index has the old ones, the new ones or none.

    Raises IndexUnusable when a build is working on the index, DiskFull.
    """
    with held(folder):
        manifest = read_manifest(folder)
        contents = {name: _content(table) for name, table in tables.items()}
        others = {name: record for name, record in manifest.annotations.items() if name not in tables}
        if others != manifest.annotations:
            manifest.model_copy(update={"annotations": others}).write(folder)
        for name, content in contents.items():
            with whole_file(folder / name) as file:
                file.write(content)
        records = {name: record_of(content) for name, content in contents.items()}
        manifest.model_copy(update={"annotations": {**others, **records}}).write(folder)


def read_annotation(folder: Path, manifest: Manifest, name: str, cure: str) -> pa.Table | None:
    """A file as it is when first asked for; None when there is none. Raises Untrustworthy, with the cure."""
    for _ in range(2):
        record = manifest.annotations.get(name)
        if record is None:
            return None
        content = (folder / name).read_bytes() if (folder / name).is_file() else b""
        if record_of(content) == record:
            return pq.read_table(io.BytesIO(content))
        # Saved anew since the index was opened?
        fresh = read_manifest(folder)
        manifest = fresh if fresh.digest == manifest.digest else manifest
    raise Untrustworthy(f"{folder / name} was changed after it was written.", hint=cure)


def _content(table: pa.Table) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()
