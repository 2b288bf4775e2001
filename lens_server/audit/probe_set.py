"""The probe set: what the index remembers of every image, as the measures want it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from indexer.datasets.dataset import GROUP, LABEL
from indexer.errors import InvalidInput, UnknownName, Untrustworthy
from indexer.index.reader import Index
from indexer.interventions.running import margins

YES, NO, UNKNOWN = 1, 0, -1
"""Presence of a concept on an image."""


@dataclass(frozen=True)
class ProbeSet:
    """Every distinct readable image of the index, in its order."""

    numbers: NDArray[np.int64]
    """Sample number of each image [n]."""
    logits: NDArray[np.float64]
    """[n, classes]."""
    truth: NDArray[np.int64]
    """Number of the true class, −1 where the dataset names none of the subject's classes."""
    groups: NDArray[np.int64]
    """Independent group of each image, 0 …"""
    metadata: pd.DataFrame = field(repr=False)
    grouped_by: str
    """Column that the groups come from; empty when every image stands by itself."""

    def __len__(self) -> int:
        return len(self.numbers)

    def margin(self, output: int) -> NDArray[np.float64]:
        """y = logit of an output less the largest other [n]."""
        return margins(self.logits, output)

    def spread(self, output: int) -> float:
        """σ, the standard deviation of the margin on this probe set."""
        return float(np.std(self.margin(output)))

    def column(self, name: str, value: str = "") -> NDArray[np.int8]:
        """Presence [n] by a metadata column: a number above 0 or a true word; empty cells are unknown.

        `value` is the text that means yes, or a bound such as `>= 4`.
        """
        if name not in self.metadata:
            raise UnknownName("column of the probe set", name, self.metadata.columns)
        cells = self.metadata[name]
        found = _valued(cells, value) if value else _true(cells, name)
        return np.where(cells.isna().to_numpy(), UNKNOWN, np.where(found, YES, NO)).astype(np.int8)

    @cached_property
    def class_counts(self) -> Mapping[int, int]:
        """Images of each true class."""
        numbers, counts = np.unique(self.truth[self.truth >= 0], return_counts=True)
        return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def probe_set(index: Index, group_by: str = "") -> ProbeSet:
    """The probe set of an index; raises InvalidInput without logits, Untrustworthy for non-finite ones."""
    if index.logits is None:
        raise InvalidInput(
            "The index holds no logits: its subject is no classifier, so nothing can be said of its decisions.",
            hint="Build the index of a subject that returns class logits.",
        )
    return _of_samples(index, np.asarray(index.logits), group_by)


def _of_samples(index: Index, logits: NDArray[np.float32], group_by: str) -> ProbeSet:
    samples = index.samples
    kept = (samples["duplicate_of"].isna() & samples["unreadable"].isna()).to_numpy()
    numbers = np.flatnonzero(kept)
    seen = np.asarray(logits[numbers], dtype=np.float64)
    if not np.isfinite(seen).all():
        bad = numbers[~np.isfinite(seen).all(axis=1)]
        raise Untrustworthy(
            f"The logits of {len(bad)} images are not finite, e.g. of {samples['key'][bad[0]]!r}.",
            hint="Mend the subject and build the index again.",
        )
    if seen.shape[1] < 2:
        raise InvalidInput("The subject has one output; a class margin needs two.")
    metadata = samples.iloc[numbers].reset_index(drop=True)
    column = _group_column(metadata, group_by)
    groups = metadata[column].astype("string") if column else metadata["key"].astype("string")
    groups = groups.fillna(metadata["key"].astype("string"))
    return ProbeSet(
        numbers,
        seen,
        _truth(metadata, index.manifest.subject.classes),
        np.unique(groups.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64),
        metadata,
        column,
    )


def _group_column(metadata: pd.DataFrame, wanted: str) -> str:
    if wanted and wanted not in metadata:
        raise UnknownName("column of the probe set to group by", wanted, metadata.columns)
    return wanted or (GROUP if GROUP in metadata else "")


def _truth(metadata: pd.DataFrame, classes: tuple[str, ...]) -> NDArray[np.int64]:
    if LABEL not in metadata:
        return np.full(len(metadata), -1, dtype=np.int64)
    labels = metadata[LABEL].astype("string")
    named = labels.map({name: number for number, name in enumerate(classes)})
    if named.isna().all():  # the dataset numbers its classes
        named = labels.map({str(number): number for number in range(len(classes))})
    return np.asarray(named.fillna(-1), dtype=np.int64)


def _valued(cells: pd.Series, value: str) -> NDArray[np.bool_]:
    bound = re.fullmatch(r"(>=|<=)\s*(-?[\d.]+)", value.strip())
    if bound is None:
        return (cells.astype("string") == value).to_numpy(dtype=bool, na_value=False)
    numbers = pd.to_numeric(cells.astype(object).where(cells.notna(), None), errors="coerce").to_numpy(dtype=float)
    limit = float(bound[2])
    return np.asarray(numbers >= limit if bound[1] == ">=" else numbers <= limit)


def _true(cells: pd.Series, name: str) -> NDArray[np.bool_]:
    numbers = pd.to_numeric(cells.astype(object).where(cells.notna(), None), errors="coerce")
    if numbers.notna().equals(cells.notna()):
        return (numbers.fillna(0) > 0).to_numpy()
    words = cells.astype("string").str.lower()
    odd_ones = sorted(set(words.dropna()) - {"true", "yes", "false", "no"})
    if odd_ones:
        odd = odd_ones[0]
        raise InvalidInput(
            f"Column {name!r} says {odd!r}, which is neither a number nor yes or no.",
            hint="Name the value that means yes: label_value.",
        )
    return words.eq("true").fillna(value=False).to_numpy(dtype=bool) | words.eq("yes").fillna(value=False).to_numpy(
        dtype=bool
    )
