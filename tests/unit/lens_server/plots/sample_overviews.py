"""Answers to draw, made up: any number of indexes, layers, concepts, checkpoints, neurons."""

import numpy as np

from lens_server.answers import IndexSummary, LayerSummary, Neuron, State
from lens_server.changes import ConceptStrength, Trend
from lens_server.overviews import (
    Checkpoint,
    ConceptCourse,
    ConceptMap,
    ConceptPoint,
    Coverage,
    CoveredConcept,
    IndexCoverage,
    LayerCoverage,
    LayerHealth,
    MapPoint,
    Series,
    SeriesStep,
)

CONCEPTS = ("a ruler", "$x^2$ & <b>", "colour patch", "hair", "ink", "white", "black", "many colours", "dots", "red")


def coverage(*, indexes=2, layers=3, concepts=CONCEPTS, few=1):
    """The layer numbered `few` has too few alive neurons."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(indexes):
        own = []
        for at in range(layers):
            shares = [None if at == few else float(rng.random() ** 3) for _ in concepts]
            known = tuple(
                CoveredConcept(text, 3, share, f"layer{at}/1", 0.3, 0.01)
                for text, share in zip(concepts, shares, strict=True)
                if rng.random() < 0.7
            )
            own.append(LayerCoverage(f"layer{at}", 4 if at == few else 96, len(known) * 3, at == few, known))
        made.append(IndexCoverage(f"model-{number}", 196, 60, tuple(own)))
    return Coverage(tuple(made), tuple(concepts), 7)


def series(*, checkpoints=4, concepts=CONCEPTS, layers=2):
    """Shares that wander; the last layer is never alive."""
    rng = np.random.default_rng(6)
    names = [f"step-{at * 100:04d}" for at in range(checkpoints)]
    dead = LayerHealth(f"layer{layers - 1}", 96, 0, 0.0, None)
    shown = tuple(
        Checkpoint(
            name,
            96,
            50,
            (
                *(
                    LayerHealth(f"layer{n}", 96, 60, float(rng.random()), float(rng.random()))
                    for n in range(layers - 1)
                ),
                dead,
            ),
        )
        for name in names
    )
    courses = []
    for text in concepts:
        shares = np.clip(rng.random() * 0.3 + np.cumsum(rng.normal(size=checkpoints)) * 0.03, 0, 1)
        points = tuple(
            ConceptPoint(ConceptStrength(3, float(share), "layer0/1", 0.3, 4.0), Trend.SAME, 0.6) for share in shares
        )
        courses.append(ConceptCourse(text, names[0], names[-1] if rng.random() < 0.5 else None, points))
    steps = tuple(SeriesStep(a, b, 0.9, 0.87) for a, b in zip(names, names[1:], strict=False))
    return Series(shown, steps, tuple(courses), 5)


def concept_map(*, indexes=2, neurons=200, layers=3, alive=None, concepts=CONCEPTS):
    """Clusters, one a concept; every fifth neuron has no name."""
    rng = np.random.default_rng(7)
    centres = rng.uniform(-0.9, 0.9, (len(concepts), 2))
    points = []
    for at in range(neurons):
        concept = int(rng.integers(len(concepts)))
        x, y = np.clip(centres[concept] + rng.normal(size=2) * 0.07, -1, 1)
        found = neuron(f"layer{rng.integers(layers)}", at, 0.3)
        named = at % 5 > 0
        index = f"model-{at * indexes // neurons}"
        label = (concepts[concept], 0.3) if named else (None, None)
        points.append(MapPoint(index, found, float(x), float(y), *label))
    return ConceptMap(tuple(f"model-{at}" for at in range(indexes)), alive or neurons, 30.0, tuple(points))


def clarities(*, indexes=2, layers=3, neurons=60):
    """Layer 1 of the first index has no alive neuron, the last layer a single one."""
    rng = np.random.default_rng(8)
    found = []
    for number in range(indexes):
        names = [f"layer{at}" for at in range(layers)]
        own = []
        for at, name in enumerate(names):
            count = 0 if (number, at) == (0, 1) else 1 if at == layers - 1 else neurons
            own += [neuron(name, unit, float(rng.uniform(-0.1, 0.8))) for unit in range(count)]
        found.append((summary(f"model-{number}", names), own))
    return found


def neuron(layer, unit, clarity):
    """An alive one."""
    return Neuron(f"{layer}/{unit}", layer, unit, 1, State.ALIVE, 0.2, 1.0, 30, clarity, 0.1, 0.1)


def summary(name, layers):
    """What an index with these layers says of itself."""
    shown = tuple(LayerSummary(each, 96, False, 60, 0, 36, 0, 0.3, 0.5) for each in layers)
    return IndexSummary(
        name, f"digest-{name}", 1, "", "subject", "s0", "data", "d0", 100, 0, 0, "model", "p0", 4, 30, 288, (), shown
    )


EVERY_KIND = {"coverage": coverage, "series": series, "map": concept_map, "clarity": clarities}
