"""Words asked of an index in the ways in which alignments have been seen to be mixed up, and the formula in float64."""

import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.cases import NETS, Case, draw_pictures, lens_index
from indexer.catalogue import FOUNDATION_MODELS
from indexer.index.reader import Index
from lens_server.lens import Lens

_WORDS = ("a ruler", "blue ink", "hair", "a colour patch", "a dark corner", "gel", "a red lesion", "skin")


class Question(NamedTuple):
    """Words, templates, and the subject whose neurons are asked."""

    says: str
    subject: str
    words: tuple[str, ...]
    templates: tuple[str, ...] = ()

    def built(self, folder: Path) -> tuple[Path, NDArray[np.float32]]:
        """An index of the subject, and the concept vectors [neurons, d] of its living neurons."""
        pictures = draw_pictures(folder / "pictures", "plain")
        index = lens_index(Case(f"asked-{self.subject}", "", f"{NETS}:{self.subject}"), pictures, folder)
        return index, np.asarray(Index.open(index).concept_vectors)


QUESTIONS = (
    Question("one query, one template", "always_on", _WORDS[:1], ("a photo of {}",)),
    Question("three queries, two templates", "always_on", _WORDS[:3], ("a photo of {}", "{} on skin")),
    Question("as many neurons as the foundation model has dimensions", "as_wide_as_tiny_clip", _WORDS[:3]),
    Question("as many queries as neurons", "eight", _WORDS),
)


def truth(question: Question, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """[queries, neurons]: cosine of each concept vector and mean over T of g(T(q)) − g(T("")), in float64."""
    model = FOUNDATION_MODELS.load("tiny-clip")

    def embedded(text: str) -> NDArray[np.float64]:
        return np.float64(model.embed_texts([text])[0])

    rows = []
    for word in question.words:
        differences = [
            embedded(each.replace("{}", word)) - embedded(each.replace("{}", "")) for each in question.templates
        ]
        rows.append(np.mean(differences, axis=0) if differences else embedded(word))
    probes = np.stack([row / np.linalg.norm(row) for row in rows])
    concepts = vectors.astype(np.float64)
    return probes @ (concepts / np.linalg.norm(concepts, axis=1, keepdims=True)).T


def alignments_by_lens(question: Question, index: Path) -> NDArray[np.float64]:
    """[queries, neurons], all words asked at once; NaN for a neuron that is not among the hits."""
    lens, neurons = Lens.open(index), len(Index.open(index).neurons)
    answers = lens.search(list(question.words), limit=neurons, templates=question.templates, exact=True)
    found = np.full((len(answers), neurons), np.nan)
    for row, answer in enumerate(answers):
        for hit in answer.hits:
            found[row, hit.neuron.unit] = hit.alignment
    return found


def asked_of_peer(question: Question, vectors: NDArray[np.float32], folder: Path) -> list[str]:
    """The command that prints the peer's alignments."""
    np.save(folder / "vectors.npy", vectors)
    asked = {"vectors": str(folder / "vectors.npy"), "words": question.words, "templates": question.templates}
    (folder / "probes.json").write_text(json.dumps([asked]), encoding="utf-8")
    return [sys.executable, "-m", "benchmarks.peers.choosing", "--probes", str(folder / "probes.json")]
