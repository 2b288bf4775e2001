"""The map: every alive neuron or a uniform sample, its label, and neighbours that are neighbours."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from indexer.errors import IndexUnusable, InvalidInput, MissingExtra
from lens_server.answers import State
from lens_server.lens import Lens
from lens_server.plots.layout import in_a_plane
from lens_server.queries import concept_map as module
from lens_server.queries.concept_map import concept_map

WORDS = ("ruler", "hair", "ink", "colour patch")


@pytest.fixture(scope="module")
def found(opened_lens):
    """The map of two indexes: one, under two names."""
    return opened_lens.concept_map("dermoscopy", [Lens(opened_lens.index, "again")])


def test_every_alive_neuron_once_with_its_label(opened_lens, found):
    labels = [each for each in opened_lens.label("dermoscopy") if each.neuron.state is State.ALIVE]
    assert found.indexes == (opened_lens.name, "again")
    assert found.alive == len(found.points) == 2 * len(labels)
    for name in found.indexes:
        own = [each for each in found.points if each.index == name]
        assert [(each.neuron, each.label) for each in own] == [(each.neuron, each.text) for each in labels]
        named = [(each.alignment, label.alignment) for each, label in zip(own, labels, strict=True) if each.label]
        assert named and all(here == there for here, there in named)
        assert all(each.alignment is None for each in own if each.label is None)


def test_places_fill_the_square(found):
    places = np.array([(each.x, each.y) for each in found.points])
    assert np.isfinite(places).all()
    assert np.abs(places).max() == pytest.approx(1)
    assert found.perplexity == 30


def test_the_same_neuron_lies_by_itself(found, opened_lens):
    """Of two indexes with the same vectors, a neuron's nearest on the map is mostly its twin."""
    places = np.array([(each.x, each.y) for each in found.points])
    half = len(places) // 2
    apart = np.linalg.norm(places[:half, None] - places[None, half:], axis=2)
    twins = (apart.argmin(axis=1) == np.arange(half)).mean()
    assert twins > 0.9


def test_neighbours_on_the_map_are_neighbours_in_the_space(found, opened_lens):
    index = opened_lens.index
    rows = [index.neurons.row(parsed(each.neuron.id)) for each in found.points]
    places = np.array([(each.x, each.y) for each in found.points])
    assert trustworthiness(np.asarray(index.concept_vectors[rows]), places, n_neighbors=8, metric="cosine") > 0.9


def parsed(name):
    from indexer.domain.neurons import NeuronId

    return NeuronId.parse(name)


def test_the_same_each_time(opened_lens):
    assert opened_lens.concept_map(WORDS, points=40) == Lens(opened_lens.index, opened_lens.name).concept_map(
        WORDS, points=40
    )


def test_a_sample_is_uniform_and_said(opened_lens, side_of, canned, alive_rows, monkeypatch):
    """Of two sides, both halves; the same seed, the same neurons; the order stays that of the index."""
    canned(module, [], [])
    monkeypatch.setattr(
        module, "in_a_plane", lambda vectors: type("", (), {"places": vectors[:, :2], "perplexity": 3.0})
    )
    found = concept_map([side_of("a"), side_of("b")], WORDS, None, 0.05, 60)
    assert (len(found.points), found.alive) == (60, 2 * len(alive_rows))
    order = [(each.index, each.neuron.unit) for each in found.points]
    assert order == sorted(order) and len(set(order)) == 60
    share = sum(each.index == "a" for each in found.points) / 60
    assert 0.3 < share < 0.7


@pytest.mark.parametrize("count", [5, 6, 31, 100])
def test_few_rows_are_laid_out_too(count):
    rows = np.random.default_rng(count).normal(size=(count, 12)).astype(np.float32)
    plane = in_a_plane(rows)
    assert plane.places.shape == (count, 2) and np.isfinite(plane.places).all()
    assert plane.perplexity == min(30, (count - 1) / 3)


def test_clusters_stay_apart():
    """Three far groups of vectors: nobody's nearest is of another group, though some rows are the same."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(3, 16)) * 4
    groups = np.repeat(np.arange(3), 30)
    rows = (centres[groups] + rng.normal(size=(90, 16)) * 0.2).astype(np.float32)
    rows[:4] = rows[0]
    places = in_a_plane(rows).places
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (groups[apart.argmin(axis=1)] == groups).all()


def test_what_has_no_map(side_of, foreign_index, opened_lens, alive_rows):
    """Too few neurons or points, too many, another space, one name twice, nothing that differs."""
    probes = opened_lens.words.vocabulary(WORDS)
    side = side_of("a")
    with pytest.raises(InvalidInput, match="at least 5 alive neurons; there are 1"):
        concept_map([side_of("a", alive_rows[:1])], WORDS, probes, 0.05)
    for points in (4, 5001):
        with pytest.raises(InvalidInput, match=f"points is {points:,}"):
            concept_map([side], WORDS, probes, 0.05, points)
    with pytest.raises(IndexUnusable, match="cannot be compared"):
        concept_map([side, replace(side, name="b", index=foreign_index)], WORDS, probes, 0.05)
    with pytest.raises(InvalidInput, match="Two indexes are named 'a'"):
        concept_map([side, side], WORDS, probes, 0.05)
    with pytest.raises(InvalidInput, match="same concept vector"):
        in_a_plane(np.ones((9, 4), dtype=np.float32))


def test_without_scikit_learn_the_cure_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(MissingExtra) as refused:
        in_a_plane(np.eye(8, dtype=np.float32))
    assert refused.value.hint == "pip install 'lens[plots]'"
