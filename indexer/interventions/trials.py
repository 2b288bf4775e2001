"""A trial: the same samples without and with overlays, and what the subject says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.collectors.taps import evaluating
from indexer.datasets.dataset import Dataset
from indexer.interventions.overlays import check_overlays, paste, seed_of
from indexer.interventions.running import Samples, TrialSettings, logits
from indexer.progress import Progress
from indexer.subjects.inputs import stacked
from indexer.subjects.subject import Subject

if TYPE_CHECKING:
    from indexer.subjects.inputs import Prepared

__all__ = ["Trial", "TrialSettings", "run_trial"]


@dataclass(frozen=True)
class Trial:
    """Class logits of the same samples, untouched and with each overlay; rows go together."""

    numbers: NDArray[np.int64]
    """The samples that could be read [n], in the order given."""
    untouched: NDArray[np.float32]
    """[n, classes]"""
    pasted: Mapping[str, NDArray[np.float32]]
    """Overlay → [n, classes]."""


def run_trial(  # noqa: PLR0913
    subject: Subject,
    dataset: Dataset,
    numbers: Sequence[int],
    overlays: Sequence[str],
    settings: TrialSettings,
    progress: Progress,
) -> Trial:
    """Show each sample untouched and with every overlay, pasted at its own size before the subject's preprocessing.

    A sample's overlay depends on its key and `settings.seed` only. Raises UnknownName for an overlay nobody knows,
    SubjectFault without finite class logits, DatasetFault when no sample can be read.
    """
    names = list(dict.fromkeys(overlays))
    check_overlays(names)

    def variants(number: int, image: Image.Image) -> "list[Prepared]":
        seed = seed_of(dataset.keys[number], settings.seed)
        return [subject.preprocess(each) for each in (image, *(paste(name, image, seed) for name in names))]

    conditions = ["untouched", *names]
    seen: list[int] = []
    rows: dict[str, list[NDArray[np.float32]]] = {condition: [] for condition in conditions}
    module = subject.module.to(settings.device)
    samples = Samples(dataset, numbers, settings, progress)
    with evaluating(module):
        for shown, items in samples.batches("Showing samples with and without overlays", variants):
            for place, condition in enumerate(conditions):
                inputs = stacked([item[place] for item in items], settings.device)
                rows[condition].append(logits(subject, inputs, condition))
            seen.extend(shown)
    found = {condition: np.concatenate(parts) for condition, parts in rows.items()}
    return Trial(np.array(seen, dtype=np.int64), found.pop("untouched"), MappingProxyType(found))
