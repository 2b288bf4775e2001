"""What the foundation model contributes to an audit: where the concepts lie, and how strongly each image shows them.

All of it depends on rulebook, probe set and foundation model, not on the subject: a lock stores it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.domain.embeddings import Vectors, normalise
from lens_server.audit.rulebook import Concept, Rulebook

PRESENT_SHARE, ABSENT_SHARE = 0.15, 0.50
"""Read by the foundation model, the images of the highest scores show a concept and those of the lowest do not."""


@dataclass(frozen=True)
class Competence:
    """How well the foundation model sees a concept."""

    auroc: float | None
    """Zero-shot, on control images; unset where there are none."""
    controls: str
    """What the control images are."""
    without: float
    """Mean score of images that do not show it."""
    gap: float
    """Mean score of those that do, less that."""


@dataclass(frozen=True)
class Planted:
    """Images for the positive control: all lack the overlay, some had it pasted on."""

    places: NDArray[np.int64]
    """In the probe set [k]."""
    pasted: NDArray[np.bool_]
    """[k]"""
    scores: NDArray[np.float32]
    """As the foundation model sees them now [k]."""
    note: str
    """Why there are none; empty otherwise."""

    @classmethod
    def none(cls, note: str) -> "Planted":
        """No control could be made."""
        return cls(np.empty(0, np.int64), np.empty(0, bool), np.empty(0, np.float32), note)


@dataclass(frozen=True)
class Sight:
    """Concepts, then placebos, as the foundation model sees them on one probe set."""

    names: tuple[str, ...]
    """Concept ids, then placebo prompts."""
    placebos: tuple[str, ...]
    directions: Vectors
    """[names, d]: mean over prompts and templates of g(T(prompt)) − g(null), less the same of `against`; its length is
    kept, so that words without meaning to the model stay short."""
    scores: NDArray[np.float32]
    """f(x) · direction of every image of the probe set [n, names]."""
    competence: Mapping[str, Competence]
    planted: Planted

    def units(self) -> Vectors:
        """The probes: directions of length one [names, d]."""
        return normalise(self.directions)

    def score(self, name: str) -> NDArray[np.float32]:
        """Scores of one concept [n]."""
        return self.scores[:, self.names.index(name)]


def direction(concept: Concept, rulebook: Rulebook, embedded: Mapping[str, Vectors]) -> Vectors:
    """Where a concept lies [d], from the embeddings of every sentence that `sentences` asks for."""
    towards = _displacement(concept.prompts, rulebook, embedded)
    if not concept.against:
        return towards
    return np.asarray(towards - _displacement(concept.against, rulebook, embedded), dtype=np.float32)


def sentences(rulebook: Rulebook) -> tuple[str, ...]:
    """Every sentence whose embedding the directions need, once, sorted."""
    model = rulebook.foundation_model
    words = [prompt for concept in rulebook.concepts for prompt in (*concept.prompts, *concept.against)]
    words += rulebook.controls.placebo_prompts
    filled = {template.format(each) for template in model.templates for each in words}
    return tuple(sorted(filled | set(_nulls(rulebook))))


def placebo_direction(prompt: str, rulebook: Rulebook, embedded: Mapping[str, Vectors]) -> Vectors:
    """Where a placebo's words lie [d]."""
    return _displacement((prompt,), rulebook, embedded)


def _nulls(rulebook: Rulebook) -> list[str]:
    """The empty sentence of every template, in their order."""
    model = rulebook.foundation_model
    return [model.null_prompt or template.format("") for template in model.templates]


def _displacement(prompts: Sequence[str], rulebook: Rulebook, embedded: Mapping[str, Vectors]) -> Vectors:
    pairs = zip(rulebook.foundation_model.templates, _nulls(rulebook), strict=True)
    apart = [embedded[template.format(prompt)] - embedded[null] for template, null in pairs for prompt in prompts]
    return np.asarray(np.mean(apart, axis=0, dtype=np.float64), dtype=np.float32)
