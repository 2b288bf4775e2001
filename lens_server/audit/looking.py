"""Asking the foundation model: probes of words, scores of images, competence, and the positive control."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.datasets.batches import chosen_batches
from indexer.datasets.images import image_extensions, missing_path, read_image
from indexer.datasets.same import SameDataset
from indexer.domain.embeddings import Vectors
from indexer.domain.scores import auroc
from indexer.errors import InvalidInput, Untrustworthy
from indexer.index.reader import Index
from indexer.interventions.overlays import paste, seed_of
from indexer.progress import Progress
from lens_server.audit.contrast import presence_by_score
from lens_server.audit.probe_set import NO, YES, ProbeSet
from lens_server.audit.reopening import reopen_dataset
from lens_server.audit.rulebook import Concept, Rulebook
from lens_server.audit.sight import (
    PRESENT_SHARE,
    Competence,
    Planted,
    Sight,
    direction,
    placebo_direction,
    sentences,
)
from lens_server.lens import Lens

CONTROL_IMAGES = 100
"""Images that an overlay is pasted on to see whether it is seen: an AUROC near .8 is then known to ±.03."""
LEAST_CONTROLS = 20
"""Fewer of either kind tell nothing of competence."""
INDEX_MODEL = "index"
"""Name in a rulebook for the foundation model that the index was made with."""
_BATCH, _THREADS = 32, 2


def look(lens: Lens, rulebook: Rulebook, probe_set: ProbeSet, progress: Progress) -> Sight:
    """Embed what the audit needs: every concept's words, every image of the probe set once, the control images."""
    check_space(lens.index, rulebook)
    wanted = sentences(rulebook)
    embedded = dict(zip(wanted, lens.words.plain(wanted), strict=True))
    looker = _Looker(lens, rulebook, probe_set, progress)
    images = looker.embed_probe_set()
    placebos = rulebook.controls.placebo_prompts
    concepts = [each for each in rulebook.concepts if each.assessable == "yes"]
    directions = [looker.direction(each, embedded, images) for each in concepts]
    directions += [placebo_direction(prompt, rulebook, embedded) for prompt in placebos]
    stacked = np.stack(directions).astype(np.float32)
    scores = (images @ stacked.T).astype(np.float32)
    seen = {
        each.id: looker.competence(each, stacked[number], scores[:, number]) for number, each in enumerate(concepts)
    }
    names = tuple(each.id for each in concepts) + placebos
    return Sight(names, placebos, stacked, scores, seen, looker.planted(concepts, stacked, scores))


def check_space(index: Index, rulebook: Rulebook) -> None:
    """Raise Untrustworthy when the rulebook means another foundation model than the index was made with."""
    meant, found = rulebook.foundation_model, index.manifest.foundation_model
    if meant.name not in (INDEX_MODEL, found.name):
        raise Untrustworthy(
            f"The rulebook is written for the foundation model {meant.name!r}; the index was made with {found.name!r}.",
            hint="Build the index with that model, or name this one in the rulebook (`index` means whichever it is).",
        )
    if meant.weights_sha256 and meant.weights_sha256 != found.digest:
        raise Untrustworthy(
            f"The foundation model has digest {found.digest[:12]}…; the rulebook wants {meant.weights_sha256[:12]}….",
            hint="The digest of an index's space stands in its manifest.json.",
        )


@dataclass(frozen=True)
class _Looker:
    lens: Lens
    rulebook: Rulebook
    probe_set: ProbeSet
    progress: Progress

    @cached_property
    def dataset(self) -> SameDataset:
        return reopen_dataset(self.lens.index)

    def embed_probe_set(self) -> Vectors:
        """f(x) of every image [n, d]; what the index embedded is not embedded again."""
        index, numbers = self.lens.index, self.probe_set.numbers
        table = index.all_exemplars("embedding", "sample", "left")
        whole = np.asarray(table["left"].is_null())
        rows = np.full(len(index.samples), -1, dtype=np.int64)
        rows[np.asarray(table["sample"])[whole]] = np.asarray(table["embedding"])[whole]
        found = rows[numbers]
        vectors = np.empty((len(numbers), index.manifest.foundation_model.dimension), dtype=np.float32)
        vectors[found >= 0] = index.exemplar_vectors[found[found >= 0]]
        missing = np.flatnonzero(found < 0)
        if len(missing):
            vectors[missing] = self._embed("Embedding the probe set", numbers[missing], lambda image, _: image)
        return vectors

    def direction(self, concept: Concept, embedded: Mapping[str, Vectors], images: Vectors) -> Vectors:
        """By words; by example pictures, less the probe set's mean, where there are no words."""
        if concept.prompts:
            return direction(concept, self.rulebook, embedded)
        shown = self._pictures(concept.image_probes)
        away: Vectors = self.lens.words.pictures(shown).mean(axis=0) - images.mean(axis=0)
        return away

    def competence(self, concept: Concept, towards: Vectors, scores: NDArray[np.float32]) -> Competence:
        """On a label column, else on pasted overlays, else on example pictures; else unmeasured."""
        if concept.label_column and concept.label_column in self.probe_set.metadata:
            presence = self.probe_set.column(concept.label_column, concept.label_value)
            present, absent = scores[presence == YES], scores[presence == NO]
            if min(len(present), len(absent)) >= LEAST_CONTROLS:
                return _compared(present, absent, f"column {concept.label_column}")
        if concept.overlay:
            chosen = self._controls()
            pasted = self._embed(
                f"Looking at {concept.id}",
                self.probe_set.numbers[chosen],
                lambda image, number: self._paste(concept.overlay, image, number),
            )
            return _compared(pasted @ towards, scores[chosen], f"overlay {concept.overlay}")
        if concept.image_probes and concept.prompts:
            shown = self.lens.words.pictures(self._pictures(concept.image_probes)) @ towards
            if len(shown) >= LEAST_CONTROLS:
                return _compared(shown, scores, "image probes")
        presence = presence_by_score(scores)
        return _compared(scores[presence == YES], scores[presence == NO], "")

    def planted(self, concepts: Sequence[Concept], directions: Vectors, scores: NDArray[np.float32]) -> Planted:
        """Paste the control's overlay on 15 % of the images that lack it, and look at them again."""
        wanted = self.rulebook.controls.positive_control
        if wanted is None:
            return Planted.none("")
        column = next((number for number, each in enumerate(concepts) if each.overlay == wanted.overlay), None)
        if column is None:
            return Planted.none(f"no concept of the rulebook has the overlay {wanted.overlay}")
        lacking = np.flatnonzero(self._presence(concepts[column], scores[:, column]) == NO)
        rng = np.random.default_rng([self.rulebook.statistics.seed, 7])
        chosen = np.sort(rng.permutation(len(lacking))[: int(len(lacking) * PRESENT_SHARE)])
        if len(chosen) < LEAST_CONTROLS:
            return Planted.none(f"only {len(lacking)} images lack it")
        seen = scores[lacking, column].copy()
        vectors = self._embed(
            "Planting the positive control",
            self.probe_set.numbers[lacking[chosen]],
            lambda image, number: self._paste(wanted.overlay, image, number),
        )
        seen[chosen] = vectors @ directions[column]
        pasted = np.zeros(len(lacking), dtype=bool)
        pasted[chosen] = True
        return Planted(lacking, pasted, seen, "")

    def _presence(self, concept: Concept, scores: NDArray[np.float32]) -> NDArray[np.int8]:
        if concept.label_column and concept.label_column in self.probe_set.metadata:
            return self.probe_set.column(concept.label_column, concept.label_value)
        return presence_by_score(scores)

    def _controls(self) -> NDArray[np.int64]:
        """Images of different groups to paste on, fixed by the seed."""
        rng = np.random.default_rng([self.rulebook.statistics.seed, 11])
        first = np.unique(self.probe_set.groups, return_index=True)[1]
        return np.sort(rng.permutation(first)[:CONTROL_IMAGES])

    def _paste(self, overlay: str, image: Image.Image, number: int) -> Image.Image:
        return paste(overlay, image, seed_of(self.dataset.keys[number], self.rulebook.statistics.seed))

    def _embed(
        self, title: str, numbers: NDArray[np.int64], change: Callable[[Image.Image, int], Image.Image]
    ) -> Vectors:
        parts = []
        with self.progress.stage(title, len(numbers)) as stage:
            batches = chosen_batches(self.dataset, _as_is, numbers.tolist(), size=_BATCH, threads=_THREADS)
            for batch in batches:
                changed = [change(image, number) for image, number in zip(batch.items, batch.numbers, strict=True)]
                parts.append(self.lens.words.pictures(changed))
                stage.advance(len(changed))
        vectors: Vectors = np.concatenate(parts)
        return vectors

    def _pictures(self, sources: Sequence[str]) -> list[Image.Image]:
        files = [file for source in sources for file in _files(Path(source))]
        return [read_image(file, str(file)) for file in files]


def _compared(present: NDArray[np.float32], absent: NDArray[np.float32], controls: str) -> Competence:
    without = float(np.mean(absent, dtype=np.float64))
    gap = float(np.mean(present, dtype=np.float64)) - without
    return Competence(auroc(present, absent) if controls else None, controls, without, gap)


def _files(source: Path) -> list[Path]:
    if not source.exists():
        raise missing_path(source, "image probe")
    found = (
        [source]
        if source.is_file()
        else sorted(each for each in source.rglob("*") if each.suffix.lower() in image_extensions())
    )
    if not found:
        raise InvalidInput(f"The image probe {source} holds no pictures.")
    return found


def _as_is(image: Image.Image) -> Image.Image:
    return image
