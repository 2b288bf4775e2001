"""Neuron to Graph for many neurons of one layer at once: prune, mask, replace, merge, score (arXiv 2304.12918)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.domain.token_graphs import Observation, TokenGraph
from indexer.errors import InvalidInput
from indexer.graphs.augmenting import augment
from indexer.graphs.measuring import Measurer, Wanted
from indexer.graphs.observing import observed, observed_changed
from indexer.graphs.pruning import Occasion, prune
from indexer.graphs.saliency import saliency
from indexer.graphs.scoring import NO_FIRING, Scores, firing, looked_up, pearson, token_maxima
from indexer.graphs.settings import Asked, Example, GraphSettings, Made
from indexer.graphs.substitutes import OwnSubstitutes, Substitutes
from indexer.graphs.trying import Text, tried
from indexer.subjects.text_subject import TextSubject

NO_EXAMPLES = "it has no examples: it never fires, or is constant"
NO_HELD_OUT = "there are no held-out examples to score on"
NOT_AGAIN = "its examples do not fire it by themselves"
SILENT = "it fires in none of the held-out examples"
TOGETHER = 64
"""Neurons whose prompts are batched together: a graph depends on it in the last bits of its activations."""

Activations = list[NDArray[np.float32]]


class GraphMaker:
    """Makes graphs for neurons of one layer of a subject."""

    def __init__(
        self,
        subject: TextSubject,
        layer: str,
        settings: GraphSettings | None = None,
        device: str = "cpu",
        substitutes: Substitutes | None = None,
    ) -> None:
        """`substitutes` are the subject's own expectations unless given. Raises UnknownName for a layer."""
        self._subject, self._settings = subject, settings or GraphSettings()
        self._measurer = Measurer(subject, layer, device, self._settings.batch_tokens)
        self._substitutes = substitutes or OwnSubstitutes(subject, device)

    def make(self, asked: Sequence[Asked]) -> Iterator[Made]:
        """A graph for each, in their order. Raises InvalidInput for examples that make no sense, SubjectFault."""
        for each in asked:
            _check(each)
        for start in range(0, len(asked), TOGETHER):
            yield from self._make([self._taken(each) for each in asked[start : start + TOGETHER]])

    def _taken(self, asked: Asked) -> Asked:
        most = self._settings.examples
        return Asked(asked.row, asked.unit, asked.sign, asked.highest, asked.build[:most], asked.held_out[:most])

    def _make(self, asked: list[Asked]) -> Iterator[Made]:
        build = self._whole(asked, [each.build for each in asked])
        held_out = self._whole(asked, [each.held_out for each in asked])
        graphs = self._graphs(asked, build)
        for each, graph, built, true in zip(asked, graphs, build, held_out, strict=True):
            yield _scored(each, graph, built, true)

    def _whole(self, asked: Sequence[Asked], examples: Sequence[Sequence[Example]]) -> list[Activations]:
        """Activations on whole passages, of each neuron."""
        wanted = [
            Wanted(example.tokens, each.unit, each.sign)
            for each, some in zip(asked, examples, strict=True)
            for example in some
        ]
        found = iter(self._measurer.measure(wanted))
        return [[next(found) for _ in some] for some in examples]

    def _graphs(self, asked: Sequence[Asked], build: Sequence[Activations]) -> list[TokenGraph]:
        settings, pieces = self._settings, self._subject.tokenizer.pieces
        occasions = [
            occasion
            for number, (each, activations) in enumerate(zip(asked, build, strict=True))
            for example, values in zip(each.build, activations, strict=True)
            for occasion in self._occasions(number, example, values, each.highest)
        ]
        pruned = prune(self._measurer, asked, occasions, pieces, settings)
        salients = saliency(self._subject, self._measurer, asked, pruned, settings)
        changed = augment(self._measurer, self._substitutes, asked, salients, settings)
        observations: list[list[Observation]] = [[] for _ in asked]
        for salient in salients:
            observations[salient.pruned.asked] += observed(salient, settings)
        for each in changed:
            observations[each.salient.pruned.asked] += observed_changed(each, settings)
        special = self._subject.tokenizer.special
        graphs = [TokenGraph.of(each for each in some if each.tokens[0] not in special) for some in observations]
        return [
            tried(graph, _shares(each, each.build, activations), settings.least, settings.fires)
            for graph, each, activations in zip(graphs, asked, build, strict=True)
        ]

    def _occasions(
        self, number: int, example: Example, values: NDArray[np.float32], highest: float
    ) -> Iterator[Occasion]:
        """The strongest firing tokens of a passage, the example's own pivot first."""
        firing = [int(place) for place in np.flatnonzero(values > self._settings.fires * highest)]
        ordered = sorted(firing, key=lambda place: (place != example.pivot, -float(values[place]), place))
        for place in ordered[: self._settings.pivots]:
            strongest = bool(values[place] == values.max())
            yield Occasion(number, Example(example.tokens, place), float(values[place]), strongest)


def _shares(asked: Asked, examples: Sequence[Example], activations: Activations) -> list[Text]:
    """Tokens of passages and their activations as shares of the highest."""
    scaled = [values / np.float32(asked.highest) for values in activations]
    return [(each.tokens, values) for each, values in zip(examples, scaled, strict=True)]


def _scored(asked: Asked, graph: TokenGraph, build: Activations, held_out: Activations) -> Made:
    """Scores over all tokens of the held-out passages together; a failure scores 0, the baseline is as it is."""
    examples = len(asked.held_out)
    if not asked.build or not examples:
        nothing = Scores(NO_FIRING, 0.0, 0.0, 0.0, examples)
        return Made(asked.row, graph, nothing, NO_HELD_OUT if asked.build else NO_EXAMPLES)
    maxima, unseen = token_maxima(_shares(asked, asked.build, build)), _shares(asked, asked.held_out, held_out)
    true = np.concatenate([activations for _, activations in unseen])
    predicted = np.concatenate([graph.predict(tokens) for tokens, _ in unseen])
    expected = np.concatenate([looked_up(maxima, tokens) for tokens, _ in unseen])
    found, base = firing(predicted, true), firing(expected, true)
    failed = NOT_AGAIN if not graph.paths else "" if (true >= 0.5).any() else SILENT
    if failed:
        return Made(asked.row, graph, Scores(NO_FIRING, 0.0, base.f1, pearson(expected, true), examples), failed)
    scores = Scores(found, pearson(predicted, true), base.f1, pearson(expected, true), examples)
    return Made(asked.row, graph, scores, "")


def _check(asked: Asked) -> None:
    if asked.build and not (np.isfinite(asked.highest) and asked.highest > 0):
        raise InvalidInput(f"Neuron {asked.unit} has no highest activation, but examples.", hint="Give the index's.")
    for example in (*asked.build, *asked.held_out):
        if not 0 <= example.pivot < len(example.tokens):
            raise InvalidInput(f"An example of neuron {asked.unit} has no token {example.pivot}.")
