"""On the lesion world the truth is known: the right neurons are found, and nothing is claimed where nothing is."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score

from indexer.domain.embeddings import concept_vector, normalise
from indexer.domain.significance import NullSets
from lens_server.lens import Lens
from tests.conftest import build_config

ALPHA = 0.05
TRIALS = 5000


@pytest.fixture(scope="module")
def patched(tmp_path_factory):
    from indexer.pipeline import build_index

    out = tmp_path_factory.mktemp("patched") / "index"
    return Lens.open(
        build_index(
            build_config(out, subject="lesion:shortcut-patch", layers=("block4",), dataset="lesions:800,seed=905")
        )
    )


def test_colour_patch_finds_the_neurons_that_carry_it(patched):
    from indexer.training.truth import carriers

    truth = carriers("shortcut-patch", "patch", "block4")
    hits = patched.search("colour patch", limit=1000)[0].hits
    score = np.full(len(truth), -1.0)
    for hit in hits:
        score[hit.neuron.unit] = hit.alignment
    assert 3 <= truth.sum() <= len(truth) // 2
    precision = average_precision_score(truth, score)
    assert precision >= 0.8, f"average precision {precision:.3f}"


@pytest.mark.parametrize("size", [5, 30])
def test_random_exemplars_are_significant_no_more_often_than_alpha(patched, size):
    """Neurons whose exemplars are drawn at random, asked for real words: p ≤ α in at most a share α of 5,000 trials."""
    rng = np.random.default_rng(11)
    pool = np.asarray(patched._index.exemplar_vectors)
    probes = patched._words.texts(["colour patch", "ruler", "ink", "hair", "irregular border"])
    nulls = NullSets(pool, size)
    claimed = 0
    for probe in probes:
        null = nulls.null(probe)
        drawn = [concept_vector(pool[rng.choice(len(pool), size, replace=False)]) for _ in range(TRIALS // len(probes))]
        claimed += int((null.p(np.array(drawn) @ probe) <= ALPHA).sum())
    assert binomtest(claimed, TRIALS, ALPHA, alternative="greater").pvalue > 0.001, (
        f"{claimed / TRIALS:.3%} at α = {ALPHA:.0%}"
    )


def test_a_layer_of_random_exemplars_gets_no_more_labels_than_alpha(patched):
    """The whole labelling on random exemplar sets: after correction, next to nothing is named."""
    from indexer.domain.significance import corrected_by_count

    rng = np.random.default_rng(12)
    pool = np.asarray(patched._index.exemplar_vectors)
    probes = patched._words.texts(["colour patch", "ruler", "ink", "hair", "irregular border", "white", "black", "red"])
    draws = 4999
    sets = NullSets(pool, 30, draws)
    named = 0
    layers, neurons = 25, 40
    for _ in range(layers):
        concepts = np.array([concept_vector(pool[rng.choice(len(pool), 30, replace=False)]) for _ in range(neurons)])
        above = np.stack(
            [draws - np.searchsorted(np.sort(sets.concepts @ probe), concepts @ probe) for probe in probes], axis=1
        )
        corrected = corrected_by_count(np.bincount(above.ravel(), minlength=draws + 1), draws)[above.min(axis=1)]
        named += bool((corrected <= ALPHA).any())
    assert binomtest(named, layers, ALPHA, alternative="greater").pvalue > 0.001, f"{named} of {layers} layers"


def test_a_neuron_of_patches_is_significant(patched):
    """The other side: real patch exemplars are claimed, else the tests above could not fail for the right reason."""
    samples = patched._index.samples
    with_patch = set(np.flatnonzero(samples["patch"].to_numpy() == 1))
    from indexer.domain.views import samples_of
    from indexer.embedding import known_views

    rows = [row for row, sample in enumerate(samples_of(known_views(patched._index))) if sample in with_patch][:30]
    pool = np.asarray(patched._index.exemplar_vectors)
    probe = patched._words.texts(["colour patch"])[0]
    assert NullSets(pool, 30).null(probe).p(float(normalise(pool[rows].mean(axis=0)) @ probe)) <= 1 / 1000
