"""A text never asked before through `Lens.search`, against its bare text tower."""

import tempfile
from itertools import permutations
from pathlib import Path
from typing import Any

import torch

from benchmarks.measuring import interleaved
from benchmarks.real_data import real_data
from benchmarks.reporting import Report
from benchmarks.synthetic import synthesise
from indexer.catalogue import FOUNDATION_MODELS
from indexer.errors import LensError
from indexer.foundation_models.text_towers import encode_texts, needed_lengths
from lens_server.lens import Lens
from lens_server.words import DEFAULT_TEMPLATES

BAR, NEURONS = 1.3, 10_000
FOUNDATION = "open_clip:ViT-B-32/random"
_WORDS = ("red", "striped", "round", "small", "wooden", "dark", "irregular", "old", "dog", "ruler", "wheel", "leaf")


def measure(report: Report) -> None:
    """The bar with a real CLIP's architecture; small towers for information."""
    photographs = real_data()
    small = ["tiny-clip"] + ([f"open_clip:local-dir:{photographs / 'local_clip'}"] if photographs else [])
    for name in small if report.quick else [FOUNDATION, *small]:
        shown = name.replace(str(photographs), "LENS_DATA")
        try:
            _compare(report, name, shown)
        except LensError as fault:
            report.note(f"{shown} was not measured: {fault.message}")
    report.note(
        f"{torch.get_num_threads()} thread of torch, {NEURONS:,} neurons, texts of three words, never repeated, "
        "template `{}`. Theirs: the tower alone on ready tokens, cut to the text's length. Ours adds tokenising, the "
        f"template, search and significance. Default templates: {DEFAULT_TEMPLATES!r}; each more costs a text more."
    )


def _compare(report: Report, name: str, shown: str) -> None:
    model: Any = FOUNDATION_MODELS.load(name)
    with tempfile.TemporaryDirectory() as temporary:
        lens = Lens.open(synthesise(Path(temporary) / "index", NEURONS, model.space))
        turn = _Turn(model)

        def ours() -> object:
            return lens.search(turn.text, templates=("{}",), exact=True)

        def theirs() -> object:
            with torch.inference_mode():
                return encode_texts(model.module, turn.tokens)

        paired = interleaved(ours, theirs, 20 if report.quick else 201, warm=10, before=turn.next)
    bar = name == FOUNDATION
    report.row(
        shown, paired.said(), f"≤ {BAR}" if bar else "–", paired.median <= BAR if bar else None, **paired.details()
    )


class _Turn:
    """A text never asked before, and its tokens cut to their length."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - open_clip's
        self._model = model
        self._texts = (" ".join(chosen) for chosen in permutations(_WORDS, 3))
        self.next()

    def next(self) -> None:
        """Move on."""
        self.text = next(self._texts)
        tokens = self._model.tokenizer([self.text])
        self.tokens = tokens[:, : int(needed_lengths(self._model.module, tokens).max())]
