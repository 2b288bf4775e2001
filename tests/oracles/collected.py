"""What graphs are made from, straight from a subject and a corpus: no embedding, no index."""

from indexer.collectors.spans import Excerpts
from indexer.collectors.tokens import TokenCollector, TokenSettings, widths
from indexer.graphs.settings import Asked, Example
from indexer.progress import Silent


def asked_of(subject, corpus, layers, folder, examples=10):
    """By layer, every neuron with its strongest passages of one half and of the other."""
    settings = TokenSettings(widths(subject, layers), examples)
    collected = TokenCollector(settings, folder).collect(subject, corpus, Silent())
    tokens = {number: tuple(ids) for number, ids in Excerpts.of(subject, corpus, collected).tokens.items()}
    found = {}
    for layer, held in zip(collected.layers, collected.held_out, strict=True):
        (_, learnt), unseen = layer.ends[0], held[1]
        found[layer.layer] = []
        for unit in range(layer.units):
            build, strongest = _examples(learnt, unit, tokens)
            held_out, other = _examples(unseen, unit, tokens)
            found[layer.layer].append(Asked(unit, unit, 1, max(strongest, other), build, held_out))
    return found


def _examples(ranked, unit, tokens):
    count = int(ranked.counts[unit])
    places = zip(ranked.samples[unit, :count].tolist(), ranked.tokens[unit, :count].tolist(), strict=True)
    strongest = float(ranked.activations[unit, 0]) if count else 0.0
    return tuple(Example(tokens[sample], token) for sample, token in places), strongest
