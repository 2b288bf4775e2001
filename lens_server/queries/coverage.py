"""Which concepts does each layer know?"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from indexer.domain.embeddings import Vectors
from lens_server.answers import Label
from lens_server.overviews import Coverage, CoveredConcept, IndexCoverage, LayerCoverage
from lens_server.queries.label import LabelSettings, label
from lens_server.queries.sides import Side, check_sides

LEAST_ALIVE: Final = 10
"""With fewer alive neurons one of them moves a share by more than a tenth (ours)."""


def coverage(sides: Sequence[Side], vocabulary: Sequence[str], probes: Vectors, alpha: float) -> Coverage:
    """Label every alive neuron of each index as `label` does and count by layer; `probes` [entries, d].

    Raises IndexUnusable for indexes of different embedding spaces, InvalidInput for two of one name and for one
    without an alive neuron.
    """
    check_sides(sides)
    indexes = tuple(_covered(side, vocabulary, probes, alpha) for side in sides)
    total: Counter[str] = Counter()
    for each in (each for index in indexes for layer in index.layers for each in layer.concepts):
        total[each.text] += each.neurons
    order = {text: at for at, text in enumerate(vocabulary)}
    concepts = sorted(total, key=lambda text: (-total[text], order[text]))
    return Coverage(indexes, tuple(concepts), len(vocabulary) - len(concepts))


def _covered(side: Side, vocabulary: Sequence[str], probes: Vectors, alpha: float) -> IndexCoverage:
    settings = LabelSettings(alternatives=1, alpha=alpha)
    labels: defaultdict[str, list[Label]] = defaultdict(list)
    for each in label(side.index, side.significance, side.alive(), vocabulary, probes, settings):
        labels[each.neuron.layer].append(each)
    layers = tuple(_layer(name, labels[name]) for name in side.index.neurons.layers)
    return IndexCoverage(side.name, sum(each.alive for each in layers), sum(each.named for each in layers), layers)


def _layer(name: str, labels: Sequence[Label]) -> LayerCoverage:
    """A layer of which `labels` are those of the alive neurons."""
    named: defaultdict[str, list[Label]] = defaultdict(list)
    for each in labels:
        if each.text is not None:
            named[each.text].append(each)
    too_few = len(labels) < LEAST_ALIVE
    concepts = [_concept(text, found, None if too_few else len(found) / len(labels)) for text, found in named.items()]
    concepts.sort(key=lambda each: (-each.neurons, -each.alignment))
    return LayerCoverage(name, len(labels), sum(each.neurons for each in concepts), too_few, tuple(concepts))


def _concept(text: str, labels: Sequence[Label], share: float | None) -> CoveredConcept:
    best = max(labels, key=lambda each: each.alignment or 0.0)
    assert best.alignment is not None and best.p_corrected is not None  # a named neuron has both
    return CoveredConcept(text, len(labels), share, best.neuron.id, best.alignment, best.p_corrected)
