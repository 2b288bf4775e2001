"""From words and pictures to probes: the foundation model of an index, loaded when first asked, its answers kept."""

import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image

from indexer.catalogue import FOUNDATION_MODELS
from indexer.domain.embeddings import Vectors, check_templates, concept_vector, empty_templates, text_probes
from indexer.errors import InvalidInput, Untrustworthy
from indexer.foundation_models.foundation_model import FoundationModel
from indexer.index.manifest import SpaceOrigin

DEFAULT_TEMPLATES = ("{}",)
LONGEST_TEXT = 2000
_REMEMBERED = 8192


class Words:
    """Probes in one embedding space. Thread-safe."""

    def __init__(self, space: SpaceOrigin, *, trust_pickle: bool = False) -> None:
        self._space = space
        self._trust_pickle = trust_pickle
        self._lock = threading.Lock()
        """Guards what is remembered; held for moments only."""
        self._embedding = threading.Lock()
        """Guards the model: two texts at once on the same cores are slower than one after the other."""
        self._probes: OrderedDict[tuple[tuple[str, ...], tuple[str, ...]], Vectors] = OrderedDict()
        self._held = 0
        self._empty: dict[tuple[str, ...], Vectors] = {}

    def texts(self, texts: Sequence[str], templates: Sequence[str] | None = None) -> Vectors:
        """Probes [texts, d], each embedded by itself; what was asked before is not embedded again."""
        chosen = DEFAULT_TEMPLATES if templates is None else tuple(templates)
        check_templates(chosen)
        return np.concatenate([self._probes_of((checked_text(text),), chosen) for text in texts])

    def vocabulary(self, entries: Sequence[str], templates: Sequence[str] | None = None) -> Vectors:
        """Probes [entries, d] of a list that belongs together, embedded in one go."""
        chosen = DEFAULT_TEMPLATES if templates is None else tuple(templates)
        check_templates(chosen)
        return self._probes_of(tuple(checked_text(entry) for entry in entries), chosen)

    def images(self, images: Sequence[bytes]) -> Vectors:
        """One probe [d] of encoded images: the normalised mean of their embeddings."""
        pictures = [_decoded(image) for image in images]
        with self._embedding:
            return concept_vector(self._model().embed_images(pictures))

    def plain(self, texts: Sequence[str]) -> Vectors:
        """Embeddings [texts, d] of texts as they are, each by itself."""
        with self._embedding:
            model = self._model()
            return np.concatenate([model.embed_texts([text]) for text in texts])

    def pictures(self, images: Sequence[Image.Image]) -> Vectors:
        """Embeddings [images, d] of decoded images."""
        with self._embedding:
            return self._model().embed_images(images)

    def _probes_of(self, texts: tuple[str, ...], templates: tuple[str, ...]) -> Vectors:
        # Texts embedded in other company differ in the last bits, so what is remembered is the company as a whole.
        with self._lock:
            if (texts, templates) in self._probes:
                self._probes.move_to_end((texts, templates))
                return self._probes[texts, templates]
        with self._embedding:
            fresh = self._embed(list(texts), templates)
        with self._lock:
            self._held += 0 if (texts, templates) in self._probes else len(texts)
            self._probes[texts, templates] = fresh
            while self._held > _REMEMBERED and len(self._probes) > 1:
                self._held -= len(self._probes.popitem(last=False)[1])
        return fresh

    def _embed(self, texts: list[str], templates: tuple[str, ...]) -> Vectors:
        model = self._model()
        if templates and templates not in self._empty:
            self._empty[templates] = empty_templates(templates, model.embed_texts)
        return text_probes(texts, templates, model.embed_texts, self._empty.get(templates))

    def _model(self) -> FoundationModel:
        model = _loaded(self._space.name, self._trust_pickle)
        if model.space.digest != self._space.digest:
            raise Untrustworthy(
                f"The index was embedded with another {self._space.name} than the one found here "
                f"(digests {self._space.digest[:12]} "
                f"and {model.space.digest[:12]}): its words would mean something else.",
                hint="Restore the weights, or build the index again.",
            )
        return model


def checked_text(text: str) -> str:
    """The text without surrounding blanks; raises InvalidInput for an empty or a huge one."""
    stripped = text.strip()
    if not stripped:
        raise InvalidInput("The query is empty.", hint="Ask for something, e.g. 'ruler'.")
    if len(stripped) > LONGEST_TEXT:
        raise InvalidInput(
            f"The query has {len(stripped):,} characters; at most {LONGEST_TEXT:,} are taken.",
            hint="A few words work best.",
        )
    return stripped


@cache
def _loaded(name: str, trust_pickle: bool) -> FoundationModel:  # noqa: FBT001 - a cache's key
    model: FoundationModel = FOUNDATION_MODELS.load(name, trust_pickle=trust_pickle)
    return model


def _decoded(image: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(image)).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as fault:
        raise InvalidInput(
            "The query image cannot be read.", hint="Give a whole PNG or JPEG of ordinary size."
        ) from fault
