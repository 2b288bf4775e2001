"""What a corpus is: numbered passages of texts, in the order of their keys."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pandas as pd

DOCUMENT, LINE = "document", "line"
"""Columns of `metadata`: the text that a passage is cut from, and its first line there, from 1."""


class Corpus(Protocol):
    """Passages that can be read in any order, any number of times, with the same result."""

    keys: Sequence[str]
    """Unique; sample number n is the n-th key. Passages of a document follow each other."""

    metadata: pd.DataFrame
    """One row per passage, in the order of `keys`; holds `document` and `line`, and may hold any other column."""

    @property
    def faults(self) -> Mapping[str, str]:
        """Texts of which there are no passages since they cannot be read, and why."""
        ...

    def load(self, number: int) -> str:
        """Read one passage; raises DatasetFault naming it when it cannot be read."""
        ...

    def describe(self) -> dict[str, object]:
        """What the manifest says of this corpus: adapter, argument and what else identifies its listing."""
        ...
