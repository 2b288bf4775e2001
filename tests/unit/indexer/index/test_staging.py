"""The last steps of a build, and what is found after a kill during them."""

import json
import shutil

import pytest

from indexer.errors import IndexUnusable, InvalidInput
from indexer.index import staging
from indexer.index.files import MANIFEST
from indexer.index.locking import LOCK, locked
from indexer.index.staging import claimed, finish, publish, recover

SETTINGS = {"exemplars": 5}


@pytest.fixture(autouse=True)
def manifests(monkeypatch):
    """A manifest holds its digest and nothing else."""

    class Read:
        def __init__(self, folder):
            self.digest = (folder / MANIFEST).read_text()

    monkeypatch.setattr(staging, "read_manifest", Read)


def an_index(folder, digest):
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(digest)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def built(out, digest, *, replace=False, ends=None):
    """A build that ends, or is killed, while it publishes."""
    with claimed(out, SETTINGS, resume=False, replace=replace) as work:
        publish(an_index(work / "finished", digest), out)
    return out


class Killed(BaseException):
    """What no handler of a killed process sees: the folders are left as they are."""


@pytest.fixture
def killed_after(monkeypatch, tmp_path):
    """A build of `new` over `old`, killed after so many renames; the folder as it was then, elsewhere."""

    def kill(count, *, old=True):
        here, there = tmp_path / "here", tmp_path / "there"
        out = an_index(here / "index", "old") if old else here / "index"
        here.mkdir(exist_ok=True)
        rename, left = type(out).rename, [count]

        def counted(self, target):
            if left[0] == 0:
                shutil.copytree(here, there)
                raise Killed
            left[0] -= 1
            return rename(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(type(out), "rename", counted)
            with pytest.raises(Killed):
                built(out, "new", replace=old)
        return there / "index"

    return kill


@pytest.mark.parametrize("renames", range(4))
def test_a_killed_build_is_finished(killed_after, renames):
    out = killed_after(renames)
    assert finish(out, SETTINGS, replace=True)
    assert (out / MANIFEST).read_text() == "new"
    assert names(out.parent) == ["index"]


@pytest.mark.parametrize("renames", range(4))
def test_or_another_build_finds_a_whole_index(killed_after, renames):
    out = killed_after(renames)
    with pytest.raises(InvalidInput, match="unfinished|already holds"):
        built(out, "newer")
    assert (out / MANIFEST).read_text() in ("old", "new")
    assert not out.with_name("index.replaced").exists()


def test_a_finished_build_replaces_no_index_that_it_was_not_told_to(killed_after):
    out = killed_after(0)
    assert not finish(out, SETTINGS, replace=False)
    assert (out / MANIFEST).read_text() == "old"
    assert not finish(out, {"exemplars": 6}, replace=True), "asked for otherwise"
    assert (out / MANIFEST).read_text() == "old"


def test_without_an_index_before(killed_after):
    out = killed_after(0, old=False)
    assert not out.exists()
    assert finish(out, SETTINGS, replace=False)
    assert names(out.parent) == ["index"]


def test_nothing_to_finish(tmp_path):
    assert not finish(tmp_path / "index", SETTINGS, replace=True)
    assert not names(tmp_path)


def test_what_was_replaced_goes_only_when_the_new_one_stands(tmp_path):
    an_index(tmp_path / "index.replaced", "old")
    recover(tmp_path / "index")
    assert names(tmp_path) == ["index"]
    an_index(tmp_path / "index.replaced", "older")
    recover(tmp_path / "index")
    assert (tmp_path / "index" / MANIFEST).read_text() == "old"
    assert names(tmp_path) == ["index"]


def test_a_refusal_leaves_an_unfinished_build_alone(tmp_path):
    out = tmp_path / "index"
    with pytest.raises(RuntimeError), claimed(out, SETTINGS, resume=False, replace=False) as work:
        (work / "collect.npz").write_bytes(b"hours of work")
        raise RuntimeError
    for settings, resume in ((SETTINGS, False), ({"exemplars": 6}, True), ({"exemplars": 6}, False)):
        with pytest.raises(InvalidInput), claimed(out, settings, resume=resume, replace=False):
            raise AssertionError
        assert (work / "collect.npz").exists()
    with claimed(out, SETTINGS, resume=True, replace=False) as again:
        assert again == work and (work / "collect.npz").exists()


@pytest.mark.parametrize("left", [(), (LOCK,), (LOCK, "asked.sha256.part"), (LOCK, "asked.sha256", "begun.json")])
def test_a_build_killed_before_it_did_anything_is_in_nobodys_way(tmp_path, left):
    work = tmp_path / "index.building"
    work.mkdir()
    for name in left:
        (work / name).write_text("")
    with claimed(tmp_path / "index", SETTINGS, resume=False, replace=False) as claimed_work:
        assert not (claimed_work / "begun.json").exists()
    assert not names(tmp_path)


def test_one_at_a_time(tmp_path):
    with locked(tmp_path / "work"):
        held = json.loads((tmp_path / "work" / LOCK).read_text())
        with pytest.raises(IndexUnusable, match=f"process {held['process']}, since {held['since'][:4]}"):
            with locked(tmp_path / "work"):
                raise AssertionError
    with locked(tmp_path / "work"):
        pass
