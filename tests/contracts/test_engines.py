"""Every engine gives what the exact one gives: an engine may miss, never lie."""

import numpy as np
import pytest

from indexer.catalogue import ENGINES
from indexer.errors import IndexUnusable, InvalidInput

ASKED = ["exact", "faiss", "faiss:Flat", "faiss:IVF16,Flat", "faiss:HNSW16"]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(12, 24))
    return unit(centres[rng.integers(0, 12, 3000)] + 0.4 * rng.normal(size=(3000, 24)))


@pytest.fixture(scope="module")
def probes(vectors):
    """Like images (near the rows) and like words (on a cone of their own)."""
    rng = np.random.default_rng(1)
    near = vectors[rng.integers(0, len(vectors), 20)] + 0.1 * rng.normal(size=(20, 24))
    return unit(np.concatenate([near, rng.normal(size=(20, 24)) + 1.0]))


def brute_force(vectors, probe, limit, rows):
    scores = [(-float(np.float32(vectors[row] @ probe)), row) for row in rows]
    return [row for _, row in sorted(scores)[:limit]]


def rows_of(kind, count):
    return {
        "all": (None, range(count)),
        "slice": (slice(500, 1900), range(500, 1900)),
        "few": (np.arange(3, count, 97), range(3, count, 97)),
        "many": (np.arange(0, count, 2), range(0, count, 2)),
        "none": (np.empty(0, dtype=np.int64), range(0)),
    }[kind]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("kind", ["all", "slice", "few", "many", "none"])
def test_agrees_with_the_textbook(vectors, probes, asked, kind):
    engine = ENGINES.load(asked, vectors=vectors)
    rows, permitted = rows_of(kind, len(vectors))
    agreed = []
    for probe in probes:
        found = engine.search(probe, 10, rows)
        expected = brute_force(vectors, probe, 10, permitted)
        agreed.append(len(set(found.rows.tolist()) & set(expected)) / max(len(expected), 1) if expected else 1.0)
        assert set(found.rows.tolist()) <= set(permitted)
        assert (np.diff(found.scores) <= 0).all()
        np.testing.assert_allclose(found.scores, vectors[found.rows] @ probe, atol=1e-5)
    exact = asked in {"exact", "faiss", "faiss:Flat"} or kind in {"few", "none"}
    assert np.mean(agreed) >= (1.0 if exact else 0.9), f"recall {np.mean(agreed):.3f}"


@pytest.mark.parametrize("asked", [name for name in ASKED if "HNSW" not in name])  # a graph reaches only some of them
def test_equal_scores_come_in_row_order(asked):
    vectors = np.repeat(np.eye(8, dtype=np.float32), 40, axis=0)
    found = ENGINES.load(asked, vectors=vectors).search(np.eye(8, dtype=np.float32)[2], 60)
    assert found.rows[:40].tolist() == list(range(80, 120))


@pytest.mark.parametrize("asked", ASKED)
def test_a_saved_engine_answers_alike(vectors, probes, asked, tmp_path):
    engine = ENGINES.load(asked, vectors=vectors)
    engine.save(tmp_path)
    again = ENGINES.load(asked, vectors=vectors, folder=tmp_path)
    for probe in probes[:5]:
        assert engine.search(probe, 7).rows.tolist() == again.search(probe, 7).rows.tolist()


@pytest.mark.parametrize("asked", ASKED)
def test_more_asked_than_there_are(asked):
    vectors = np.eye(5, 8, dtype=np.float32)
    name = asked if asked != "faiss:IVF16,Flat" else "faiss:IVF1,Flat"
    assert len(ENGINES.load(name, vectors=vectors).search(np.ones(8, dtype=np.float32), 50).rows) == 5


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInput, match="no argument"):
        ENGINES.find("exact:fast")[0].check("fast", 8)
    with pytest.raises(InvalidInput, match="Nonsense"):
        ENGINES.find("faiss:Nonsense")[0].check("Nonsense", 8)
    with pytest.raises(InvalidInput, match="cannot build"):
        ENGINES.load("faiss:IVF99,Flat", vectors=np.eye(5, 8, dtype=np.float32))


def test_a_damaged_engine_file_is_named(vectors, tmp_path):
    engine = ENGINES.load("faiss:Flat", vectors=vectors)
    engine.save(tmp_path)
    with pytest.raises(IndexUnusable, match="vectors"):
        ENGINES.load("faiss:Flat", vectors=vectors[:100], folder=tmp_path)
    (tmp_path / "faiss.index").write_bytes(b"rubbish")
    with pytest.raises(IndexUnusable, match="cannot be read"):
        ENGINES.load("faiss:Flat", vectors=vectors, folder=tmp_path)


def test_an_index_with_a_faiss_engine_answers_like_an_exact_one(tmp_path):
    from indexer.pipeline import build_index
    from lens_server.lens import Lens
    from tests.conftest import build_config

    config = build_config(tmp_path / "index", exemplars=4).model_copy(update={"engine": "faiss:Flat"})
    lens = Lens.open(build_index(config))
    assert (tmp_path / "index" / "engine" / "faiss.index").exists()
    assert lens.search("ruler") == lens.search("ruler", exact=True)
