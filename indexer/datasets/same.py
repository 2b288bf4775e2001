"""A dataset that is read again after its samples were digested: what has changed in between is refused."""

from collections.abc import Sequence

import pandas as pd
from PIL import Image

from indexer.datasets.dataset import Dataset
from indexer.datasets.reading_ahead import content_of
from indexer.errors import Untrustworthy


class SameDataset:
    """A dataset whose samples must have the contents that are known of them."""

    keys: Sequence[str]
    metadata: pd.DataFrame

    def __init__(self, inner: Dataset, contents: Sequence[str | None]) -> None:
        self.keys, self.metadata = inner.keys, inner.metadata
        self._inner, self._contents = inner, contents

    def load(self, number: int) -> Image.Image:
        """One image; raises Untrustworthy when its pixels are not those that were digested."""
        image = self._inner.load(number)
        if content_of(image) != self._contents[number]:
            raise Untrustworthy(
                f"{self.keys[number]} is not the image that the index was built from.",
                hint="Restore the dataset, or build the index again.",
            )
        return image

    def describe(self) -> dict[str, object]:
        """What the manifest says of it."""
        return self._inner.describe()
