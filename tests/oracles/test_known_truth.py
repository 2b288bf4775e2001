"""On the lesion world the truth is known: the right neurons are found, and nothing is claimed where nothing is."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score

from indexer.domain.embeddings import concept_vector, normalise
from indexer.domain.significance import NullSets
from lens_server.lens import Lens
from lens_server.queries.significance import kinds_of, pool_of
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


@pytest.fixture(scope="module")
def contrastive(tmp_path_factory):
    """Lesions with contrastive vectors."""
    from indexer.config import ConceptConfig
    from indexer.pipeline import build_index

    out = tmp_path_factory.mktemp("contrastive") / "index"
    asked = {"dataset": "lesions:400,seed=905", "exemplars": 8, "survey": 150}
    config = build_config(out, subject="lesion:clean", layers=("block4",), **asked)
    return Lens.open(build_index(config.model_copy(update={"concept": ConceptConfig(vector="contrastive", gamma=1.0)})))


@pytest.mark.parametrize("size", [3, 8])
def test_neurons_of_noise_are_significant_no_more_often_than_alpha_when_contrastive(contrastive, size):
    """Noise as activations of all samples: exemplars, weights and contrasts as a build takes them; the null holds."""
    from indexer.domain.contrast import contrastive_vectors, shares

    rng = np.random.default_rng(13)
    index = contrastive._index
    survey = np.asarray(index.exemplar_vectors[np.asarray(index.survey["embedding"])])
    pool = np.asarray(index.exemplar_vectors[pool_of(index, kinds_of(index)[0])])
    neurons = 1000
    noise = rng.exponential(size=(len(pool), neurons))
    ranked = np.argsort(-noise, axis=0, kind="stable")[:size].T
    weights = shares(np.take_along_axis(noise, ranked.T, axis=0).T, np.full(neurons, size))
    cold = rng.random((neurons, 1, len(survey))) < 0.6
    concepts = contrastive_vectors(pool[ranked], weights, survey, cold, 1.0)
    probes = contrastive._words.texts(["colour patch", "ruler", "ink", "hair", "irregular border"])
    claimed, by_means = 0, 0
    for probe in probes:
        claimed += int((contrastive._significance.sets(size).null(probe).p(concepts @ probe) <= ALPHA).sum())
        by_means += int((NullSets(pool, size).null(probe).p(concepts @ probe) <= ALPHA).sum())
    # Neurons share the pool, so their p are not independent: half as much again as α is allowed.
    assert claimed / (neurons * len(probes)) <= 1.5 * ALPHA
    assert by_means / (neurons * len(probes)) > 1.5 * ALPHA, "means of random sets would not do"


def test_random_sets_are_of_exemplars_only(contrastive):
    """Samples that are embedded for contrasts are no exemplars: the null does not draw them."""
    index = contrastive._index
    named = np.unique(np.asarray(index.all_exemplars("embedding")["embedding"]))
    assert len(named) < len(index.exemplar_vectors)
    np.testing.assert_array_equal(pool_of(index, kinds_of(index)[0]), named)


def test_labels_of_contrastive_neurons_are_judged_by_their_own_null(contrastive):
    from tests.oracles import textbook

    words = ["colour patch", "ruler", "hair"]
    (answer,) = contrastive.search(words[:1], limit=3)
    probe = contrastive._words.texts(words[:1])[0]
    for hit in answer.hits:
        null = contrastive._significance.sets(hit.neuron.exemplar_count).concepts @ probe
        assert hit.p == pytest.approx(textbook.p_value(np.float32(hit.alignment), null.tolist()), abs=1e-3)
    assert len(list(contrastive.label(words))) == len(contrastive._index.neurons)
