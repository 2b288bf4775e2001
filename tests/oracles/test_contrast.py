"""Contrastive concept vectors against their textbook twin, as a function and in a whole index."""

import numpy as np
import pytest

from indexer.domain.contrast import contrastive_vectors, shares
from indexer.domain.embeddings import concept_vectors, normalise
from tests.oracles import textbook

K, D, SAMPLES = 5, 8, 12


def units(rng, *shape):
    return normalise(rng.normal(size=shape).astype(np.float32))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_contrastive_vectors(gamma):
    rng = np.random.default_rng(4)
    counts = np.array([5, 3, 1, 0])
    there = np.arange(K) < counts[:, None]
    exemplars = units(rng, 4, K, D) * there[:, :, None]
    weights = shares(rng.random((4, K)), counts)
    samples, cold = units(rng, SAMPLES, D), rng.random((4, K, SAMPLES)) < 0.5
    cold[0, 2] = False
    found = contrastive_vectors(exemplars, weights, samples, cold, gamma)
    for n in range(3):
        own = slice(0, counts[n])
        twin = textbook.contrastive(exemplars[n, own], weights[n, own], samples, cold[n, own], gamma)
        np.testing.assert_allclose(found[n], twin, atol=1e-5)
    assert not found[3].any()


def test_without_contrasts_it_is_the_weighted_mean():
    rng = np.random.default_rng(5)
    exemplars, counts = units(rng, 3, K, D), np.full(3, K)
    equal = shares(np.ones((3, K)), counts)
    for samples, cold, gamma in [
        (units(rng, SAMPLES, D), np.zeros((3, 1, SAMPLES), bool), 1.0),
        (units(rng, SAMPLES, D), np.ones((3, 1, SAMPLES), bool), 0.0),
        (units(rng, 1, D), np.zeros((3, 1, 1), bool), 0.5),
    ]:
        found = contrastive_vectors(exemplars, equal, samples, cold, gamma)
        np.testing.assert_allclose(found, concept_vectors(exemplars, counts), atol=1e-6)


def test_shares():
    strength = np.array([[3, 1, 9], [-3, -1, 0], [0, 0, 0], [1, 2, 3]])
    found = shares(strength, np.array([2, 3, 2, 0]))
    np.testing.assert_allclose(found, [[0.75, 0.25, 0], [0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0, 0]])


def test_what_similar_samples_share_is_taken_away():
    """Exemplars show a thing on grass; samples that leave the neuron cold show grass: the thing is left."""
    thing, grass, noise = np.eye(3, dtype=np.float32)
    exemplars = np.stack([normalise(thing + grass)] * 3)[None]
    samples = np.stack([grass, noise])
    allowed = np.ones((1, 1, 2), bool)
    plain = contrastive_vectors(exemplars, np.full((1, 3), 1 / 3), samples, allowed, 0.0)[0]
    sharper = contrastive_vectors(exemplars, np.full((1, 3), 1 / 3), samples, allowed, 1.0)[0]
    assert sharper @ thing > 0.999 > plain @ thing


@pytest.mark.parametrize("subject", ["python:tests.nets:plain", "python:tests.nets:called_twice_unequally"])
def test_an_index_of_contrastive_vectors(tmp_path, subject):
    from indexer.catalogue import DATASETS, FOUNDATION_MODELS
    from indexer.config import ConceptConfig
    from indexer.domain.neurons import NeuronId
    from indexer.index.reader import Index
    from indexer.pipeline import build_index
    from tests.conftest import build_config
    from tests.traps.test_collecting import activations_of

    layer = "act" if subject.endswith("plain") else "shared"
    config = build_config(tmp_path / "index", subject=subject, layers=(layer,), exemplars=4, survey=15)
    concept = ConceptConfig(vector="contrastive", gamma=0.7)
    index = Index.open(build_index(config.model_copy(update={"concept": concept})))
    assert index.manifest.layers[0].concept_vector == "contrastive, gamma 0.7"

    dataset = DATASETS.load("lesions:40,seed=901")
    activations = activations_of(
        subject, layer, dataset, lambda o: np.mean([each.mean((2, 3)).numpy() for each in o], axis=0)
    )
    survey = np.asarray(index.survey["sample"])
    assert len(survey) == 15
    images = FOUNDATION_MODELS.load("tiny-clip").embed_images([dataset.load(int(n)) for n in survey])
    np.testing.assert_allclose(index.exemplar_vectors[np.asarray(index.survey["embedding"])], images, atol=1e-5)
    for row in range(len(index.neurons)):
        name: NeuronId = index.neurons.id(row)
        own = index.exemplars(row).to_pydict()
        if not own["sample"]:
            continue
        cold = name.polarity * activations[survey, name.unit] < name.polarity * activations[:, name.unit].mean()
        weights = np.abs(own["activation"]) / np.abs(own["activation"]).sum()
        usable = [
            [bool(c) and number != sample for c, number in zip(cold, survey, strict=True)] for sample in own["sample"]
        ]
        twin = textbook.contrastive(index.exemplar_vectors[own["embedding"]], weights, images, usable, 0.7)
        np.testing.assert_allclose(index.concept_vectors[row], twin, atol=1e-4)
