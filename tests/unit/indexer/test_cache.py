import signal
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from indexer.cache import EmbeddingCache, cache_folder
from tests.conftest import ROOT


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
    assert str(next((tmp_path / "embeddings").iterdir())) in damaged.fault
    damaged.keep({"a": vector(1, 0)})


def test_a_flipped_bit_is_found_and_mended(tmp_path):
    EmbeddingCache(tmp_path, "space", 2).keep({"a": vector(1, 0), "b": vector(0, 1)})
    with sqlite3.connect(next((tmp_path / "embeddings").iterdir())) as store:
        (blob,) = store.execute("SELECT vector FROM embeddings WHERE content = 'a'").fetchone()
        store.execute("UPDATE embeddings SET vector = ? WHERE content = 'a'", (bytes([blob[0] ^ 1]) + blob[1:],))
        store.execute("UPDATE embeddings SET content = 'c' WHERE content = 'b'")
    cache = EmbeddingCache(tmp_path, "space", 2)
    assert not cache.find(["a", "c"]), "neither a changed vector nor one of something else"
    cache.keep({"a": vector(0, 1)})
    assert EmbeddingCache(tmp_path, "space", 2).find(["a"])["a"].tolist() == [0, 1]


def test_one_that_may_only_be_read_is_read(tmp_path, monkeypatch):
    EmbeddingCache(tmp_path, "space", 2).keep({"a": vector(1, 0)})
    monkeypatch.setattr(EmbeddingCache, "_open", lambda _self, file: sqlite3.connect(f"file:{file}?mode=ro", uri=True))
    cache = EmbeddingCache(tmp_path, "space", 2)
    cache.keep({"b": vector(0, 1)})
    assert "cannot be written" in cache.fault and "readonly" in cache.fault
    assert list(cache.find(["a", "b"])) == ["a"]


def test_a_full_disk_is_told_and_loses_nothing(tmp_path, monkeypatch):
    EmbeddingCache(tmp_path, "space", 64).keep({str(number): np.full(64, number) for number in range(50)})

    def small(_self, file):
        store = sqlite3.connect(file)
        store.execute("PRAGMA max_page_count = 8")
        return store

    monkeypatch.setattr(EmbeddingCache, "_open", small)
    cache = EmbeddingCache(tmp_path, "space", 64)
    cache.keep({f"more {number}": np.full(64, number) for number in range(500)})
    assert "full" in cache.fault
    assert len(cache.find([str(number) for number in range(50)])) == 50
    assert not cache.find(["more 0"]), "all of a batch, or nothing"


KEEPING = """
import sys
from pathlib import Path
import numpy as np
from indexer.cache import EmbeddingCache
cache = EmbeddingCache(Path(sys.argv[1]), 'space', 256)
start, stop = int(sys.argv[2]), int(sys.argv[3])
for number in range(start, stop, 20):
    cache.keep({str(each): np.full(256, each) for each in range(number, number + 20)})
    print(number, flush=True)
assert cache.fault is None, cache.fault
"""


def keeping(folder, start, stop):
    command = [sys.executable, "-c", KEEPING, folder, str(start), str(stop)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_builds_at_once_share_it(tmp_path):
    builds = [keeping(tmp_path, start, start + 400) for start in (0, 200, 0)]
    for each in builds:
        each.communicate(timeout=120)
        assert each.returncode == 0
    found = EmbeddingCache(tmp_path, "space", 256).find([str(number) for number in range(600)])
    assert len(found) == 600 and all(vector[0] == int(number) for number, vector in found.items())


@pytest.mark.parametrize("after", [1, 7])
def test_a_build_killed_while_it_writes(tmp_path, after):
    build = keeping(tmp_path, 0, 10_000)
    told = [int(build.stdout.readline()) for _ in range(after)]
    build.send_signal(signal.SIGKILL)
    build.communicate()
    cache = EmbeddingCache(tmp_path, "space", 256)
    found = cache.find([str(number) for number in range(10_000)])
    assert cache.fault is None and len(found) >= told[-1] + 20 and len(found) % 20 == 0
    cache.keep({"another": np.zeros(256)})
    assert cache.fault is None and list(cache.find(["another"])) == ["another"]


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
