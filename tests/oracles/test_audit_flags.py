"""Flagged neurons: none where exemplars are drawn at random, the right ones where a concept is planted."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from indexer.domain.embeddings import concept_vector, normalise
from indexer.domain.states import State
from indexer.index.reader import STATES
from lens_server.audit.flags import flag
from lens_server.audit.rulebook import Statistics
from lens_server.audit.sight import Competence, Planted, Sight

SAMPLES, DIMENSION, NEURONS, EXEMPLARS = 600, 32, 60, 20
CONCEPTS = ("patch", "ruler", "ink", "border")
PLACEBO = "a bicycle"


def world(seed):
    """Images that show concepts along known directions, and their scores."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(DIMENSION, DIMENSION)))[0][: len(CONCEPTS) + 1].astype(np.float32)
    shown = rng.random((SAMPLES, len(CONCEPTS))) < 0.3
    base = rng.normal(size=DIMENSION)
    raw = base + 2.0 * shown @ directions[: len(CONCEPTS)] + rng.normal(size=(SAMPLES, DIMENSION)) * 0.3
    images = normalise(raw.astype(np.float32))
    scores = (images @ directions.T).astype(np.float32)
    seen = {}
    for column, name in enumerate(CONCEPTS):
        having, lacking = scores[shown[:, column], column], scores[~shown[:, column], column]
        seen[name] = Competence(1.0, "column", float(lacking.mean()), float(having.mean() - lacking.mean()))
    sight = Sight((*CONCEPTS, PLACEBO), (PLACEBO,), directions, scores, seen, Planted.none(""))
    return rng, images, shown, sight


def index_of(images, exemplars):
    """An index whose neurons have these exemplars [neurons, k]."""
    neurons, k = exemplars.shape
    table = SimpleNamespace(
        layers=("layer",),
        layer=np.zeros(neurons, dtype=np.int32),
        starts=np.array([0, neurons]),
        state=np.full(neurons, STATES.index(State.ALIVE), dtype=np.int8),
        clarity=np.linspace(0.1, 0.9, neurons, dtype=np.float32),
        exemplar_count=np.full(neurons, k, dtype=np.int32),
        first_exemplar=np.arange(neurons, dtype=np.int64) * k,
    )
    listed = pa.table({"embedding": exemplars.ravel().astype(np.int32)})
    vectors = np.stack([concept_vector(images[each]) for each in exemplars])
    origin = SimpleNamespace(units=neurons, crop="none", concept_vector="mean")
    return SimpleNamespace(
        manifest=SimpleNamespace(layers=(origin,)),
        neurons=table,
        survey=pa.table({"embedding": np.empty(0, dtype=np.int32)}),
        exemplar_vectors=images,
        concept_vectors=vectors,
        all_exemplars=lambda *_: listed,
    )


def test_random_exemplars_flag_no_more_than_alpha():
    trials, any_flagged = 40, 0
    for seed in range(trials):
        rng, images, _, sight = world(seed)
        exemplars = np.stack([rng.choice(SAMPLES, EXEMPLARS, replace=False) for _ in range(NEURONS)])
        found = flag(index_of(images, exemplars), (), sight, Statistics())
        any_flagged += bool(found.flagged.any())
        # Significance alone must hold the level too: the other conditions are not to hide a wrong p.
        assert (found.p <= 0.05).mean() < 0.01
    assert any_flagged <= 0.05 * trials


@pytest.mark.parametrize("name", CONCEPTS)
def test_a_planted_concept_is_flagged_and_no_other(name):
    rng, images, shown, sight = world(7)
    column = CONCEPTS.index(name)
    exemplars = np.stack([rng.choice(SAMPLES, EXEMPLARS, replace=False) for _ in range(NEURONS)])
    carriers = np.flatnonzero(shown[:, column])
    exemplars[3] = rng.choice(carriers, EXEMPLARS, replace=False)
    found = flag(index_of(images, exemplars), (), sight, Statistics())
    assert np.flatnonzero(found.of(name)).tolist() == [3]
    assert not any(found.of(other).any() for other in (*CONCEPTS, PLACEBO) if other != name)


def test_a_placebo_that_fits_best_is_flagged_so_the_control_can_fail():
    rng, images, _, sight = world(11)
    strongest = np.argsort(-(images @ sight.directions[-1]))[:EXEMPLARS]
    towards = sight.directions.copy()
    towards[-1] *= 30  # words that the foundation model finds in these images
    scores = (images @ towards.T).astype(np.float32)
    loud = Sight(sight.names, sight.placebos, towards, scores, sight.competence, sight.planted)
    exemplars = np.stack([rng.choice(SAMPLES, EXEMPLARS, replace=False) for _ in range(NEURONS)])
    exemplars[5] = strongest
    assert flag(index_of(images, exemplars), (), loud, Statistics()).of(PLACEBO)[5]
    assert not flag(index_of(images, exemplars), (), sight, Statistics()).of(PLACEBO).any()


def test_unclear_neurons_leave_the_counts():
    rng, images, shown, sight = world(13)
    patched, all_samples = np.flatnonzero(shown[:, 0]), np.arange(SAMPLES)
    exemplars = np.stack(
        [rng.choice(all_samples if row % 2 else patched, EXEMPLARS, replace=False) for row in range(NEURONS)]
    )
    found = flag(index_of(images, exemplars), (), sight, Statistics(min_clarity_percentile=20))
    assert found.of("patch").tolist() == [row % 2 == 0 for row in range(NEURONS)]
    assert found.count("patch") == NEURONS * 8 // 20
