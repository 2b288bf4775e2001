import pytest

from indexer.whole import files_on_disk, whole_file


def test_it_appears_when_it_is_whole(tmp_path):
    with whole_file(tmp_path / "a") as file:
        file.write(b"new")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("fault", [OSError(28, "full"), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_a_failed_attempt_leaves_what_was_there(tmp_path, fault):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(type(fault)), whole_file(tmp_path / "a") as file:
        file.write(b"half")
        raise fault
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_every_file_and_folder_is_flushed(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_bytes(b"1")
    flushed = []
    monkeypatch.setattr("os.fsync", flushed.append)
    files_on_disk(tmp_path)
    assert len(flushed) == 3
