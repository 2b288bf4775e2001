"""What `huggingface:` reads from datasets saved by the library, and what it refuses."""

import io
from pathlib import Path

import datasets
import pytest
from PIL import Image

from indexer.datasets.huggingface import load
from indexer.errors import DatasetFault, InvalidInput, UnknownName


def _cell(number: int, path: str | None = None) -> dict[str, object]:
    content = io.BytesIO()
    Image.new("RGB", (3 + number, 2), (number, 0, 0)).save(content, "png")
    return {"bytes": content.getvalue(), "path": path}


def _dataset(count: int = 4, **columns: object) -> datasets.Dataset:
    made = datasets.Dataset.from_dict({"img": [_cell(number) for number in range(count)], **columns})
    return made.cast_column("img", datasets.Image())


def _classes(made: datasets.Dataset, column: str) -> datasets.Dataset:
    return made.cast_column(column, datasets.ClassLabel(names=["cat", "dog"]))


def test_class_numbers_get_their_names(tmp_path: Path) -> None:
    made = _classes(_classes(_dataset(label=[1, 0, -1, 1], fine=[0, 0, 1, 1]), "label"), "fine")
    made.save_to_disk(tmp_path / "d", num_shards=2)
    dataset = load(str(tmp_path / "d"))
    assert dataset.metadata["label"].dropna().tolist() == ["dog", "cat", "dog"]
    assert dataset.metadata["label"].isna().tolist() == [False, False, True, False]
    assert dataset.metadata["fine"].tolist() == ["cat", "cat", "dog", "dog"]
    assert [dataset.load(number).width for number in range(4)] == [3, 4, 5, 6]
    assert list(load(f"{tmp_path / 'd'},fine=dog").keys) == ["000002", "000003"]


def test_the_only_column_with_class_names_is_the_label(tmp_path: Path) -> None:
    _classes(_dataset(kind=[1, 0, 0, 1]), "kind").save_to_disk(tmp_path / "d")
    metadata = load(str(tmp_path / "d")).metadata
    assert metadata["label"].tolist() == metadata["kind"].tolist() == ["dog", "cat", "cat", "dog"]


def test_several_splits(tmp_path: Path) -> None:
    splits = {"train": _dataset(3, split=["x", "y", "x"]), "test": _dataset(1, split=["x"])}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "d")
    with pytest.raises(InvalidInput, match="2 splits: train, test") as fault:
        load(str(tmp_path / "d"))
    assert fault.value.hint == f"Choose one, e.g. huggingface:{tmp_path / 'd'},split=train."
    with pytest.raises(UnknownName) as fault:
        load(f"{tmp_path / 'd'},split=tset")
    assert fault.value.hint == "Did you mean 'test'?"
    assert len(load(f"{tmp_path / 'd'},split=test").keys) == 1
    assert list(load(f"{tmp_path / 'd'},split=train,split=x").keys) == ["000000", "000002"]


def test_a_single_split_needs_no_name(tmp_path: Path) -> None:
    datasets.DatasetDict({"train": _dataset(2)}).save_to_disk(tmp_path / "d")
    assert len(load(str(tmp_path / "d")).keys) == 2
    assert len(load(str(tmp_path / "d" / "train")).keys) == 2


def test_split_is_a_column_where_there_are_no_splits(tmp_path: Path) -> None:
    _dataset(3, split=["a", "b", "b"]).save_to_disk(tmp_path / "d")
    assert list(load(f"{tmp_path / 'd'},split=b").keys) == ["000001", "000002"]
    _dataset(3).save_to_disk(tmp_path / "e")
    with pytest.raises(UnknownName, match="'split'"):
        load(f"{tmp_path / 'e'},split=b")


def test_keys_hold_the_names_of_files(tmp_path: Path) -> None:
    made = datasets.Dataset.from_dict({"img": [_cell(0, "/far/away/a.png"), _cell(1)]})
    made.cast_column("img", datasets.Image()).save_to_disk(tmp_path / "d")
    assert list(load(str(tmp_path / "d")).keys) == ["000000/a.png", "000001"]


def test_chosen_rows_are_saved_as_they_were_chosen(tmp_path: Path) -> None:
    _dataset(4, n=[0, 1, 2, 3]).shuffle(seed=1).select([2, 0]).save_to_disk(tmp_path / "d")
    dataset = load(str(tmp_path / "d"))
    assert [dataset.load(number).width - 3 for number in range(2)] == dataset.metadata["n"].tolist()


def test_several_image_columns(tmp_path: Path) -> None:
    made = _dataset(2).add_column("mask", [_cell(5), _cell(6)]).cast_column("mask", datasets.Image())
    made.save_to_disk(tmp_path / "d")
    with pytest.raises(InvalidInput, match="2 columns that may hold images: img, mask"):
        load(str(tmp_path / "d"))
    dataset = load(f"{tmp_path / 'd'},image=mask")
    assert dataset.load(0).width == 8
    assert dataset.describe()["left_out"] == ["img"]


@pytest.mark.parametrize("option", ["", ",image=n"])
def test_no_image_column(tmp_path: Path, option: str) -> None:
    datasets.Dataset.from_dict({"n": [1]}).save_to_disk(tmp_path / "d")
    with pytest.raises(InvalidInput, match=r"has no column of images: n \(int64\)") as fault:
        load(f"{tmp_path / 'd'}{option}")
    assert "cast_column" in fault.value.hint


def test_what_is_no_saved_dataset(tmp_path: Path) -> None:
    for argument, hint in (("cifar10", "load_dataset('cifar10').save_to_disk"), (str(tmp_path), f"folder:{tmp_path}")):
        with pytest.raises(InvalidInput) as fault:
            load(argument)
        assert hint in fault.value.hint
    (tmp_path / "train.parquet").write_bytes(b"")
    with pytest.raises(InvalidInput) as fault:
        load(str(tmp_path))
    assert fault.value.hint == f"Write parquet:{tmp_path}."
    with pytest.raises(InvalidInput, match="needs a path"):
        load("")


@pytest.mark.parametrize("name", ["data-00000-of-00001.arrow", "state.json", "dataset_info.json"])
def test_a_damaged_dataset(tmp_path: Path, name: str) -> None:
    _dataset().save_to_disk(tmp_path / "d")
    (tmp_path / "d" / name).write_bytes(b"{")
    with pytest.raises(DatasetFault, match="cannot be opened"):
        load(str(tmp_path / "d"))


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _dataset(18).save_to_disk(tmp_path / "d", num_shards=18)
    capfd.readouterr()
    load(str(tmp_path / "d"))
    assert capfd.readouterr() == ("", "")
    assert not datasets.utils.are_progress_bars_disabled()
