"""What a dataset is: numbered samples in the order of their keys, each an image with metadata."""

from collections.abc import Sequence
from typing import Protocol

import pandas as pd
from PIL import Image

LABEL, GROUP = "label", "group"
"""Columns of `metadata` with a fixed meaning: the true class by name, and what must not be split (patient, lesion)."""


class Dataset(Protocol):
    """Samples that can be read in any order, any number of times, with the same result."""

    keys: Sequence[str]
    """Unique, sorted; sample number n is the n-th key. Ties between activations are broken by this order."""

    metadata: pd.DataFrame
    """One row per sample, in the order of `keys`; may hold `label` (class name), `group` and any other column."""

    def load(self, number: int) -> Image.Image:
        """Read one sample as an RGB image; raises DatasetFault naming the sample when it cannot be read."""
        ...

    def describe(self) -> dict[str, object]:
        """What the manifest says of this dataset: adapter, argument and what else identifies its listing."""
        ...
