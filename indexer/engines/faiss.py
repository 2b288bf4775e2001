"""FAISS: inverted lists over the concept vectors, re-ranked exactly; on all GPUs where there are any."""

import errno
import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.engines.engine import Nearest, Rows
from indexer.engines.exact import ExactEngine
from indexer.errors import IndexUnusable, InvalidInput

_FILE = "faiss.index"
_PROBED = 0.1
"""Share of inverted lists visited: words lie off the images' cone, so text queries need more than images do."""
_WALKED = 512
"""Candidates kept while a graph is walked, for the same reason."""
_SPREAD = 8
"""Candidates fetched per hit asked for, before the exact re-ranking."""

# The default of faiss 1.15 makes small exact batches about ten times slower.
faiss.cvar.distance_compute_blas_threshold = 20


class FaissEngine:
    """`faiss[:FACTORY]` with a factory string of FAISS; by default Flat below 20,000 rows and IVF above."""

    def __init__(self, argument: str, *, vectors: NDArray[np.float32], folder: Path | None = None) -> None:
        self._vectors = vectors
        self._exact = ExactEngine("", vectors=vectors)
        stored = folder / _FILE if folder else None
        self._index = _read(stored, len(vectors)) if stored and stored.exists() else _build(argument, vectors)
        self._searchable = _to_gpus(self._index)

    @staticmethod
    def check(argument: str, dimension: int) -> None:
        """See `Engine.check`."""
        try:
            faiss.index_factory(dimension, argument or "Flat", faiss.METRIC_INNER_PRODUCT)
        except RuntimeError as fault:
            raise InvalidInput(
                f"FAISS does not understand {argument!r} for vectors of {dimension}.",
                hint="A factory string such as Flat, IVF256,Flat or HNSW32.",
            ) from fault

    def search(self, probe: NDArray[np.float32], limit: int, rows: Rows = None) -> Nearest:
        """See `Engine.search`; a selective filter is answered by the exact engine."""
        total = len(self._vectors)
        permitted = total if rows is None else (rows.stop - (rows.start or 0) if isinstance(rows, slice) else len(rows))
        # A graph walked past forbidden rows loses its way, so it is never filtered.
        if rows is not None and (permitted < max(20_000, total // 10) or isinstance(self._index, faiss.IndexHNSW)):
            return self._exact.search(probe, limit, rows)
        wanted = min(permitted, max(_SPREAD * limit, 100))
        _, found = self._searchable.search(probe[None], wanted, params=self._parameters(rows))
        candidates = np.sort(found[0][found[0] >= 0])
        return self._exact.search(probe, limit, candidates)

    def save(self, folder: Path) -> None:
        """Write the FAISS index."""
        try:
            faiss.write_index(self._index, str(folder / _FILE))
        except RuntimeError as fault:
            code = errno.ENOSPC if os.strerror(errno.ENOSPC) in str(fault) else errno.EIO
            raise OSError(code, os.strerror(code), str(folder / _FILE)) from fault

    def _parameters(self, rows: Rows) -> Any:  # noqa: ANN401 - a SWIG type without a common base
        selector = None
        if isinstance(rows, slice):
            selector = faiss.IDSelectorRange(rows.start or 0, rows.stop)
        elif rows is not None:
            selector = faiss.IDSelectorBatch(rows)
        if isinstance(self._index, faiss.IndexIVF):
            # A reopened file has nprobe 1: always say it.
            return faiss.SearchParametersIVF(sel=selector, nprobe=max(8, int(_PROBED * self._index.nlist)))
        if isinstance(self._index, faiss.IndexHNSW):
            return faiss.SearchParametersHNSW(efSearch=_WALKED)
        return faiss.SearchParameters(sel=selector)


def _build(argument: str, vectors: NDArray[np.float32]) -> Any:  # noqa: ANN401
    count, dimension = vectors.shape
    factory = argument or ("Flat" if count < 20_000 else f"IVF{int(4 * count**0.5)},Flat")
    try:
        index = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
        if isinstance(index, faiss.IndexIVF):
            index.cp.seed = 0
        index.train(np.ascontiguousarray(vectors))
        index.add(np.ascontiguousarray(vectors))
    except RuntimeError as fault:
        raise InvalidInput(
            f"FAISS cannot build {factory!r} over {count:,} vectors of {dimension}: {_first_line(fault)}",
            hint="A factory string such as Flat, IVF256,Flat or HNSW32; fewer lists need fewer vectors.",
        ) from fault
    return index


def _read(path: Path, count: int) -> Any:  # noqa: ANN401
    try:
        index = faiss.read_index(str(path))
    except RuntimeError as fault:
        raise IndexUnusable(
            f"{path.name} cannot be read: {_first_line(fault)}",
            hint="Delete the engine/ folder; it is rebuilt on opening.",
        ) from fault
    if index.ntotal != count:
        raise IndexUnusable(
            f"{path.name} holds {index.ntotal:,} vectors, the index {count:,}.",
            hint="Delete the engine/ folder; it is rebuilt on opening.",
        )
    return index


def _to_gpus(index: Any) -> Any:  # noqa: ANN401
    # index_cpu_to_all_gpus raises nothing without a GPU, so ask first.
    if getattr(faiss, "get_num_gpus", lambda: 0)() > 0:
        return faiss.index_cpu_to_all_gpus(index)
    return index


def _first_line(fault: Exception) -> str:
    return str(fault).strip().splitlines()[-1]
