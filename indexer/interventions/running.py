"""Samples read once and shown to a subject in any number of variants."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.datasets.dataset import Dataset
from indexer.errors import DatasetFault, InvalidInput, SubjectFault
from indexer.progress import Progress
from indexer.subjects.inputs import copied, rows, run
from indexer.subjects.layers import logits_of
from indexer.subjects.subject import Subject

if TYPE_CHECKING:
    from indexer.subjects.inputs import Inputs

T = TypeVar("T")


@dataclass(frozen=True)
class TrialSettings:
    """How to show samples to a subject."""

    seed: int = 0
    """Of the overlays' places."""
    batch_size: int = 32
    threads: int = 2
    """Read ahead."""
    device: str = "cpu"


class Shown(NamedTuple, Generic[T]):
    """Samples of one batch, prepared."""

    numbers: list[int]
    items: list[T]


@dataclass(frozen=True)
class Samples:
    """Some samples of a dataset, read in their order; those that cannot be read are left out and counted."""

    dataset: Dataset
    numbers: Sequence[int]
    settings: TrialSettings
    progress: Progress

    def batches(self, title: str, prepare: Callable[[int, Image.Image], T]) -> Iterator[Shown[T]]:
        """Batches of prepared samples under a stage of this title; raises DatasetFault when none can be read."""
        self._check()
        faults: list[str] = []
        numbers: list[int] = []
        items: list[T] = []
        with self.progress.stage(title, len(self.numbers)) as stage:
            for number, item, fault in self._read_ahead(prepare):
                if item is None:
                    faults.append(f"{self.dataset.keys[number]}: {fault}")
                else:
                    numbers.append(number)
                    items.append(item)
                if len(items) == self.settings.batch_size:
                    yield Shown(numbers, items)
                    numbers, items = [], []
                stage.advance(1)
            if items:
                yield Shown(numbers, items)
        self._tell(faults)

    def _check(self) -> None:
        if not len(self.numbers):
            raise InvalidInput("There is no sample to show to the subject.", hint="Choose at least one.")
        strange = [number for number in self.numbers if not 0 <= number < len(self.dataset.keys)]
        if strange:
            raise InvalidInput(f"There is no sample {strange[0]} among {len(self.dataset.keys)}.")

    def _tell(self, faults: list[str]) -> None:
        if not faults:
            return
        shown = "; ".join(faults[:3]) + (" …" if len(faults) > 3 else "")
        if len(faults) == len(self.numbers):
            raise DatasetFault(
                f"None of the {len(faults)} samples could be read ({shown}).",
                hint="Check the files with an image viewer.",
            )
        self.progress.note(f"{len(faults)} of {len(self.numbers)} samples could not be read and are left out: {shown}")

    def _read_ahead(self, prepare: Callable[[int, Image.Image], T]) -> Iterator[tuple[int, T | None, str]]:
        def read(number: int) -> tuple[int, T | None, str]:
            try:
                image = self.dataset.load(number)
            except DatasetFault as fault:
                return number, None, fault.message
            return number, prepare(number, image), ""

        waiting: deque[Future[tuple[int, T | None, str]]] = deque()
        ahead = max(self.settings.batch_size, 2 * self.settings.threads)
        with ThreadPoolExecutor(max_workers=self.settings.threads, thread_name_prefix="read") as pool:
            try:
                for number in self.numbers:
                    waiting.append(pool.submit(read, int(number)))
                    if len(waiting) > ahead:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def logits(subject: Subject, inputs: "Inputs", condition: str) -> NDArray[np.float32]:
    """Class logits [batch, classes] of a forward pass; raises SubjectFault where there are none, or none to trust."""
    import torch

    with torch.inference_mode():
        found = logits_of(run(subject.module, copied(inputs)))  # a subject may normalise its input in place
    if found is None or len(found) != rows(inputs):
        raise SubjectFault(
            f"{subject.name} gives no class logits, so an intervention has nothing to change.",
            hint="Use a subject that returns one row of class logits per image.",
        )
    values: NDArray[np.float32] = found.float().cpu().numpy()
    if not np.isfinite(values).all():
        raise SubjectFault(
            f"{subject.name} gives logits that are not finite ({condition}).",
            hint="Check the weights and the preprocessing; half precision overflows where float32 does not.",
        )
    return values


def margins(outputs: NDArray[np.floating], target: int) -> NDArray[np.float64]:
    """Class margin of every row [n]: the class's logit less the largest other."""
    if outputs.shape[1] < 2 or not 0 <= target < outputs.shape[1]:
        raise InvalidInput(f"There is no margin of class {target} among {outputs.shape[1]} logits.")
    exact = outputs.astype(np.float64)
    others: NDArray[np.float64] = np.delete(exact, target, axis=1).max(axis=1)
    margin: NDArray[np.float64] = exact[:, target] - others
    return margin
