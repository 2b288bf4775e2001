"""The exemplars that the peer finds in every case, and how it answers several words. A program, see the package."""

import argparse
import json
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from semanticlens.component_visualization import ActivationComponentVisualizer
from semanticlens.foundation_models.base import AbstractVLM
from semanticlens.lens import text_probing

from benchmarks.peers.cases import CASES, NETS, OVERFLOW, REAL, Case, Chosen, factory, importable
from indexer.catalogue import FOUNDATION_MODELS
from indexer.datasets.images import read_image


class Pictures(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """The files of a folder in the order of their names."""

    def __init__(self, folder: Path, prepare: Any) -> None:  # noqa: ANN401 - of any subject
        self.name = "pictures"
        self._files = sorted(folder.iterdir())
        self._prepare = prepare

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        return self._prepare(read_image(self._files[number], self._files[number].name)), 0


class TinyClip(AbstractVLM):
    """The foundation model of Lens's embedded world, as the peer asks for one; texts stand for their tokens."""

    def __init__(self) -> None:
        self._model = FOUNDATION_MODELS.load("tiny-clip")
        self.device = torch.device("cpu")  # type: ignore[misc,assignment]

    device = torch.device("cpu")  # type: ignore[assignment]

    def to(self, device: object) -> "TinyClip":
        """It stays where it is."""
        return self

    def preprocess(self, img: Image.Image) -> torch.Tensor:
        """Not asked for here."""
        raise NotImplementedError

    def encode_image(self, *images: object) -> torch.Tensor:
        """Not asked for here."""
        raise NotImplementedError

    def tokenize(self, txt: list[str]) -> "_Texts":
        """The texts themselves."""
        return _Texts(txt)

    def encode_text(self, texts: "_Texts") -> torch.Tensor:
        """[texts, d], unit rows."""
        return torch.from_numpy(self._model.embed_texts(texts.texts))


class _Texts:
    def __init__(self, texts: list[str]) -> None:
        self.texts = list(texts)

    def to(self, device: object) -> "_Texts":
        return self


def exemplars(case: Case, pictures: Path) -> Chosen:
    """Collect them as the peer's documentation says, after what is done before."""
    with tempfile.TemporaryDirectory() as cache:
        if case.before == "cached":
            _visualizer(case._replace(factory=f"{NETS}:plain", also=""), pictures.with_name("plain"), cache).run()
        visualizer = _visualizer(case, pictures, cache if case.before == "cached" else None)
        visualizer.run(case.batch)
        if case.before == "again":  # as computing the concepts does
            visualizer.run(case.batch)
        if case.also:
            visualizer = _visualizer(case._replace(also=""), pictures, cache)
            visualizer.run(case.batch)
        return visualizer.get_max_reference(case.layer).tolist()  # type: ignore[no-any-return]


def _visualizer(case: Case, pictures: Path, cache: str | None) -> ActivationComponentVisualizer:
    module, prepare = factory(case.factory)
    samples, layers = Pictures(pictures, prepare), [each for each in (case.layer, case.also) if each]
    return ActivationComponentVisualizer(module, samples, samples, layers, case.exemplars, cache_dir=cache)


def main() -> None:
    """Print each case's exemplars, or the alignments asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=Path, help="folder with a folder of every kind of pictures")
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--probes", type=Path, help="JSON: vectors (a file), words, templates, of several questions")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    if asked.probes:
        print(json.dumps({"alignments": [_aligned(**each) for each in json.loads(asked.probes.read_text())]}))
        return
    importable(asked.data)
    found = {case.name: exemplars(case, asked.pictures / case.pictures) for case in (*CASES, OVERFLOW)}
    if asked.photographs:
        found.update({case.name: exemplars(case, asked.photographs) for case in REAL})
    print(json.dumps(found))


def _aligned(vectors: str, words: list[str], templates: list[str]) -> list[list[float]]:
    concepts = torch.from_numpy(np.load(vectors))
    return text_probing(TinyClip(), words, concepts, templates or None).tolist()  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()
