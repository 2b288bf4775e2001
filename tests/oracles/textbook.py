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


def stretched(values, length):
    """A row of values over `length` pixels, bilinearly, pixel centres at halves."""
    result = []
    for pixel in range(length):
        place = min(max((pixel + 0.5) * len(values) / length - 0.5, 0), len(values) - 1)
        left = min(int(place), max(len(values) - 2, 0))
        right = min(left + 1, len(values) - 1)
        result.append(values[left] * (1 - (place - left)) + values[right] * (place - left))
    return result


def blurred(values, width):
    """A row of values under a Gaussian of `width` taps, mirrored at its ends."""
    sigma = 0.3 * ((width - 1) * 0.5 - 1) + 0.8
    taps = [math.exp(-((tap - width // 2) ** 2) / (2 * sigma**2)) for tap in range(width)]
    result = []
    for pixel in range(len(values)):
        total = 0.0
        for tap, weight in enumerate(taps):
            at = pixel + tap - width // 2
            while not 0 <= at < len(values):
                at = -at if at < 0 else 2 * (len(values) - 1) - at
            total += weight / math.fsum(taps) * values[at]
        result.append(total)
    return result


def heated(heat, size, width):
    """Heat stretched over an input of `size` (height, width) and blurred: along the rows, then along the columns."""
    rows = [[max(float(value), 0.0) for value in row] for row in heat]
    for change in (stretched, blurred):
        parameters = size if change is stretched else (width, width)
        rows = [change(row, parameters[1]) for row in rows]
        rows = [
            list(row)
            for row in zip(*[change(list(column), parameters[0]) for column in zip(*rows, strict=True)], strict=True)
        ]
    return rows


def place(heat, size, width):
    """Edges (left, top, right, bottom) of what is hotter than a hundredth of the hottest pixel."""
    rows = heated(heat, size, width)
    limit = max(max(row) for row in rows) / 100
    hot = [(y, x) for y, row in enumerate(rows) for x, value in enumerate(row) if value > limit]
    ys, xs = [y for y, _ in hot], [x for _, x in hot]
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


def square(box, size):
    """The square around a box in a picture of `size` (width, height), pushed inside."""
    side = max(box[2] - box[0], box[3] - box[1])
    result = []
    for low, high, length in ((box[0], box[2], size[0]), (box[1], box[3], size[1])):
        own = min(side, length)
        start = (low + high) / 2 - own / 2
        start = 0 if start < 0 else min(start, length - own)
        result.append((start, start + own))
    return result[0][0], result[1][0], result[0][1], result[1][1]


def contrastive(exemplars, weights, samples, cold, gamma):
    """Σ w (x − γ s c) of one neuron, exemplar by exemplar; `cold` [exemplars][samples] says which may be contrasts."""
    total = [0.0] * len(exemplars[0])
    for x, weight, usable in zip(exemplars, weights, cold, strict=True):
        rivals = [(cosine(x, sample), sample) for sample, own in zip(samples, usable, strict=True) if own]
        s, c = max(rivals, key=lambda pair: pair[0]) if rivals else (0.0, [0.0] * len(x))
        total = [t + weight * (a - gamma * s * b) for t, a, b in zip(total, x, c, strict=True)]
    return unit(total)


def detection_area(positive, negative):
    """Of all pairs, those in which the positive is higher; ties count half."""
    wins = sum(1.0 if p > n else 0.5 if p == n else 0.0 for p in positive for n in negative)
    return wins / (len(positive) * len(negative))


def detection_error(theta, positives, negatives):
    """Standard error of an AUROC θ (Hanley and McNeil 1982), both counts less one replaced by their mean less one."""
    q1, q2 = theta / (2 - theta), 2 * theta**2 / (1 + theta)
    both = (positives + negatives) / 2 - 1
    variance = theta * (1 - theta) + both * (q1 - theta**2) + both * (q2 - theta**2)
    return math.sqrt(variance / (positives * negatives))
