"""Embeddings by content: the same picture and the same foundation model are embedded once ever."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_ASKED_AT_ONCE = 500
_WAIT_SECONDS = 60


def cache_folder() -> Path | None:
    """`LENS_CACHE` (`none`: no cache), else `lens` in the user's cache folder."""
    asked = os.environ.get("LENS_CACHE", "")
    if asked.strip().lower() == "none":
        return None
    if asked:
        return Path(asked).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "lens"


class EmbeddingCache:
    """Vectors of one embedding space by the digest of what was embedded; shared by builds running at once.

    A cache that cannot be read or written is no reason to fail: then everything is embedded anew, and `fault` says why.
    """

    def __init__(self, folder: Path | None, space: str, dimension: int) -> None:
        self.fault: str | None = None
        self._dimension = dimension
        self._file = folder / "embeddings" / f"{space}.sqlite" if folder is not None else None

    def find(self, contents: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The vectors [dimension] of those contents that are known."""
        found: dict[str, NDArray[np.float32]] = {}
        if self._file is None or self.fault or not self._file.exists():
            return found
        try:
            with closing(self._open(self._file)) as store:
                for start in range(0, len(contents), _ASKED_AT_ONCE):
                    part = contents[start : start + _ASKED_AT_ONCE]
                    marks = ",".join("?" * len(part))
                    rows = store.execute(f"SELECT content, vector FROM embeddings WHERE content IN ({marks})", part)
                    found.update((content, np.frombuffer(blob, dtype="<f4")) for content, blob in rows)
        except (sqlite3.Error, OSError) as fault:
            self.fault = f"The embedding cache {self._file} cannot be read: {fault}."
        return {content: vector for content, vector in found.items() if self._sound(vector)}

    def keep(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Store vectors [dimension] by content; what is there already stays."""
        if self._file is None or self.fault or not vectors:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            rows = [(content, np.asarray(vector, dtype="<f4").tobytes()) for content, vector in vectors.items()]
            with closing(self._open(self._file)) as store, store:
                store.execute("CREATE TABLE IF NOT EXISTS embeddings (content TEXT PRIMARY KEY, vector BLOB NOT NULL)")
                store.executemany("INSERT OR IGNORE INTO embeddings VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError) as fault:
            self.fault = f"The embedding cache {self._file} cannot be written: {fault}."

    def _open(self, file: Path) -> sqlite3.Connection:
        return sqlite3.connect(file, timeout=_WAIT_SECONDS)

    def _sound(self, vector: NDArray[np.float32]) -> bool:
        return vector.shape == (self._dimension,) and bool(np.isfinite(vector).all())
