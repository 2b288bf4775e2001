"""What became of concepts over the checkpoints of a training?"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from indexer.domain.embeddings import Vectors
from indexer.domain.scores import set_similarity
from indexer.domain.states import State
from indexer.errors import InvalidInput
from indexer.index.reader import STATES
from lens_server.changes import ConceptChange, Trend
from lens_server.overviews import Checkpoint, ConceptCourse, ConceptPoint, LayerHealth, Series, SeriesStep
from lens_server.queries.concepts import Named, diff_named, name_alive
from lens_server.queries.filters import with_vectors
from lens_server.queries.sides import Side, check_sides

_RISING = (Trend.APPEARED, Trend.STRENGTHENED)


def series(sides: Sequence[Side], vocabulary: Sequence[str], probes: Vectors, alpha: float) -> Series:
    """Name the neurons of each checkpoint as `label` does; hold each against the one before as `diff_concepts` does.

    Raises InvalidInput for fewer than two checkpoints, for two of one name and for one without an alive neuron,
    IndexUnusable for different embedding spaces.
    """
    if len(sides) < 2:
        raise InvalidInput("A series needs at least two checkpoints.", hint="lens show CKPT-1 CKPT-2 CKPT-3 --series")
    check_sides(sides)
    named = [name_alive(side, vocabulary, probes, alpha) for side in sides]
    steps = [
        {each.text: each for each in diff_named(a, b, vocabulary, probes, alpha).concepts} for a, b in pairwise(named)
    ]
    known = {text for each in named for text in each.rows}
    entries = ((text, probe) for text, probe in zip(vocabulary, probes, strict=True) if text in known)
    courses = [_course(text, probe, named, steps, alpha) for text, probe in entries]
    names = [side.name for side in sides]
    courses.sort(key=lambda each: (names.index(each.first_named), -max(point.strength.share for point in each.points)))
    return Series(
        checkpoints=tuple(_checkpoint(each) for each in named),
        steps=tuple(_step(a, b) for a, b in pairwise(sides)),
        concepts=tuple(courses),
        absent=len(vocabulary) - len(courses),
    )


def _course(
    text: str, probe: Vectors, named: Sequence[Named], steps: Sequence[Mapping[str, ConceptChange]], alpha: float
) -> ConceptCourse:
    strengths = [each.strength(text, probe) for each in named]
    changes = [None, *(step.get(text) for step in steps)]
    points = tuple(
        ConceptPoint(strength, change.trend if change else None, change.p_corrected if change else None)
        for strength, change in zip(strengths, changes, strict=True)
    )
    names = [each.side.name for each in named]
    first = next(name for name, point in zip(names, points, strict=True) if point.strength.neurons)
    rises = (name for name, change in zip(names, changes, strict=True) if change and _rises(change, alpha))
    return ConceptCourse(text, first, next(rises, None), points)


def _rises(change: ConceptChange, alpha: float) -> bool:
    """An appearance can be a single neuron; only one beyond chance counts."""
    return change.trend in _RISING and change.p_corrected <= alpha


def _checkpoint(named: Named) -> Checkpoint:
    table = named.side.index.neurons
    layers = tuple(_health(named.side, number) for number in range(len(table.layers)))
    return Checkpoint(named.side.name, named.alive, named.count, layers)


def _health(side: Side, number: int) -> LayerHealth:
    table = side.index.neurons
    rows = slice(int(table.starts[number]), int(table.starts[number + 1]))
    alive = table.state[rows] == STATES.index(State.ALIVE)
    clarity = table.clarity[rows][alive]
    known = clarity[~np.isnan(clarity)]
    mean = float(known.mean(dtype=np.float64)) if len(known) else None
    count = int(alive.sum())
    return LayerHealth(table.layers[number], len(alive), count, count / len(alive), mean)


def _step(a: Side, b: Side) -> SeriesStep:
    """S both ways over all living neurons, as `compare_sets` has it."""
    of_a, of_b = (np.asarray(each.index.concept_vectors[with_vectors(each.index, each.rows)]) for each in (a, b))
    return SeriesStep(a.name, b.name, set_similarity(of_a, of_b), set_similarity(of_b, of_a))
