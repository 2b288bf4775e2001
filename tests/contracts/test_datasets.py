"""Every dataset adapter keeps the contract of `indexer/datasets/dataset.py`."""

import io
import json
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from indexer.catalogue import DATASETS
from indexer.datasets.batches import Reading, distinct_batches
from indexer.datasets.dataset import GROUP, LABEL, Dataset
from indexer.datasets.tables import CALLED
from indexer.errors import DatasetFault

Contents = dict[str, bytes]
NAMES = ("cat/a.png", "cat/b.png", "dog/c.jpg", "dog/deep/d.webp")
LABELS = [name.split("/")[0] for name in NAMES]


def _encoded(number: int, name: str) -> bytes:
    content = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 255, (12, 20 + number, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(content, {"png": "png", "jpg": "jpeg", "webp": "webp"}[name.rsplit(".")[-1]])
    return content.getvalue()


IMAGES: Contents = {name: _encoded(number, name) for number, name in enumerate(NAMES)}


def _columns(names: list[str]) -> dict[str, list[object]]:
    """A label, a group and columns of other types, one cell missing in each."""
    labels: list[object] = [name.split("/")[0] for name in names]
    rest = len(names) - 2
    return {
        "label": labels,
        "group": [f"p{number}" for number in range(len(names))],
        "age": [41.5, None, *[30.0] * rest],
        "lesions": [3, None, *[2] * rest],
        "ruler": [True, None, *[False] * rest],
        "site": ["arm, left", None, *["leg"] * rest],
    }


def _write_files(root: Path, images: Contents) -> None:
    for name, content in images.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def _folder(root: Path, images: Contents) -> str:
    _write_files(root, images)
    return f"folder:{root}"


def _csv(root: Path, images: Contents) -> str:
    _write_files(root, images)
    table = pd.DataFrame({"image": list(images), **_columns(list(images))})
    table["lesions"] = table["lesions"].astype("Int64")
    table.to_csv(root / "table.csv", index=False)
    return f"csv:{root / 'table.csv'}"


def _parquet_paths(root: Path, images: Contents) -> str:
    _write_files(root, images)
    pq.write_table(pa.table({"image": list(images), **_columns(list(images))}), root / "table.parquet")
    return f"parquet:{root / 'table.parquet'}"


def _parquet_bytes(root: Path, images: Contents) -> str:
    columns = {"picture": list(images.values()), **_columns(list(images))}
    pq.write_table(pa.table(columns), root / "table.parquet", row_group_size=1)
    return f"parquet:{root / 'table.parquet'}"


def _parquet_structures(root: Path, images: Contents) -> str:
    cells = [{"bytes": content, "path": name} for name, content in images.items()]
    table = pa.table({"image": cells, **_columns(list(images))})
    for number in range(2):
        part = table.slice(2 * number, 2 if number == 0 else None)
        pq.write_table(part, root / f"train-{number:05d}-of-00002.parquet")
    return f"parquet:{root}"


def _huggingface(root: Path, images: Contents) -> str:
    import datasets

    cells = [{"bytes": content, "path": name} for name, content in images.items()]
    saved = datasets.Dataset.from_dict({"image": cells, **_columns(list(images))})
    saved = saved.cast_column("image", datasets.Image())
    classes = sorted({name.split("/")[0] for name in images}, reverse=True)
    saved.cast_column("label", datasets.ClassLabel(names=classes)).save_to_disk(root / "saved")
    return f"huggingface:{root / 'saved'}"


def _webdataset(root: Path, images: Contents) -> str:
    rows = pd.DataFrame(_columns(list(images)), dtype=object).to_dict("records")
    for shard in range(2):
        with tarfile.open(root / f"shard-{shard:03d}.tar", "w") as tar:
            for number, (name, content) in list(enumerate(images.items()))[shard::2]:
                told = json.dumps({key: None if pd.isna(cell) else cell for key, cell in rows[number].items()})
                for ending, data in ((name.rsplit(".")[-1], content), ("json", told.encode())):
                    member = tarfile.TarInfo(f"{number:04d}.{ending}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
    return f"webdataset:{root}/shard-{{000..001}}.tar"


def _zip(root: Path, images: Contents) -> str:
    with zipfile.ZipFile(root / "images.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in images.items():
            archive.writestr(name, content)
    return f"zip:{root / 'images.zip'}"


def _lesions(_root: Path, _images: Contents) -> str:
    return "lesions:6"


FILES: dict[str, Callable[[Path, Contents], str]] = {
    "folder": _folder,
    "csv": _csv,
    "parquet of paths": _parquet_paths,
    "parquet of bytes": _parquet_bytes,
    "parquet of structures": _parquet_structures,
    "huggingface": _huggingface,
    "webdataset": _webdataset,
    "zip": _zip,
}
"""Adapter and what it is given → how the same images are written for it."""
SPECS = {**FILES, "lesions": _lesions}
TABLES = [name for name in FILES if name not in ("folder", "zip")]


@pytest.fixture(params=SPECS.values(), ids=SPECS.keys())
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    write: Callable[[Path, Contents], str] = request.param
    return write(tmp_path, IMAGES)


@pytest.fixture
def dataset(spec: str) -> Dataset:
    loaded: Dataset = DATASETS.load(spec)
    return loaded


def test_every_adapter_is_here() -> None:
    missing = set(DATASETS.entries) - {name.split()[0] for name in SPECS}
    assert not missing, f"no contract case for {', '.join(sorted(missing))}: add one to FILES"


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


def test_threads_may_load_at_once(dataset: Dataset) -> None:
    numbers = list(range(len(dataset.keys))) * 8
    alone = [dataset.load(number).tobytes() for number in numbers]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: dataset.load(number).tobytes(), numbers)) == alone


def test_a_second_load_is_the_same_dataset(spec: str, dataset: Dataset) -> None:
    again: Dataset = DATASETS.load(spec)
    assert list(again.keys) == list(dataset.keys)
    assert again.describe() == dataset.describe()
    pd.testing.assert_frame_equal(again.metadata, dataset.metadata)


def test_description_goes_into_a_manifest(spec: str, dataset: Dataset) -> None:
    described = json.loads(json.dumps(dataset.describe()))
    assert described["adapter"] == spec.partition(":")[0]


def test_metadata_survives_the_index(dataset: Dataset, tmp_path: Path) -> None:
    dataset.metadata.to_parquet(tmp_path / "samples.parquet", index=False)
    stored = pd.read_parquet(tmp_path / "samples.parquet")
    assert stored.isna().equals(dataset.metadata.isna())
    assert stored.astype(str).equals(dataset.metadata.astype(str))


@pytest.mark.parametrize("write", FILES.values(), ids=FILES.keys())
def test_all_give_the_same_pixels_and_labels(write: Callable[[Path, Contents], str], tmp_path: Path) -> None:
    dataset: Dataset = DATASETS.load(write(tmp_path, IMAGES))
    for number, content in enumerate(IMAGES.values()):
        assert np.array_equal(np.asarray(dataset.load(number)), np.asarray(Image.open(io.BytesIO(content))))
    assert dataset.metadata[LABEL].tolist() == LABELS


@pytest.mark.parametrize("name", TABLES)
def test_tables_keep_every_other_column_and_its_type(name: str, tmp_path: Path) -> None:
    metadata = DATASETS.load(FILES[name](tmp_path, IMAGES)).metadata
    assert metadata[GROUP].tolist() == ["p0", "p1", "p2", "p3"]
    assert metadata["age"].dtype.kind == "f" and metadata["age"].isna().tolist() == [False, True, False, False]
    assert metadata["age"].tolist()[::2] == [41.5, 30.0]
    assert [str(each) for each in metadata["ruler"].dropna()] == ["True", "False", "False"]
    assert metadata["lesions"].dropna().tolist() == [3, 2, 2]
    assert metadata["site"].dropna().tolist() == ["arm, left", "leg", "leg"]
    assert not {"image", "picture", *CALLED["path"]} & set(metadata.columns)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize(
    ("chosen", "labels"),
    [("site=leg", ["dog", "dog"]), ("label=label,label=cat", ["cat", "cat"]), ("label=site,site=leg", ["leg", "leg"])],
)
def test_tables_have_one_grammar(name: str, chosen: str, labels: list[str], tmp_path: Path) -> None:
    dataset: Dataset = DATASETS.load(f"{FILES[name](tmp_path, IMAGES)},{chosen}")
    assert dataset.metadata[LABEL].tolist() == labels
    assert dataset.load(len(labels) - 1).mode == "RGB"


def _bomb() -> bytes:
    """A PNG of 400 megapixels in a few bytes: its header is true, its data are missing."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunks = [b"IHDR" + header, b"IDAT" + zlib.compress(bytes(100)), b"IEND"]
    packed = b"".join(struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in chunks)
    return b"\x89PNG\r\n\x1a\n" + packed


FAULTY = {
    "a/corrupt.png": b"\x89PNG\r\n\x1a\n" + bytes(60),
    "b/empty.png": b"",
    "c/none.jpg": b"this is no image",
    "d/huge.png": _bomb(),
    "e/truncated.jpg": IMAGES["dog/c.jpg"][:-200],
}


@pytest.mark.parametrize("write", FILES.values(), ids=FILES.keys())
def test_a_faulty_image_is_named_and_the_others_are_read(
    write: Callable[[Path, Contents], str], tmp_path: Path
) -> None:
    dataset: Dataset = DATASETS.load(write(tmp_path, {**FAULTY, "z/good.png": IMAGES["cat/a.png"]}))
    for number in range(len(FAULTY)):
        with pytest.raises(DatasetFault, match="cannot be read") as fault:
            dataset.load(number)
        assert repr(dataset.keys[number]) in fault.value.message
        assert fault.value.hint
        assert str(tmp_path) not in fault.value.message
    reading = Reading()
    shown = [batch.numbers for batch in distinct_batches(dataset, np.asarray, reading, size=4, threads=2)]
    assert shown == [[len(FAULTY)]]
    assert sorted(reading.faults) == list(range(len(FAULTY)))
