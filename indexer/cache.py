"""Embeddings by content: the same picture and the same foundation model are embedded once ever.

One SQLite file a space, of 4 bytes a dimension and some 90 more for each picture; it grows until somebody removes it.
"""

import hashlib
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_ASKED_AT_ONCE = 500
_WAIT_SECONDS = 60
_CHECKSUM = 8


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

    A cache that cannot be read or written is no reason to fail: then pictures are embedded anew, and `fault` says why.
    Every vector carries a checksum over itself and what it is of; one that does not agree is made anew and replaced.
    """

    def __init__(self, folder: Path | None, space: str, dimension: int) -> None:
        self.fault: str | None = None
        self._dimension = dimension
        self._file = folder / "embeddings" / f"{space}.sqlite" if folder is not None else None
        self._writable = True
        self._readable = True
        self._unsound: set[str] = set()

    def find(self, contents: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The vectors [dimension] of those contents that are known."""
        found: dict[str, NDArray[np.float32]] = {}
        if self._file is None or not self._readable or not self._file.exists():
            return found
        try:
            with closing(self._open(self._file)) as store:
                for start in range(0, len(contents), _ASKED_AT_ONCE):
                    part = contents[start : start + _ASKED_AT_ONCE]
                    marks = ",".join("?" * len(part))
                    rows = store.execute(f"SELECT content, vector FROM embeddings WHERE content IN ({marks})", part)
                    found.update((content, self._checked(content, blob)) for content, blob in rows)
        except (sqlite3.Error, OSError) as fault:
            self._readable = self._writable = False
            self.fault = (
                f"The embedding cache {self._file} cannot be read ({fault}): its pictures are embedded anew. "
                f"rm {self._file} lets it begin again."
            )
            return {}
        self._unsound |= {content for content, vector in found.items() if not len(vector)}
        return {content: vector for content, vector in found.items() if len(vector)}

    def keep(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Store vectors [dimension] by content; what is there already and sound stays."""
        if self._file is None or not self._writable or not vectors:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            rows = [(content, _sealed(content, vector)) for content, vector in vectors.items()]
            with closing(self._open(self._file)) as store, store:
                store.execute("CREATE TABLE IF NOT EXISTS embeddings (content TEXT PRIMARY KEY, vector BLOB NOT NULL)")
                store.executemany("DELETE FROM embeddings WHERE content = ?", [(each,) for each in self._unsound])
                store.executemany("INSERT OR IGNORE INTO embeddings VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError) as fault:
            self._writable = False
            self.fault = f"The embedding cache {self._file} cannot be written ({fault}): what is new is not shared."
        self._unsound.clear()

    def _open(self, file: Path) -> sqlite3.Connection:
        return sqlite3.connect(file, timeout=_WAIT_SECONDS)

    def _checked(self, content: str, blob: bytes) -> NDArray[np.float32]:
        """The vector; empty where it is not what was stored, or not of this width."""
        vector = np.frombuffer(blob[:-_CHECKSUM], dtype="<f4") if len(blob) == 4 * self._dimension + _CHECKSUM else None
        if vector is None or _sealed(content, vector) != blob or not np.isfinite(vector).all():
            return np.empty(0, dtype=np.float32)
        return vector


def _sealed(content: str, vector: NDArray[np.float32]) -> bytes:
    values = np.asarray(vector, dtype="<f4").tobytes()
    return values + hashlib.blake2b(content.encode() + values, digest_size=_CHECKSUM).digest()
