"""Tier 3: the subject itself, with and without overlays, with and without neurons."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.datasets.same import SameDataset
from indexer.errors import LensError, MissingExtra, NotFound, SubjectFault, UnknownName
from indexer.index.reader import Index
from indexer.interventions.ablation import Ablation, ablated_logits, mean_activations
from indexer.interventions.overlays import PLACEBO
from indexer.interventions.trials import TrialSettings, run_trial
from indexer.progress import Progress
from indexer.subjects.devices import device_of
from indexer.subjects.subject import Subject
from lens_server.audit.probe_set import ProbeSet
from lens_server.audit.reopening import reopen_dataset, reopen_subject

T = TypeVar("T")

IMAGES = 400
"""Images that overlays are pasted on, of different groups as far as there are."""
STRENGTHS = (0.25, 0.5, 0.75, 1.0)
"""Opacities of the dose–response curve."""
DOSED = 100
"""Images it is measured on."""


class Unavailable(LensError):
    """Tier 3 cannot be had here; the rules that need it are inconclusive."""


@dataclass(frozen=True)
class Outcomes:
    """Logits of the same images untouched and with each overlay."""

    places: NDArray[np.int64]
    """Place of each image in the probe set [n]."""
    untouched: NDArray[np.float64]
    """[n, classes]"""
    pasted: dict[str, NDArray[np.float64]]


@dataclass
class Laboratory:
    """Runs the subject when a rule first needs it, and once for all overlays."""

    index: Index
    probe_set: ProbeSet
    overlays: tuple[str, ...]
    """Every overlay the rulebook needs, the placebo besides."""
    progress: Progress
    seed: int
    images: int = IMAGES
    allowed: bool = True
    """False: the user asked for no interventions."""
    trust_pickle: bool = False

    @cached_property
    def dataset(self) -> SameDataset:
        """The dataset, proved to be the one of the index."""
        return self._try(lambda: reopen_dataset(self.index), "dataset")

    @cached_property
    def subject(self) -> Subject:
        """The subject, proved to be the one of the index; raises Unavailable where it cannot be had."""
        return self._try(lambda: reopen_subject(self.index, trust_pickle=self.trust_pickle), "subject")

    @cached_property
    def outcomes(self) -> Outcomes:
        """The trial of every overlay; raises Unavailable."""
        return self._trial(self._chosen(), (*self.overlays, PLACEBO))

    @property
    def was_run(self) -> bool:
        """The overlays were tried."""
        return "outcomes" in self.__dict__

    def doses(self, overlay: str, places: NDArray[np.int64]) -> dict[float, Outcomes]:
        """The trial of one overlay at each strength, on at most DOSED of these images."""
        chosen = places[:DOSED]
        names = {strength: overlay if strength == 1.0 else f"{overlay}@{strength:g}" for strength in STRENGTHS}
        made = self._trial(chosen, tuple(names.values()))
        return {
            strength: Outcomes(made.places, made.untouched, {overlay: made.pasted[name]})
            for strength, name in names.items()
        }

    def ablated(
        self, places: NDArray[np.int64], absent: NDArray[np.int64], sets: Sequence[NDArray[np.int64]]
    ) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
        """Logits of images untouched, and with each set of neurons (rows of the index) held at its mean on `absent`."""
        subject, settings = self.subject, self._settings()
        neurons, numbers = self.index.neurons, self.probe_set.numbers
        layers = [neurons.layers[number] for number in np.unique(neurons.layer[np.concatenate(sets)])]
        means = mean_activations(subject, self.dataset, numbers[absent].tolist(), layers, settings, self.progress)
        ablations = []
        for rows in sets:
            units = {
                layer: np.unique(neurons.unit[rows[neurons.layer[rows] == neurons.layers.index(layer)]]).astype(
                    np.int64
                )
                for layer in layers
            }
            held = {layer: means[layer][chosen] for layer, chosen in units.items()}
            ablations.append(Ablation(units, held))
        before, after = ablated_logits(
            subject, self.dataset, numbers[places].tolist(), ablations, settings, self.progress
        )
        return before.astype(np.float64), [each.astype(np.float64) for each in after]

    def _trial(self, places: NDArray[np.int64], overlays: tuple[str, ...]) -> Outcomes:
        numbers = self.probe_set.numbers[places]
        found = run_trial(self.subject, self.dataset, numbers.tolist(), overlays, self._settings(), self.progress)
        back = {number: place for number, place in zip(numbers.tolist(), places.tolist(), strict=True)}
        kept = np.array([back[number] for number in found.numbers.tolist()], dtype=np.int64)
        pasted = {name: logits.astype(np.float64) for name, logits in found.pasted.items()}
        return Outcomes(kept, found.untouched.astype(np.float64), pasted)

    def _chosen(self) -> NDArray[np.int64]:
        """Images of different groups first, the true classes in turn, fixed by the seed."""
        rng = np.random.default_rng([self.seed, 13])
        order = rng.permutation(len(self.probe_set))
        first = np.zeros(len(order), dtype=bool)
        first[np.unique(self.probe_set.groups[order], return_index=True)[1]] = True
        turn = np.zeros(len(order), dtype=np.int64)
        truth = self.probe_set.truth[order]
        for label in np.unique(truth):
            for part in (True, False):
                members = np.flatnonzero((truth == label) & (first == part))
                turn[members] = np.arange(len(members))
        ranked = order[np.lexsort((turn, ~first))]
        return np.sort(ranked[: self.images])

    def _settings(self) -> TrialSettings:
        return TrialSettings(seed=self.seed, device=device_of("auto"))

    def _try(self, open_again: Callable[[], T], what: str) -> T:
        if not self.allowed:
            raise Unavailable("interventions were switched off")
        try:
            return open_again()
        except (MissingExtra, NotFound, SubjectFault, UnknownName) as fault:
            raise Unavailable(f"the {what} cannot be loaded: {fault.message}", hint=fault.hint) from fault
