"""What a killed pass leaves behind, so that it goes on where it was."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.statistics import LayerStatistics
from indexer.datasets.batches import Reading
from indexer.errors import IndexUnusable

_STATE = "collect.npz"
_LOGITS = "logits.npy"
_HEADER = 128


class LogitsFile:
    """logits.npy written row by row: memory does not grow with the dataset."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._classes = 0
        self._total = 0
        self.rows = 0

    def append(self, samples: NDArray[np.int64], logits: NDArray[np.float32], total: int) -> None:
        """Write the rows of these ascending sample numbers; those in between become NaN."""
        if not self.rows and not self._classes:
            self._path.unlink(missing_ok=True)
        self._classes, self._total = logits.shape[1], total
        rows = np.full((int(samples[-1]) + 1 - self.rows, self._classes), np.nan, dtype="<f4")
        rows[samples - self.rows] = logits
        with self._path.open("ab") as file:
            if file.tell() == 0:
                file.write(_npy_header(total, self._classes))
            file.write(rows.tobytes())
        self.rows = int(samples[-1]) + 1

    def cut(self, rows: int, classes: int, total: int) -> None:
        """Go on after this many rows; what was written beyond them is dropped."""
        self.rows, self._classes, self._total = rows, classes, total
        if not classes:
            return
        written = _HEADER + 4 * rows * classes
        if self._path.stat().st_size < written:
            raise IndexUnusable(
                f"{self._path} is shorter than its checkpoint says: the unfinished build is damaged.",
                hint=f"Start anew: rm -r {self._path.parent}",
            )
        os.truncate(self._path, written)

    def sync(self) -> None:
        """On disk, not only on its way there."""
        if self._classes:
            with self._path.open("rb") as file:
                os.fsync(file.fileno())

    def finish(self) -> tuple[Path | None, NDArray[np.int64] | None]:
        """The file filled up to the last sample, and each sample's class of highest logit (−1 where skipped)."""
        if not self._classes:
            return None, None
        rest = np.full((self._total - self.rows, self._classes), np.nan, dtype="<f4")
        with self._path.open("ab") as file:
            file.write(rest.tobytes())
        self.rows = self._total
        return self._path, strongest_classes(self._path)

    @property
    def shape(self) -> tuple[int, int]:
        """Samples and classes as far as known."""
        return self._total, self._classes


class Checkpoint:
    """The state of a collecting pass in the staging folder."""

    def __init__(self, staging: Path) -> None:
        self._path = staging / _STATE
        self.logits = LogitsFile(staging / _LOGITS)

    def save(self, statistics: dict[str, LayerStatistics], reading: Reading, upto: int) -> None:
        """Store the state after the samples below `upto`; whole or not at all."""
        self.logits.sync()
        arrays = {
            f"{layer}\n{name}": array for layer, each in statistics.items() for name, array in each.state().items()
        }
        arrays["reading"] = np.frombuffer(
            json.dumps({**reading.record(upto), "logits": self.logits.shape}).encode(), dtype=np.uint8
        )
        write_arrays(self._path, arrays)

    def load(self, k: int, survey: int = 0) -> tuple[dict[str, LayerStatistics], Reading]:
        """The stored state, or a fresh one."""
        if not self._path.exists():
            return {}, Reading()
        with np.load(self._path) as stored:
            record = json.loads(stored["reading"].tobytes())
            states: dict[str, dict[str, NDArray[np.generic]]] = {}
            for key in stored.files:
                layer, _, name = key.partition("\n")
                if name:
                    states.setdefault(layer, {})[name] = stored[key]
        reading = Reading.restored(record)
        total, classes = record["logits"]
        self.logits.cut(len(reading.contents), classes, total)
        return {layer: LayerStatistics.restored(layer, k, survey, state) for layer, state in states.items()}, reading


def strongest_classes(logits: Path) -> NDArray[np.int64]:
    """Class of the highest logit of every sample in logits.npy; −1 where it was skipped."""
    stored = np.load(logits, mmap_mode="r")
    predictions = np.full(len(stored), -1, dtype=np.int64)
    for start in range(0, len(stored), 1024):
        block = np.asarray(stored[start : start + 1024])
        known = ~np.isnan(block).any(axis=1)
        predictions[start : start + 1024][known] = block[known].argmax(axis=1)
    return predictions


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Named arrays as one .npz file, whole or not at all."""
    beside = path.with_suffix(".part")
    with beside.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _npy_header(rows: int, columns: int) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
    return b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little") + text.encode().ljust(_HEADER - 11) + b"\n"
