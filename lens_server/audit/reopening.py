"""Dataset and subject of an index, opened again and proved to be the same."""

from collections.abc import Sequence

import pandas as pd
from PIL import Image

from indexer.catalogue import DATASETS, SUBJECTS
from indexer.datasets.batches import content_of
from indexer.datasets.dataset import Dataset
from indexer.errors import Untrustworthy
from indexer.index.reader import Index
from indexer.subjects.digests import module_digest, preprocess_digest
from indexer.subjects.subject import Subject


class SameDataset:
    """The dataset an index was built from; an image that is not what it was is refused."""

    keys: Sequence[str]
    metadata: pd.DataFrame

    def __init__(self, inner: Dataset, contents: Sequence[str | None]) -> None:
        self.keys, self.metadata = inner.keys, inner.metadata
        self._inner, self._contents = inner, contents

    def load(self, number: int) -> Image.Image:
        """One image; raises Untrustworthy when its pixels changed since the index was built."""
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


def reopen_dataset(index: Index) -> SameDataset:
    """The dataset by its name in the manifest; raises Untrustworthy when its samples are others."""
    inner: Dataset = DATASETS.load(index.manifest.dataset.name)
    if list(inner.keys) != index.samples["key"].tolist():
        raise Untrustworthy(
            f"{index.manifest.dataset.name} lists other samples than those the index was built from.",
            hint="Restore the dataset, or build the index again.",
        )
    contents = [None if pd.isna(each) else str(each) for each in index.samples["content"]]
    return SameDataset(inner, contents)


def reopen_subject(index: Index, *, trust_pickle: bool = False) -> Subject:
    """The subject by its name in the manifest; raises Untrustworthy when weights or preprocessing are others."""
    origin = index.manifest.subject
    subject: Subject = SUBJECTS.load(origin.name, trust_pickle=trust_pickle)
    found = (module_digest(subject.module), preprocess_digest(subject.preprocess))
    if found != (origin.digest, origin.preprocessing):
        what = "weights" if found[0] != origin.digest else "preprocessing"
        raise Untrustworthy(
            f"The {what} of {origin.name} are not those the index was built from "
            f"(digests {origin.digest[:12]} and {found[0][:12]}).",
            hint="Build the index of the subject that is to be judged.",
        )
    return subject
