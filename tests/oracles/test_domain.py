"""Every formula of the domain against its textbook twin, on random and on adversarial input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from indexer.domain import embeddings, scores
from indexer.domain.significance import Null, NullSets, benjamini_hochberg, corrected_by_count
from indexer.domain.top_k import TopK
from tests.oracles import textbook

AGREES = {"rtol": 0, "atol": 1e-5}


def vectors(rng, *shape):
    return embeddings.normalise(rng.normal(size=shape).astype(np.float32))


def adversarial_sets():
    rng = np.random.default_rng(3)
    yield "random", vectors(rng, 30, 16)
    yield "two", vectors(rng, 2, 16)
    yield "one", vectors(rng, 1, 16)
    yield "equal", np.repeat(vectors(rng, 1, 16), 30, axis=0)
    yield "opposite", np.concatenate([vec := vectors(rng, 5, 16), -vec])
    yield "nearly equal", vectors(rng, 1, 16) + np.float32(1e-4) * rng.normal(size=(9, 16)).astype(np.float32)
    yield "two clusters", embeddings.normalise(np.repeat(np.eye(16, dtype=np.float32)[:2], 10, axis=0) + 0.01)
    yield (
        "one outlier",
        embeddings.normalise(
            np.concatenate([np.repeat(np.eye(16, dtype=np.float32)[:1], 29, axis=0), np.eye(16, dtype=np.float32)[5:6]])
        ),
    )
    yield "one dimension", np.array([[1], [-1], [1]], dtype=np.float32)


SETS = list(adversarial_sets())
by_name = pytest.mark.parametrize("rows", [rows for _, rows in SETS], ids=[name for name, _ in SETS])


@by_name
def test_concept_vector(rows):
    np.testing.assert_allclose(embeddings.concept_vector(rows), textbook.concept_vector(rows), **AGREES)


@by_name
def test_clarity(rows):
    ours, twin = scores.clarity(embeddings.normalise(rows)), textbook.clarity(rows)
    assert (ours is None) == (twin is None)
    if twin is not None:
        assert ours == pytest.approx(twin, abs=1e-5)
        assert -1 / (len(rows) - 1) - 1e-5 <= ours <= 1 + 1e-5


@by_name
def test_polysemanticity(rows):
    rows = embeddings.normalise(rows)
    ours, twin = scores.polysemanticity(rows), textbook.polysemanticity(rows)
    assert (ours is None) == (twin is None)
    if twin is not None:
        assert ours == pytest.approx(twin, abs=1e-5)


def test_two_meanings_are_more_polysemantic_than_one():
    by = dict(SETS)
    assert scores.polysemanticity(by["two clusters"]) > 0.9 > scores.polysemanticity(by["nearly equal"])


def test_a_long_embedding_does_not_dominate_the_concept():
    rows = np.array([[100, 0], [0, 1], [0, 1]], dtype=np.float32)
    np.testing.assert_allclose(embeddings.concept_vector(rows), textbook.concept_vector(rows), **AGREES)
    assert embeddings.concept_vector(rows)[1] > embeddings.concept_vector(rows)[0]


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_redundancy(count):
    rng = np.random.default_rng(count)
    concepts = vectors(rng, count, 8)
    alive = rng.random(count) < 0.8
    np.testing.assert_allclose(scores.redundancy(concepts, alive), textbook.redundancy(concepts, alive), **AGREES)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 20), (20, 1), (13, 29)])
def test_set_similarity(a, b):
    rng = np.random.default_rng(a * 100 + b)
    left, right = vectors(rng, a, 8), vectors(rng, b, 8)
    assert scores.set_similarity(left, right) == pytest.approx(textbook.set_similarity(left, right), abs=1e-5)


def test_set_similarity_is_asymmetric_and_one_for_a_subset():
    rng = np.random.default_rng(0)
    big = vectors(rng, 20, 8)
    assert scores.set_similarity(big[:5], big) == pytest.approx(1, abs=1e-6)
    assert scores.set_similarity(big, big[:5]) < 0.99


@settings(max_examples=150, deadline=None)
@given(
    activations=arrays(
        np.float32,
        st.tuples(st.integers(1, 30), st.integers(1, 4)),
        elements=st.sampled_from([-2, -1, -0.0, 0, 1e-38, 0.5, 1, 1.0000001, 3e38]),
    ),
    k=st.integers(1, 35),
    batch=st.integers(1, 9),
)
def test_top_k_streams_exactly(activations, k, batch):
    top = TopK(activations.shape[1], k)
    for start in range(0, len(activations), batch):
        part = activations[start : start + batch]
        top.add(part, np.arange(start, start + len(part)))
        if start % 2:
            top.restore(top.state())
    values, samples, counts = top.result()
    for neuron, expected in enumerate(textbook.top_k(activations, k)):
        assert counts[neuron] == len(expected)
        assert [(float(v), int(s)) for v, s in zip(values[neuron], samples[neuron], strict=True)][
            : len(expected)
        ] == expected
        assert (samples[neuron, len(expected) :] == -1).all()


def test_top_k_merges_early_without_changing_anything():
    rng = np.random.default_rng(5)
    activations = rng.normal(size=(500, 7)).astype(np.float32)
    top = TopK(7, 10)
    top._capacity = 16
    for start in range(0, 500, 8):
        part = activations[start : start + 8]
        top.add(part, np.arange(start, start + len(part)))
    assert [[int(s) for s in row] for row in top.result()[1]] == [
        [s for _, s in row] for row in textbook.top_k(activations, 10)
    ]


def hashed_embedding(texts):
    """A stand-in for a text tower: any text, a fixed vector."""
    rows = [np.random.default_rng(list(text.encode())).normal(size=12) for text in texts]
    return embeddings.normalise(np.array(rows, dtype=np.float32))


@pytest.mark.parametrize("templates", [(), ("{}",), ("a {}", "an image of a {}", "{} up close")], ids=len)
@pytest.mark.parametrize("texts", [("ruler",), ("ruler", "ink", "hair"), ("same", "same")], ids=len)
def test_probes(texts, templates):
    ours = embeddings.text_probes(texts, templates, hashed_embedding)
    np.testing.assert_allclose(ours, [textbook.probe(text, templates, hashed_embedding) for text in texts], **AGREES)


def test_p_and_z_of_a_null():
    null = np.sort(np.array([0.1, 0.2, 0.2, 0.3], dtype=np.float32))
    for alignment in np.array([0.0, 0.2, 0.25, 0.3, 0.9], dtype=np.float32):
        assert Null(null).p(alignment) == textbook.p_value(alignment, null)
    assert float(Null(null).z(np.float32(0.2))) == pytest.approx(0, abs=1e-6)
    assert np.isnan(Null(np.ones(5, dtype=np.float32)).z(1.0))


def test_null_sets_are_concept_vectors_of_stored_exemplars():
    rng = np.random.default_rng(1)
    exemplars = vectors(rng, 6, 8)
    subsets = {tuple(np.round(textbook.concept_vector(exemplars[[a, b]]), 5)) for a in range(6) for b in range(a)}
    drawn = {tuple(np.round(row, 5)) for row in NullSets(exemplars, 2, draws=300).concepts.astype(float)}
    assert len(drawn) == 15
    assert all(min(np.abs(np.array(each) - np.array(one)).max() for one in subsets) < 1e-4 for each in drawn)


@settings(max_examples=60, deadline=None)
@given(counts=st.lists(st.integers(0, 20), min_size=1, max_size=60))
def test_correction_by_counts_is_benjamini_hochberg(counts):
    draws = 20
    p = [(1 + count) / (1 + draws) for count in counts]
    expected = textbook.benjamini_hochberg(p)
    np.testing.assert_allclose(benjamini_hochberg(np.array(p)), expected, **AGREES)
    table = corrected_by_count(np.bincount(counts, minlength=draws + 1), draws)
    np.testing.assert_allclose(table[counts], expected, **AGREES)
