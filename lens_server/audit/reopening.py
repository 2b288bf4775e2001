"""Dataset and subject of an index, opened again and proved to be the same."""

import pandas as pd

from indexer.catalogue import DATASETS
from indexer.datasets.dataset import Dataset
from indexer.datasets.same import SameDataset
from indexer.errors import Untrustworthy
from indexer.index.reader import Index
from indexer.subjects.digests import module_digest, preprocess_digest
from indexer.subjects.opening import open_subject
from indexer.subjects.subject import Subject


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
    subject = open_subject(origin.name, origin.saes, trust_pickle=trust_pickle)
    found = (module_digest(subject.module), preprocess_digest(subject.preprocess))
    if found != (origin.digest, origin.preprocessing):
        what = "weights" if found[0] != origin.digest else "preprocessing"
        raise Untrustworthy(
            f"The {what} of {origin.name} are not those the index was built from "
            f"(digests {origin.digest[:12]} and {found[0][:12]}).",
            hint="Build the index of the subject that is to be judged.",
        )
    return subject
