"""How well tiny-clip tells concepts apart on pictures it never saw, by words it may never have seen.

A query's score is cos(f(image), g(query) - g("a skin lesion")), both texts normalised: the neutral sentence takes
out what all captions share.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip import create_model_and_transforms
from open_clip.model import CLIP
from PIL import Image

from indexer.datasets.lesions import CONCEPTS, World, columns
from indexer.domain.scores import auroc as scores_auroc
from indexer.foundation_models.tiny_clip import FOLDER
from indexer.foundation_models.tiny_clip.tokenizer import Tokenizer
from indexer.training.pictures import HELD_OUT_SEED, Pictures, pictures

NEUTRAL = "a skin lesion"

HELD_OUT_PROMPTS: Mapping[str, tuple[str, ...]] = {
    "asymmetric": ("the two halves are unequal", "an asymmetric mole, its halves do not match", "asymmetric outline"),
    "symmetric": ("the two halves are equal", "the shape is symmetric"),
    "irregular_border": ("the border is ragged and notched", "irregular, ragged, notched border", "jagged outline"),
    "regular_border": ("the border is smooth and even", "a mole whose edge is regular"),
    "many_colours": ("a mole of many different colours", "more than three colors in one lesion"),
    "one_colour": ("all of one uniform colour", "the mole has a single color only"),
    "light_brown": ("its colour is light brown", "light brown pigment"),
    "dark_brown": ("its colour is dark brown", "dark brown pigment"),
    "black": ("parts of the mole are black", "the colour black", "black spots of pigment"),
    "red": ("parts of the mole are red", "the colour red in the lesion"),
    "white": ("parts of the mole are white", "the color white in the lesion"),
    "blue_grey": ("parts of the mole are blue-grey", "blue-gray pigment", "a bluish grey veil"),
    "dots": ("many small round dots inside", "globules in the mole"),
    "network": ("lines that form a network", "net-like pigment lines"),
    "streaks": ("radial streaks around the border", "lines like rays at the edge"),
    "red_skin": ("the skin around the mole is red", "red irritated surrounding skin", "inflamed red surroundings"),
    "ink": ("purple surgical ink marking on skin", "the skin was marked with a pen", "violet ink lines on the skin"),
    "ruler": ("measurement scale with tick marks", "a ruler lies next to the mole", "ticks of a measuring scale"),
    "patch": ("a band-aid beside the mole", "a coloured sticker patch", "a sticker is stuck to the skin"),
    "gel_bubbles": ("immersion fluid air bubbles", "round bubbles of air in the gel", "the gel has bubbles"),
    "hair": ("hair covering the skin", "dark hairs lie across the mole", "long black hairs"),
    "vignette": ("dark corners, black circular vignette", "the corners of the photo are black", "dark round frame"),
}
"""Wordings that the caption grammar never makes."""

SHORT_QUERIES: Mapping[str, tuple[str, ...]] = {
    "asymmetric": ("asymmetric", "asymmetry"),
    "irregular_border": ("irregular border", "ragged border", "irregular"),
    "light_brown": ("light brown",),
    "dark_brown": ("dark brown",),
    "black": ("black",),
    "red": ("red",),
    "white": ("white",),
    "blue_grey": ("blue-grey", "blue-gray", "blue grey", "blue"),
    "dots": ("dots", "globules"),
    "network": ("network",),
    "streaks": ("streaks",),
    "red_skin": ("red skin", "erythema"),
    "ink": ("ink", "pen", "marker", "purple"),
    "ruler": ("ruler", "rulers", "scale"),
    "patch": ("colour patch", "color patch", "patch", "sticker", "band-aid", "plaster"),
    "gel_bubbles": ("gel bubble", "gel bubbles", "bubbles", "gel"),
    "hair": ("hair", "hairs", "hairy"),
    "vignette": ("vignette", "dark corner", "dark corners"),
}
"""What people type."""


@dataclass(frozen=True)
class Reader:
    """tiny-clip, loaded as open_clip loads a local directory."""

    model: CLIP
    preprocess: Callable[[Image.Image], torch.Tensor]
    tokenizer: Tokenizer

    @classmethod
    def load(cls, folder: Path = FOLDER) -> "Reader":
        """Read the folder's config, weights and tokenizer."""
        model, _, preprocess = create_model_and_transforms(f"local-dir:{folder}")
        return cls(model.eval(), preprocess, Tokenizer(folder / "tokenizer.json"))

    def images(self, shown: Pictures) -> NDArray[np.float32]:
        """Normalised vectors of pictures [n, dimension]."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(shown.images), 128):
                batch = [self.preprocess(Image.fromarray(each)) for each in shown.images[start : start + 128]]
                parts.append(self.model.encode_image(torch.stack(batch), normalize=True))
        vectors: NDArray[np.float32] = torch.cat(parts).numpy()
        return vectors

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Normalised vectors of texts [n, dimension]."""
        with torch.inference_mode():
            vectors: NDArray[np.float32] = self.model.encode_text(self.tokenizer(texts), normalize=True).numpy()
        return vectors

    def probes(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Normalised differences of each query from the neutral sentence [n, dimension]."""
        vectors = self.texts([NEUTRAL, *queries])
        apart = vectors[1:] - vectors[:1]
        probes: NDArray[np.float32] = apart / np.linalg.norm(apart, axis=1, keepdims=True)
        return probes


def held_out(count: int) -> Pictures:
    """Pictures that no training saw, one for each lesion."""
    return pictures(World(seed=HELD_OUT_SEED, photos=1), count)


def auroc_of_queries(
    reader: Reader, shown: Pictures, queries: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Concept -> query -> AUROC of telling the pictures with the concept from those without."""
    vectors = reader.images(shown)
    rows = [columns(lesion) for lesion in shown.lesions]
    result: dict[str, dict[str, float]] = {}
    for name, wordings in queries.items():
        concept = CONCEPTS[name]
        truth = np.array([concept.holds(float(row[concept.column])) for row in rows])
        scores = vectors @ reader.probes(wordings).T
        result[name] = {words: auroc(truth, scores[:, n]) for n, words in enumerate(wordings)}
    return result


def auroc(truth: NDArray[np.bool_], scores: NDArray[np.floating[Any]]) -> float:
    """Chance that a score where `truth` holds exceeds one where it does not; ties count half."""
    return scores_auroc(scores[truth], scores[~truth])
