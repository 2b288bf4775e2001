"""Vectors of one embedding space: concept vectors and probes (METHODS 1)."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.errors import InvalidInput

Vectors = NDArray[np.float32]
EmbedTexts = Callable[[Sequence[str]], Vectors]


def normalise(vectors: Vectors) -> Vectors:
    """Rows [.., d] at length one, float32; a zero row stays zero."""
    lengths = np.sqrt(np.einsum("...d,...d->...", vectors, vectors, dtype=np.float64))[..., None]
    unit: Vectors = np.divide(vectors, lengths, out=np.zeros(vectors.shape), where=lengths > 0).astype(np.float32)
    return unit


def concept_vector(exemplars: Vectors) -> Vectors:
    """ϑ = normalise(mean of the normalised exemplar embeddings [k, d]) → [d]; zeros without any (SemanticLens)."""
    vector: Vectors = concept_vectors(exemplars[None], np.array([len(exemplars)]))[0]
    return vector


def concept_vectors(sets: Vectors, counts: NDArray[np.int64]) -> Vectors:
    """Concept vectors of sets of exemplar embeddings [n, k, d], zero beyond the count of each → [n, d]."""
    sums = normalise(sets).sum(axis=1, dtype=np.float64)
    return normalise(sums / np.maximum(counts, 1)[:, None])


def check_templates(templates: Sequence[str]) -> None:
    """Raise InvalidInput for a template that has no single `{}`."""
    for template in templates:
        if template.count("{}") != 1:
            raise InvalidInput(
                f"The template {template!r} must hold {{}} exactly once.", hint="For example 'an image of a {}'."
            )


def text_probes(
    texts: Sequence[str], templates: Sequence[str], embed: EmbedTexts, empty: Vectors | None = None
) -> Vectors:
    """t(q) = normalise(mean over T of [g(T(q)) − g(T(""))]) for each q → [texts, d]; without templates g(q).

    `empty` [templates, d] are the embeddings of the templates with nothing filled in, computed here when absent.
    """
    if not templates:
        return normalise(embed(list(texts)))
    check_templates(templates)
    if empty is None:
        empty = empty_templates(templates, embed)
    filled = embed([template.format(text) for text in texts for template in templates])
    per_query = filled.reshape(len(texts), len(templates), -1)
    return normalise((per_query - empty[None]).mean(axis=1, dtype=np.float64))


def empty_templates(templates: Sequence[str], embed: EmbedTexts) -> Vectors:
    """g(T("")) for every template → [templates, d]."""
    return embed([template.format("") for template in templates])
