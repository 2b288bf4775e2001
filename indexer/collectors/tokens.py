"""The exemplars of every text neuron, token by token: one streaming pass, exact, resumable."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.checkpoint import write_arrays
from indexer.collectors.collector import LayerExemplars
from indexer.collectors.token_statistics import MOST_PASSAGES, PLACES, Ranked, Seen, TokenStatistics
from indexer.corpora.corpus import Corpus
from indexer.datasets.batches import Reading
from indexer.errors import DatasetFault, SubjectFault
from indexer.progress import Progress
from indexer.subjects.text_subject import TextSubject
from indexer.subjects.token_runs import BATCH_TOKENS, Shown, TokenRuns

if TYPE_CHECKING:
    import torch

_CHECKPOINT_SECONDS = 30.0
_STATE = "tokens.npz"
_PASSAGES = 64
"""Read at a time; a resumed pass forms the same batches."""
_BATCH_BYTES = 128 << 20
"""Of activations of all layers in one batch."""


@dataclass(frozen=True)
class TokenSettings:
    """How to collect."""

    layers: Mapping[str, int]
    """Layer → its neurons."""
    exemplars: int = 30
    both: bool = False
    """Both ends of every neuron, not the positive one alone."""
    device: str = "cpu"
    strict: bool = False


@dataclass(frozen=True)
class CollectedTexts:
    """The outcome of one pass over the corpus."""

    layers: tuple[LayerExemplars, ...]
    held_out: tuple[dict[int, Ranked], ...]
    """Of each layer, by polarity."""
    reading: Reading
    seen: int
    """Tokens shown."""
    cut: int
    """Passages that did not fit the subject's context; their rest was not shown."""
    predictions: None = None
    """Passages have no class."""


class TokenCollector:
    """Shows every distinct passage to the subject once and keeps each neuron's strongest places."""

    def __init__(self, settings: TokenSettings, staging: Path) -> None:
        self._settings = settings
        self._path = staging / _STATE

    def collect(self, subject: TextSubject, corpus: Corpus, progress: Progress) -> CollectedTexts:
        """Run the pass, or what is left of it. Raises DatasetFault where nothing can be read, SubjectFault."""
        _check_size(subject, corpus)
        statistics, reading, cut = self._load()
        runs = TokenRuns(
            subject,
            list(self._settings.layers),
            device=self._settings.device,
            batch_tokens=batch_tokens(self._settings),
        )
        done, total, saved = len(reading.contents), len(corpus.keys), time.monotonic()
        with progress.stage("Showing passages to the subject", total, done) as stage:
            for start in range(done, total, _PASSAGES):
                numbers = range(start, min(start + _PASSAGES, total))
                fresh = self._read(subject, corpus, numbers, reading)
                cut += sum(len(ids) > subject.room for ids in fresh.values())
                self._show(runs, {number: ids[: subject.room] for number, ids in fresh.items()}, statistics, reading)
                stage.advance(len(numbers))
                if time.monotonic() - saved > _CHECKPOINT_SECONDS:
                    self._save(statistics, reading, cut)
                    saved = time.monotonic()
        self._save(statistics, reading, cut)
        if not statistics[next(iter(self._settings.layers))].tokens:
            why = next(iter(reading.faults.values()), "no passage has a token")
            raise DatasetFault(f"None of the {total} passages could be read: {why}")
        found = [statistics[layer].result() for layer in self._settings.layers]
        seen = statistics[next(iter(self._settings.layers))].tokens
        return CollectedTexts(tuple(layer for layer, _ in found), tuple(held for _, held in found), reading, seen, cut)

    def _read(
        self, subject: TextSubject, corpus: Corpus, numbers: Sequence[int], reading: Reading
    ) -> dict[int, list[int]]:
        """Tokens of the passages that can be read and were not seen before."""
        fresh = {}
        for number in numbers:
            try:
                text = corpus.load(number)
            except DatasetFault as fault:
                if self._settings.strict:
                    raise
                reading.faults[number] = fault.message
                reading.take(None)
                continue
            if reading.take(content_of(text)):
                ids = subject.tokenizer.encode(text)
                if ids:
                    fresh[number] = ids
        return fresh

    def _show(
        self,
        runs: TokenRuns,
        passages: dict[int, list[int]],
        statistics: dict[str, TokenStatistics],
        reading: Reading,
    ) -> None:
        names = list(passages)
        if not names:
            return
        for shown in runs.run([passages[number] for number in names]):
            samples = np.array([names[number] for number in shown.prompts], dtype=np.int64)
            held = np.array([is_held_out(reading.contents[number] or "") for number in samples])
            for layer, tensor in shown.activations.items():
                if tensor.shape[2] != self._settings.layers[layer]:
                    raise SubjectFault(f"Layer {layer!r} does not always give {self._settings.layers[layer]} neurons.")
                seen = seen_of(tensor, shown.lengths, both=self._settings.both)
                if not (np.isfinite(seen.high).all() and np.isfinite(seen.low).all()):
                    raise SubjectFault(
                        f"Layer {layer!r} gives activations that are not finite.", hint="Check the weights."
                    )
                statistics[layer].add(seen, samples, held, sum(shown.lengths))

    def _save(self, statistics: dict[str, TokenStatistics], reading: Reading, cut: int) -> None:
        record = json.dumps({**reading.record(), "cut": cut}).encode()
        arrays = {
            f"{layer}\n{name}": array for layer, each in statistics.items() for name, array in each.state().items()
        }
        write_arrays(self._path, {"reading": np.frombuffer(record, dtype=np.uint8), **arrays})

    def _load(self) -> tuple[dict[str, TokenStatistics], Reading, int]:
        settings = self._settings
        if not self._path.exists():
            fresh = {
                layer: TokenStatistics(layer, units, settings.exemplars, both=settings.both)
                for layer, units in settings.layers.items()
            }
            return fresh, Reading(), 0
        with np.load(self._path) as stored:
            record = json.loads(stored["reading"].tobytes())
            states: dict[str, dict[str, NDArray[np.generic]]] = {layer: {} for layer in settings.layers}
            for key in stored.files:
                layer, _, name = key.partition("\n")
                if name:
                    states[layer][name] = stored[key]
        restored = {
            layer: TokenStatistics.restored(layer, settings.exemplars, state, both=settings.both)
            for layer, state in states.items()
        }
        return restored, Reading.restored(record), int(record["cut"])


def widths(subject: TextSubject, layers: Sequence[str]) -> dict[str, int]:
    """Neurons of each layer, seen by showing it a token."""
    token = next(number for number, piece in enumerate(subject.tokenizer.pieces) if piece)
    shown = next(iter(TokenRuns(subject, layers).run([[token]])))
    return {layer: tensor.shape[2] for layer, tensor in shown.activations.items()}


def batch_tokens(settings: TokenSettings) -> int:
    """Tokens of a batch: as many as memory allows for all layers together."""
    return int(np.clip(_BATCH_BYTES // (4 * sum(settings.layers.values())), 128, BATCH_TOKENS))


def content_of(text: str) -> str:
    """Digest of a passage."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def is_held_out(content: str) -> bool:
    """Whether a passage of this digest is one of the half that nothing is learnt from."""
    return int(content[-1], 16) % 2 == 1


def seen_of(tensor: "torch.Tensor", lengths: Sequence[int], *, both: bool) -> Seen:
    """What is kept of activations [passages, tokens, units], of which so many tokens count in each passage."""
    import torch

    places = torch.arange(tensor.shape[1], device=tensor.device)
    beyond = (places[None] >= torch.tensor(lengths, device=tensor.device)[:, None])[:, :, None]
    padded = min(lengths) < tensor.shape[1]
    upper = tensor.masked_fill(beyond, -torch.inf) if padded else tensor
    lower = tensor.masked_fill(beyond, torch.inf) if padded else tensor
    high, high_at = _first(upper, upper.argmax(dim=1))
    low, low_at = _first(lower, lower.argmin(dim=1)) if both else (lower.amin(dim=1), high_at)
    # As products with a vector of ones and zeros: sums over the first axes of a tensor are several times slower.
    weights, flat = (~beyond).float().flatten(), tensor.flatten(0, 1)
    positive = weights @ (flat > 0).float()
    negative = weights @ (flat < 0).float() if both else torch.zeros_like(positive)
    sums = (positive.long(), negative.long(), (weights @ flat).double())
    return Seen(*(each.cpu().numpy() for each in (high, high_at, low, low_at, *sums)))


def _first(values: "torch.Tensor", at: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
    """Not max with indices: of equal activations the first counts, which argmax alone promises."""
    return values.gather(1, at[:, None])[:, 0], at


def shown_again(runs: TokenRuns, passages: Mapping[int, Sequence[int]]) -> "Iterator[tuple[Shown, list[int]]]":
    """Passages through the subject once more, with the numbers of those in each batch."""
    names = list(passages)
    for start in range(0, len(names), _PASSAGES):
        some = names[start : start + _PASSAGES]
        for shown in runs.run([passages[number] for number in some]):
            yield shown, [some[number] for number in shown.prompts]


def _check_size(subject: TextSubject, corpus: Corpus) -> None:
    if len(corpus.keys) > MOST_PASSAGES:
        raise DatasetFault(
            f"The corpus has {len(corpus.keys):,} passages; at most {MOST_PASSAGES:,} fit an index.",
            hint="Take longer passages (passage=CHARACTERS), or a part of the corpus.",
        )
    if subject.room > PLACES:
        raise SubjectFault(f"{subject.name} takes {subject.room} tokens at a time; at most {PLACES} are supported.")
