"""The formulas as the papers write them: no batching, no tricks, one neuron and one sample at a time."""

import itertools
import math

import numpy as np


def top_k(activations, k):
    """[samples, neurons] → per neuron its (activation, sample) above zero, highest first, ties by sample."""
    result = []
    for neuron in range(activations.shape[1]):
        ranked = sorted(
            (-float(activations[n, neuron]), n) for n in range(len(activations)) if activations[n, neuron] > 0
        )
        result.append([(-negative, sample) for negative, sample in ranked[:k]])
    return result


def unit(vector):
    length = math.sqrt(math.fsum(float(x) ** 2 for x in vector))
    return [float(x) / length if length else 0.0 for x in vector]


def cosine(a, b):
    return math.fsum(x * y for x, y in zip(unit(a), unit(b), strict=True))


def mean(vectors):
    return [math.fsum(float(v[d]) for v in vectors) / len(vectors) for d in range(len(vectors[0]))]


def concept_vector(exemplars):
    return unit(mean([unit(each) for each in exemplars]))


def probe(text, templates, embed):
    """Mean over templates of g(T(q)) − g(T("")), one text at a time."""
    if not templates:
        return unit(embed([text])[0])
    differences = []
    for template in templates:
        filled, empty = embed([template.replace("{}", text)])[0], embed([template.replace("{}", "")])[0]
        differences.append([float(f) - float(e) for f, e in zip(filled, empty, strict=True)])
    return unit(mean(differences))


def clarity(exemplars):
    pairs = list(itertools.permutations(range(len(exemplars)), 2))
    if not pairs:
        return None
    return math.fsum(cosine(exemplars[a], exemplars[b]) for a, b in pairs) / len(pairs)


def polysemanticity(exemplars):
    """Two means by Lloyd's iterations from the most distant pair; 1 − cosine of the centres."""
    k = len(exemplars)
    if k < 2:
        return None
    rows = [[float(x) for x in each] for each in exemplars]
    similarity = {
        (a, b): math.fsum(x * y for x, y in zip(rows[a], rows[b], strict=True)) for a in range(k) for b in range(k)
    }
    lowest = min(similarity.values())
    if lowest >= 1 - 1e-6:
        return 0.0
    a, b = min(pair for pair, value in similarity.items() if value == lowest)
    centres, members = [rows[a], rows[b]], None
    while True:
        nearest = []
        for row in rows:
            distances = [math.fsum((x - c) ** 2 for x, c in zip(row, centre, strict=True)) for centre in centres]
            nearest.append(0 if distances[0] <= distances[1] else 1)
        if nearest == members:
            return 1 - cosine(*centres)
        members = nearest
        centres = [
            mean([row for row, own in zip(rows, members, strict=True) if own == c]) if c in members else centres[c]
            for c in (0, 1)
        ]


def redundancy(concepts, alive):
    result = []
    for i in range(len(concepts)):
        others = [cosine(concepts[i], concepts[j]) for j in range(len(concepts)) if j != i and alive[j]]
        result.append(max(others) if alive[i] and others else float("nan"))
    return result


def set_similarity(a, b):
    return math.fsum(max(cosine(x, y) for y in b) for x in a) / len(a)


def label(concepts, probes):
    """Per neuron: entries by alignment, highest first, the earlier entry first on ties."""
    return [sorted(range(len(probes)), key=lambda word: (-cosine(concept, probes[word]), word)) for concept in concepts]


def p_value(alignment, null):
    return (1 + sum(1 for each in null if each >= alignment)) / (1 + len(null))


def benjamini_hochberg(p):
    flat = sorted((value, n) for n, value in enumerate(p))
    adjusted, running = [0.0] * len(p), 1.0
    for rank in range(len(flat), 0, -1):
        value, n = flat[rank - 1]
        running = min(running, value * len(flat) / rank)
        adjusted[n] = running
    return adjusted


def relevance_of_linear_head(activations, weights, assigned, classes):
    """w · (a − mean a), averaged over the samples of each class: (signed, absolute) [classes, units]."""
    centre = activations.astype(np.float64).mean(axis=0)
    signed, absolute = np.zeros((classes, activations.shape[1])), np.zeros((classes, activations.shape[1]))
    for number in range(classes):
        own = activations[assigned == number].astype(np.float64)
        contributions = weights[number] * (own - centre)
        signed[number], absolute[number] = contributions.mean(axis=0), np.abs(contributions).mean(axis=0)
    return signed, absolute


def holm(p):
    """Adjusted p of a list, one at a time."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, highest = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[i]))
        adjusted[i] = highest
    return adjusted


def contrast(effects, presence, strata):
    """Mantel-Haenszel weighted mean difference over strata, image by image; None where no stratum has both."""
    cells = {}
    for effect, shown, stratum in zip(effects, presence, strata, strict=True):
        if shown == -1 or any(part < 0 for part in stratum):
            continue
        cells.setdefault(tuple(stratum), ([], []))[0 if shown == 1 else 1].append(effect)
    total, weights = 0.0, 0.0
    for having, lacking in cells.values():
        if having and lacking:
            weight = len(having) * len(lacking) / (len(having) + len(lacking))
            total += weight * (sum(having) / len(having) - sum(lacking) / len(lacking))
            weights += weight
    return total / weights if weights else None


def auroc(present, absent):
    """Share of pairs in the right order, ties half."""
    wins = sum((a > b) + 0.5 * (a == b) for a in present for b in absent)
    return wins / (len(present) * len(absent))
