"""All that a measure may ask: the index, the probe set, what the foundation model sees, and the subject on demand."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput
from indexer.index.reader import Index
from lens_server.audit.contrast import presence_by_score
from lens_server.audit.flags import Flags, flag
from lens_server.audit.laboratory import Laboratory
from lens_server.audit.probe_set import YES, ProbeSet
from lens_server.audit.rulebook import Concept, Rulebook
from lens_server.audit.sight import Sight

COLUMNS, FOUNDATION = "columns", "foundation"
"""Where presence is read: label columns where a concept has one, or always by the foundation model."""


@dataclass(frozen=True)
class Presence:
    """Which images show a concept, and who says so."""

    values: NDArray[np.int8]
    """YES, NO or UNKNOWN for each image [n]."""
    source: str
    """`column NAME` or `foundation model`."""

    @property
    def by_column(self) -> bool:
        """A label says so, not the foundation model."""
        return self.source != "foundation model"


@dataclass(frozen=True)
class Scene:
    """One index under one rulebook."""

    index: Index
    rulebook: Rulebook
    probe_set: ProbeSet
    sight: Sight
    laboratory: Laboratory
    read_by: str = COLUMNS

    @cached_property
    def flags(self) -> Flags:
        """Neurons flagged for concepts and placebos."""
        return flag(self.index, self.rulebook.target.layers, self.sight, self.rulebook.statistics)

    @property
    def bootstrap(self) -> tuple[int, int]:
        """Replicates and seed."""
        return self.rulebook.statistics.bootstrap, self.rulebook.statistics.seed

    def presence(self, concept: Concept) -> Presence:
        """Which images show a concept."""
        if concept.id not in self._presence:
            self._presence[concept.id] = self._read(concept)
        return self._presence[concept.id]

    def margin(self, output: int) -> NDArray[np.float64]:
        """Class margin of every image, in its standard deviations [n]."""
        return self.probe_set.margin(output) / self.spread(output)

    def spread(self, output: int) -> float:
        """σ of the margin; raises InvalidInput for a subject whose output never varies."""
        spread = self.probe_set.spread(output)
        if spread <= 1e-9:
            raise InvalidInput("The subject gives every image of the probe set the same logits: nothing can be judged.")
        return spread

    def unseen(self, concept: Concept) -> str:
        """Why the foundation model cannot be trusted to see a concept; empty where it can, or where nobody knows."""
        seen, least = self.sight.competence[concept.id], self.rulebook.foundation_model.min_concept_auc
        if seen.auroc is None or seen.auroc >= least:
            return ""
        return f"the foundation model cannot see it (AUROC {seen.auroc:.2f} on {seen.controls}, {least:.2f} needed)"

    def unmeasured(self, concept: Concept) -> bool:
        """Nobody knows whether the foundation model sees the concept."""
        return self.sight.competence[concept.id].auroc is None

    def relevance(self, output: int) -> NDArray[np.float64] | None:
        """Absolute relevance of every neuron for a class, at one end [rows of the index]; None without any."""
        table = self.index.relevance
        if table is None:
            return None
        if output not in self._relevance:
            column = table["class"]
            own = table[(column.cat.codes == column.cat.categories.get_loc(self._class_names[output])).to_numpy()]
            values = np.zeros(len(self.index.neurons))
            values[own["neuron"].to_numpy()] = own["absolute"].to_numpy(dtype=np.float64)
            self._relevance[output] = np.where(self._one_end(), values, 0.0)
        return self._relevance[output]

    def rows_flagged(self, concepts: tuple[Concept, ...]) -> NDArray[np.int64]:
        """Rows of the index flagged for any of the concepts."""
        flags = self.flags
        marked = np.zeros(len(flags.rows), dtype=bool)
        for concept in concepts:
            marked |= flags.of(concept.id)
        return flags.rows[marked]

    def _read(self, concept: Concept) -> Presence:
        if self.read_by == COLUMNS and concept.label_column:
            values = self.probe_set.column(concept.label_column, concept.label_value)
            return Presence(values, f"column {concept.label_column}")
        return Presence(presence_by_score(self.sight.score(concept.id)), "foundation model")

    @property
    def _class_names(self) -> tuple[str, ...]:
        return self.index.manifest.subject.classes

    @cached_property
    def _relevance(self) -> dict[int, NDArray[np.float64]]:
        return {}

    @cached_property
    def _presence(self) -> dict[str, Presence]:
        return {}

    def _one_end(self) -> NDArray[np.bool_]:
        """Rows of the target's layers, the positive end of each neuron: both ends carry the neuron's relevance."""
        neurons, layers = self.index.neurons, self.rulebook.target.layers
        kept = neurons.polarity > 0
        if layers:
            kept &= np.isin(neurons.layer, [neurons.layers.index(layer) for layer in layers])
        return np.asarray(kept)


def counts(presence: Presence, used: NDArray[np.bool_] | None = None) -> tuple[int, int]:
    """Images with and without a concept."""
    values = presence.values if used is None else presence.values[used]
    return int((values == YES).sum()), int((values == 0).sum())
