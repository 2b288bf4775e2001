import numpy as np

from indexer.cache import EmbeddingCache, cache_folder


def vector(*numbers):
    return np.array(numbers, dtype=np.float32)


def test_what_was_kept_is_found_by_another_build(tmp_path):
    EmbeddingCache(tmp_path, "space", 2).keep({"a": vector(1, 0), "b": vector(0, 1)})
    found = EmbeddingCache(tmp_path, "space", 2).find(["b", "c"])
    assert list(found) == ["b"] and found["b"].tolist() == [0, 1]


def test_another_space_shares_nothing(tmp_path):
    EmbeddingCache(tmp_path, "space", 2).keep({"a": vector(1, 0)})
    assert not EmbeddingCache(tmp_path, "other", 2).find(["a"])


def test_what_is_there_stays(tmp_path):
    cache = EmbeddingCache(tmp_path, "space", 2)
    cache.keep({"a": vector(1, 0)})
    cache.keep({"a": vector(0, 1)})
    assert cache.find(["a"])["a"].tolist() == [1, 0]


def test_more_contents_than_one_question_holds(tmp_path):
    cache = EmbeddingCache(tmp_path, "space", 1)
    cache.keep({str(number): vector(number) for number in range(1203)})
    found = cache.find([str(number) for number in range(1203)])
    assert all(found[str(number)] == number for number in range(1203))


def test_a_damaged_cache_is_told_and_otherwise_ignored(tmp_path):
    cache = EmbeddingCache(tmp_path, "space", 2)
    cache.keep({"a": vector(1, 0)})
    next((tmp_path / "embeddings").iterdir()).write_bytes(b"no database" * 100)
    damaged = EmbeddingCache(tmp_path, "space", 2)
    assert damaged.find(["a"]) == {} and "cannot be read" in damaged.fault
    damaged.keep({"a": vector(1, 0)})


def test_vectors_of_another_width_or_not_finite_are_not_believed(tmp_path):
    EmbeddingCache(tmp_path, "space", 2).keep({"wide": vector(1, 0, 0), "broken": vector(np.nan, 0)})
    assert not EmbeddingCache(tmp_path, "space", 2).find(["wide", "broken"])


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    cache = EmbeddingCache(tmp_path / "file", "space", 1)
    cache.keep({"a": vector(1)})
    assert "cannot be written" in cache.fault and not cache.find(["a"])


def test_the_folder_is_the_users_unless_said_otherwise(monkeypatch, tmp_path):
    monkeypatch.setenv("LENS_CACHE", "none")
    assert cache_folder() is None
    monkeypatch.setenv("LENS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("LENS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "lens"
