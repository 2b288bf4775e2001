"""What an auditor wants to see: the neurons that carry a finding, pairs of images, dose and response."""

import hashlib
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from indexer.errors import LensError
from indexer.index.writer import jpeg
from indexer.interventions.overlays import paste, seed_of
from indexer.interventions.running import margins
from lens_server.audit.judging import rounded
from lens_server.audit.measures.interventions import flipped, pairs_of
from lens_server.audit.measures.measure import Question
from lens_server.audit.measures.relevance_share import shares_by_row
from lens_server.audit.scene import Scene
from lens_server.report import Dose, EvidencePair, Picture, Result, Verdict, Witness

MOST = 6
"""Neurons, exemplars of each, and pairs that are shown."""
_SIDE = 128


@dataclass
class Album:
    """Pictures of a report, each held once."""

    pictures: dict[str, bytes] = field(default_factory=dict)

    def add(self, jpeg: bytes) -> str:
        """The picture's id."""
        name = hashlib.sha256(jpeg).hexdigest()[:16]
        self.pictures[name] = jpeg
        return name

    def all(self) -> tuple[Picture, ...]:
        """Every picture, by id."""
        return tuple(Picture(name, self.pictures[name]) for name in sorted(self.pictures))


@dataclass(frozen=True)
class Exhibits:
    """Gathers what belongs to a result."""

    scene: Scene
    album: Album

    def shown(self, result: Result, question: Question) -> Result:
        """The result with its witnesses and, where the overlay was tried, pairs; with doses when it failed by it."""
        if result.verdict is Verdict.NOT_ASSESSABLE:
            return result
        found = replace(result, witnesses=self._witnesses(question))
        if not self._tried(question):
            return found
        found = replace(found, pairs=self._pairs(question))
        return replace(found, doses=self._doses(question)) if result.verdict is Verdict.FAIL else found

    def _tried(self, question: Question) -> bool:
        """The overlay was pasted already: exhibits run the subject for no other."""
        return (
            len(question.concepts) == 1
            and question.output is not None
            and question.concepts[0].overlay in self.scene.laboratory.overlays
            and self.scene.laboratory.was_run
        )

    def _witnesses(self, question: Question) -> tuple[Witness, ...]:
        flags, index = self.scene.flags, self.scene.index
        best: dict[int, tuple[float, float, float]] = {}
        for concept in question.concepts:
            column = flags.names.index(concept.id)
            for at in np.flatnonzero(flags.flagged[:, column]):
                row, place = int(flags.rows[at]), (at, column)
                found = (float(flags.way[place]), float(flags.alignment[place]), float(flags.p[place]))
                best[row] = max(best.get(row, found), found)
        shares = shares_by_row(self.scene, question.output) if question.output is not None else None
        weight = {row: float(shares[row]) if shares is not None else None for row in best}
        order = sorted(best, key=lambda row: (-(weight[row] or 0.0), -best[row][0], row))
        return tuple(
            Witness(
                neuron=str(index.neurons.id(row)),
                shown=rounded(best[row][0]),
                alignment=rounded(best[row][1]),
                p=rounded(best[row][2]),
                relevance=None if (share := weight[row]) is None else rounded(share),
                exemplars=self._exemplars(row),
            )
            for row in order[:MOST]
        )

    def _exemplars(self, row: int) -> tuple[str, ...]:
        rows = np.asarray(self.scene.index.exemplars(row)["embedding"])[:MOST]
        return tuple(self.album.add(self.scene.index.thumbnail(int(each))) for each in rows)

    def _pairs(self, question: Question) -> tuple[EvidencePair, ...]:
        (concept,), output = question.concepts, question.output
        assert output is not None
        pairs = pairs_of(self.scene, concept)
        before, after = margins(pairs.before, output), margins(pairs.after, output)
        turned = np.abs(flipped(pairs.before, pairs.after, output))
        order = np.lexsort((-np.abs(after - before), -turned))[:MOST]
        return tuple(self._pair(concept.overlay, pairs.places[at], (before[at], after[at]), (
            int(pairs.before[at].argmax()), int(pairs.after[at].argmax()))) for at in order)  # fmt: skip

    def _pair(self, overlay: str, place: int, margins: tuple[float, float], decisions: tuple[int, int]) -> EvidencePair:
        laboratory, number = self.scene.laboratory, int(self.scene.probe_set.numbers[place])
        key = laboratory.dataset.keys[number]
        image = laboratory.dataset.load(number)
        having = paste(overlay, image, seed_of(key, laboratory.seed))
        classes = self.scene.index.manifest.subject.classes
        return EvidencePair(
            key,
            self.album.add(jpeg(image, _SIDE)),
            self.album.add(jpeg(having, _SIDE)),
            rounded(margins[0]),
            rounded(margins[1]),
            classes[decisions[0]],
            classes[decisions[1]],
            decisions[0] != decisions[1],
        )

    def _doses(self, question: Question) -> tuple[Dose, ...]:
        (concept,), output = question.concepts, question.output
        assert output is not None
        places = pairs_of(self.scene, concept).places
        try:
            tried = self.scene.laboratory.doses(concept.overlay, places)
        except LensError:
            return ()
        spread = self.scene.spread(output)
        return tuple(
            _dose(strength, found.untouched, found.pasted[concept.overlay], (output, spread))
            for strength, found in sorted(tried.items())
        )


def _dose(strength: float, before: NDArray[np.float64], after: NDArray[np.float64], judged: tuple[int, float]) -> Dose:
    output, spread = judged
    change = (margins(after, output) - margins(before, output)) / spread
    return Dose(strength, rounded(float(change.mean())), rounded(float(np.abs(flipped(before, after, output)).mean())))
