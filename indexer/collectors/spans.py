"""What text neurons do around their exemplars' places, and at places drawn at random: a second, short pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.collector import LayerExemplars
from indexer.collectors.tokens import CollectedTexts, is_held_out, shown_again
from indexer.corpora.corpus import Corpus
from indexer.domain.survey import BYTES, lots
from indexer.progress import Progress
from indexer.subjects.text_subject import TextSubject
from indexer.subjects.token_runs import TokenRuns

BEFORE, AFTER = 20, 6
"""Tokens of a span before and after the place it is around."""
SURVEY = 256
"""Places drawn from held-out passages."""

Heat = dict[tuple[str, int], list[NDArray[np.float32]]]
"""By layer and polarity, for each exemplar in the order of the index: the activation of every token in its span."""


class Spans(NamedTuple):
    """The outcome of the second pass."""

    heat: Heat
    survey: dict[str, NDArray[np.float16]]
    """By layer: [places, units, 2] the highest and the lowest activation in the span around each surveyed place."""


def span_of(token: int, length: int) -> tuple[int, int]:
    """First token of the span around a place, and the one after its last."""
    return max(0, token - BEFORE), min(length, token + AFTER + 1)


@dataclass(frozen=True)
class Excerpts:
    """The passages that exemplars, held-out examples and the survey are of."""

    subject: TextSubject
    corpus: Corpus
    tokens: Mapping[int, Sequence[int]]
    """Of each passage, as far as the subject was shown them."""
    survey: Sequence[tuple[int, int]]
    """(passage, token) drawn uniformly from held-out passages, one place in each."""

    @classmethod
    def of(cls, subject: TextSubject, corpus: Corpus, collected: CollectedTexts) -> "Excerpts":
        """Read them again; deterministic."""
        surveyed = _survey_passages(collected)
        found = [end.samples.ravel() for layer in collected.layers for _, end in layer.ends]
        found += [each.samples.ravel() for ends in collected.held_out for each in ends.values()]
        samples = np.unique(np.concatenate([*found, np.array(surveyed, dtype=np.int64)]))
        tokens = {
            sample: subject.tokenizer.encode(corpus.load(sample))[: subject.room]
            for sample in samples[samples >= 0].tolist()
        }
        places = lots(np.array(surveyed, dtype=np.int64) * 3 + 1).tolist()
        survey = [
            (sample, place % len(tokens[sample]))
            for sample, place in zip(surveyed, places, strict=True)
            if tokens[sample]
        ]
        return cls(subject, corpus, tokens, survey)


def _survey_passages(collected: CollectedTexts) -> list[int]:
    """Numbers of held-out passages that drew the lowest lots."""
    reading, units = collected.reading, sum(2 * layer.units for layer in collected.layers)
    held = [
        number
        for number, content in enumerate(reading.contents)
        if content is not None and reading.originals[number] == number and is_held_out(content)
    ]
    numbers = np.array(held, dtype=np.int64)
    size = max(16, min(SURVEY, BYTES // (2 * units)))
    chosen: list[int] = numbers[np.argsort(lots(numbers), kind="stable")[:size]].tolist()
    return chosen


def read_spans(excerpts: Excerpts, collected: CollectedTexts, device: str, progress: Progress) -> Spans:
    """Run the passages that exemplars and surveyed places are of once more."""
    runs = TokenRuns(excerpts.subject, [layer.layer for layer in collected.layers], device=device)
    wanted = {layer.layer: _Wanted(layer) for layer in collected.layers}
    at, row_of = dict(excerpts.survey), {sample: row for row, (sample, _) in enumerate(excerpts.survey)}
    survey = {layer.layer: np.zeros((len(at), layer.units, 2), np.float16) for layer in collected.layers}
    chosen = {
        sample: excerpts.tokens[sample]
        for sample in sorted({*at, *(sample for each in wanted.values() for sample in each.samples)})
    }
    with progress.stage("Reading exemplars token by token", len(chosen)) as stage:
        for shown, samples in shown_again(runs, chosen):
            for layer, tensor in shown.activations.items():
                values = tensor.cpu().numpy()
                for row, sample in enumerate(samples):
                    wanted[layer].take(sample, values[row, : shown.lengths[row]])
                    if sample in at:
                        start, stop = span_of(at[sample], shown.lengths[row])
                        part = values[row, start:stop]
                        survey[layer][row_of[sample]] = np.stack([part.max(axis=0), part.min(axis=0)], axis=-1)
            stage.advance(len(samples))
    heat = {(layer, sign): lists for layer, each in wanted.items() for sign, lists in each.heat.items()}
    return Spans(heat, survey)


class _Wanted:
    """A layer's exemplars, by the passage they are of."""

    def __init__(self, layer: LayerExemplars) -> None:
        self.heat: dict[int, list[NDArray[np.float32]]] = {}
        self._by_sample: dict[int, list[tuple[int, int, int, int]]] = {}
        for sign, end in layer.ends:
            assert end.tokens is not None
            taken = np.argwhere(np.arange(end.samples.shape[1])[None] < end.counts[:, None])
            self.heat[sign] = [np.empty(0, np.float32)] * len(taken)
            for place, (unit, rank) in enumerate(taken.tolist()):
                entry = (sign, place, unit, int(end.tokens[unit, rank]))
                self._by_sample.setdefault(int(end.samples[unit, rank]), []).append(entry)

    @property
    def samples(self) -> list[int]:
        return list(self._by_sample)

    def take(self, sample: int, values: NDArray[np.float32]) -> None:
        """Values [tokens, units] of a passage."""
        for sign, place, unit, token in self._by_sample.get(sample, ()):
            start, stop = span_of(token, len(values))
            self.heat[sign][place] = values[start:stop, unit].copy()
