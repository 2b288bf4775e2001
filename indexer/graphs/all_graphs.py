"""Token graphs of every neuron of an index of texts: in parallel, resumable, whole or absent."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import Untrustworthy
from indexer.graphs.blocks import Block, Tables, Waiting, blocks_of, joined
from indexer.graphs.settings import GraphSettings
from indexer.graphs.workers import Task, made
from indexer.index import files
from indexer.index.graphs import read_graphs, write_graphs
from indexer.index.locking import locked
from indexer.index.manifest import read_manifest
from indexer.index.reader import Index
from indexer.index.texts import Texts
from indexer.progress import Progress, Silent
from indexer.subjects.digests import module_digest, reading_digest
from indexer.subjects.opening import open_text_subject
from indexer.subjects.patterns import chosen
from indexer.subjects.text_subject import TextSubject

VERSION = 1
"""Of the algorithm: what an earlier one has begun is not gone on with."""


def make_graphs(  # noqa: PLR0913 - one required, the rest by name
    folder: Path,
    *,
    layers: Sequence[str] = (),
    workers: int = 0,
    settings: GraphSettings | None = None,
    device: str = "cpu",
    trust_pickle: bool = False,
    progress: Progress | None = None,
) -> None:
    """Make and store a graph of every neuron of these layers (names or patterns), of all layers without any.

    Interrupted, it goes on where it was when called again in the same way; the result is the same, and it does not
    depend on the number of workers (0: one a core). Graphs of other layers stay as they are.
    Raises IndexUnusable for an index of images, UnknownName for a layer, Untrustworthy for a subject other than the
    one the index was built from, SubjectFault, DiskFull.
    """
    texts = Texts(Index.open(folder))
    wanted = chosen(layers, texts.index.neurons.layers, "layer in this index")
    subject = reopened(texts, trust_pickle=trust_pickle)
    settings, blocks = settings or GraphSettings(), blocks_of(texts.index.neurons, wanted)
    task = Task(folder, settings, device, trust_pickle)
    beside = files.graphing(folder)
    with locked(beside):
        waiting = Waiting(beside)
        waiting.begin([VERSION, texts.index.manifest.digest, asdict(settings), device])
        left = [block for block in blocks if not waiting.has(block)]
        total = sum(map(len, blocks))
        with (progress or Silent()).stage("Making token graphs", total, total - sum(map(len, left))) as stage:
            for block, tables in made(task, subject, left, workers or len(os.sched_getaffinity(0))):
                waiting.put(block, tables)
                stage.advance(len(block))
        _store(texts, blocks, waiting)
        shutil.rmtree(beside)


def reopened(texts: Texts, *, trust_pickle: bool = False) -> TextSubject:
    """The subject of an index by its name in the manifest; raises Untrustworthy when weights or tokens are others."""
    index = texts.index
    origin = index.manifest.subject
    subject = open_text_subject(origin.name, origin.saes, trust_pickle=trust_pickle)
    digest = module_digest(subject.module)
    if (digest, reading_digest(subject)) != (origin.digest, origin.preprocessing):
        what = "weights" if digest != origin.digest else "tokens"
        raise Untrustworthy(
            f"The {what} of {origin.name} are not those that {index.folder} was built from.",
            hint="Build the index anew of the subject as it is.",
        )
    return subject


def _store(texts: Texts, blocks: Sequence[Block], waiting: Waiting) -> None:
    folder, manifest = texts.index.folder, read_manifest(texts.index.folder)
    if manifest.digest != texts.index.manifest.digest:
        raise Untrustworthy(f"{folder} was built anew while graphs were made.", hint="Make them again.")
    parts, rows = [waiting.take(block) for block in blocks], [row for b in blocks for row in range(b.first, b.stop)]
    before = None
    with suppress(Untrustworthy):  # what is damaged is made anew
        before = read_graphs(folder, manifest)
    if before is not None:
        anew = pa.array(rows, pa.int32())
        kept = [table.filter(pc.invert(pc.is_in(table["neuron"], value_set=anew))) for table in before]
        parts.append(Tables(*kept))
    tables = joined(parts)
    write_graphs(folder, tables.graphs, tables.scores)
