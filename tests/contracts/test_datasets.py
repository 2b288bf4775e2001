"""Every dataset adapter keeps the contract of `indexer/datasets/dataset.py`."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from indexer.catalogue import DATASETS
from indexer.datasets.dataset import GROUP, LABEL, Dataset

NAMES = ("cat/b.png", "cat/a.png", "dog/c.jpg", "dog/deep/d.webp")


def _images(root: Path) -> None:
    for number, name in enumerate(NAMES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + number, 12), (40 * number, 90, 200)).save(root / name)


def _folder(root: Path) -> str:
    _images(root)
    return f"folder:{root}"


def _csv(root: Path) -> str:
    _images(root)
    rows = [f"{name},{number % 2},p{number},{number / 2}" for number, name in enumerate(NAMES)]
    (root / "table.csv").write_text("\n".join(["image,label,group,age", *rows]))
    return f"csv:{root / 'table.csv'}"


def _lesions(_: Path) -> str:
    return "lesions:6"


SPECS = {"folder": _folder, "csv": _csv, "lesions": _lesions}


@pytest.fixture(params=SPECS.values(), ids=SPECS.keys())
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    write: Callable[[Path], str] = request.param
    return write(tmp_path)


@pytest.fixture
def dataset(spec: str) -> Dataset:
    loaded: Dataset = DATASETS.load(spec)
    return loaded


def test_every_adapter_is_here() -> None:
    assert set(SPECS) == set(DATASETS.entries)


def test_keys_are_unique_and_sorted(dataset: Dataset) -> None:
    assert list(dataset.keys) == sorted(set(dataset.keys))
    assert all(isinstance(key, str) for key in dataset.keys)


def test_metadata_has_a_row_for_each_key(dataset: Dataset) -> None:
    assert isinstance(dataset.metadata, pd.DataFrame)
    assert dataset.metadata.index.tolist() == list(range(len(dataset.keys)))
    for column in {LABEL, GROUP} & set(dataset.metadata.columns):
        assert all(isinstance(name, str) for name in dataset.metadata[column].dropna())


def test_samples_are_rgb_and_the_same_in_any_order(dataset: Dataset) -> None:
    numbers = range(len(dataset.keys))
    forwards = {number: dataset.load(number) for number in numbers}
    backwards = {number: dataset.load(number) for number in reversed(numbers)}
    assert {image.mode for image in forwards.values()} == {"RGB"}
    assert all(forwards[number].tobytes() == backwards[number].tobytes() for number in numbers)


def test_a_second_load_is_the_same_dataset(spec: str, dataset: Dataset) -> None:
    again: Dataset = DATASETS.load(spec)
    assert list(again.keys) == list(dataset.keys)
    assert again.describe() == dataset.describe()
    pd.testing.assert_frame_equal(again.metadata, dataset.metadata)


def test_description_goes_into_a_manifest(spec: str, dataset: Dataset) -> None:
    described = json.loads(json.dumps(dataset.describe()))
    assert described["adapter"] == spec.partition(":")[0]
