"""What `parquet:` reads from tables with images in them or beside them, and how it tells what is wrong."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from indexer.datasets import parquet_files
from indexer.datasets.parquet import load
from indexer.errors import DatasetFault, InvalidInput, UnknownName


def _png(number: int) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (3 + number, 2), (number, 0, 0)).save(content, "png")
    return content.getvalue()


def _write(root: Path, columns: dict[str, object], name: str = "t.parquet", **options: object) -> str:
    pq.write_table(pa.table(columns), root / name, **options)
    return str(root / name)


def _bytes(count: int) -> list[bytes]:
    return [_png(number) for number in range(count)]


def _widths(dataset) -> list[int]:
    return [dataset.load(number).width for number in range(len(dataset.keys))]


def test_columns_keep_their_types(tmp_path: Path) -> None:
    argument = _write(
        tmp_path,
        {
            "image": _bytes(2),
            "id": pa.array([2**60 + 1, None], pa.int64()),
            "day": pa.array([date(2020, 1, 2), None]),
            "price": pa.array([Decimal("1.50"), None]),
            "site": pa.array(["arm", None]).dictionary_encode(),
            "ruler": pa.array([True, None]),
            "age": pa.array([1.5, None], pa.float32()),
        },
    )
    metadata = load(argument).metadata
    assert metadata["id"].tolist()[0] == 2**60 + 1
    assert [metadata["day"][0], metadata["price"][0], metadata["site"][0]] == [date(2020, 1, 2), Decimal("1.50"), "arm"]
    assert metadata["ruler"].dtype == "boolean" and metadata["age"].dtype == np.float32
    assert metadata.isna().to_numpy().tolist() == [[False] * 6, [True] * 6]


def test_images_in_cells_have_the_numbers_of_their_rows(tmp_path: Path) -> None:
    argument = _write(tmp_path, {"x": _bytes(12), "split": ["a", "b"] * 6}, row_group_size=5)
    dataset = load(f"{argument},split=b")
    assert list(dataset.keys) == ["000001", "000003", "000005", "000007", "000009", "000011"]
    assert _widths(dataset) == [4, 6, 8, 10, 12, 14]


def test_a_table_may_hold_nothing_but_images(tmp_path: Path) -> None:
    dataset = load(_write(tmp_path, {"x": _bytes(3)}))
    assert _widths(dataset) == [3, 4, 5]
    assert dataset.metadata.shape == (3, 0)


def test_structures_give_the_names_of_their_files(tmp_path: Path) -> None:
    Image.new("RGB", (9, 2)).save(tmp_path / "beside.png")
    cells = [{"bytes": _png(0), "path": "far/away/a.png"}, {"bytes": None, "path": "beside.png"}]
    dataset = load(_write(tmp_path, {"image": [*cells, {"bytes": None, "path": None}]}))
    assert list(dataset.keys) == ["000000/a.png", "000001/beside.png", "000002"]
    assert [dataset.load(number).width for number in range(2)] == [3, 9]
    with pytest.raises(DatasetFault, match="'000002' cannot be read: there is none"):
        dataset.load(2)


def test_keys_are_the_paths_where_they_are_named_too(tmp_path: Path) -> None:
    argument = _write(tmp_path, {"x": _bytes(3), "name": ["c", "a", "b"]})
    dataset = load(f"{argument},image=x,path=name")
    assert list(dataset.keys) == ["a", "b", "c"]
    assert _widths(dataset) == [4, 5, 3]
    assert "name" not in dataset.metadata.columns


@pytest.mark.parametrize("option", ["path=picture", "image=picture"])
def test_images_beside_the_table(tmp_path: Path, option: str) -> None:
    for name in ("b.png", "a.png"):
        (tmp_path / name).write_bytes(_png(0))
    argument = _write(tmp_path, {"picture": ["b.png", "a.png"], "thumb": _bytes(2), "label": [7, 8]})
    dataset = load(f"{argument},{option}")
    assert list(dataset.keys) == ["a.png", "b.png"]
    assert dataset.metadata["label"].tolist() == ["8", "7"]
    assert dataset.describe()["left_out"] == ["thumb"]


def test_a_folder_is_one_table_in_the_order_of_its_files(tmp_path: Path) -> None:
    images = _bytes(5)
    (tmp_path / "data").mkdir()
    for number, (first, last) in enumerate([(0, 2), (2, 5)]):
        columns = {"x": images[first:last], "n": list(range(first, last))}
        _write(tmp_path / "data", columns, f"train-{number}.parquet", row_group_size=2)
    (tmp_path / "data/_metadata.parquet").write_bytes(b"not looked at")
    dataset = load(str(tmp_path))
    assert _widths(dataset) == [3, 4, 5, 6, 7]
    assert dataset.metadata["n"].tolist() == [0, 1, 2, 3, 4]


def test_class_numbers_get_the_names_stored_beside_them(tmp_path: Path) -> None:
    features = {"label": {"_type": "ClassLabel", "names": ["cat", "dog"]}, "x": {"_type": "Image"}}
    about = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    table = pa.table({"x": _bytes(3), "label": [1, 0, -1]}).replace_schema_metadata(about)
    pq.write_table(table, tmp_path / "t.parquet")
    dataset = load(str(tmp_path / "t.parquet"))
    assert dataset.metadata["label"].tolist()[:2] == ["dog", "cat"]
    assert dataset.metadata["label"].isna().tolist() == [False, False, True]
    assert len(load(f"{tmp_path / 't.parquet'},label=label,label=dog").keys) == 1
    pq.write_table(table.set_column(1, "label", pa.array([0, 1, 2])), tmp_path / "t.parquet")
    with pytest.raises(DatasetFault, match="class 2, but names 2 classes"):
        load(str(tmp_path / "t.parquet"))


def test_class_names_stored_beside_texts_change_nothing(tmp_path: Path) -> None:
    about = {b"huggingface": json.dumps({"info": {"features": {"label": {"names": ["cat"]}, "x": None}}}).encode()}
    pq.write_table(pa.table({"x": _bytes(1), "label": ["dog"]}).replace_schema_metadata(about), tmp_path / "t.parquet")
    assert load(str(tmp_path / "t.parquet")).metadata["label"].tolist() == ["dog"]


def test_types_of_every_kind_go_into_the_index(tmp_path: Path) -> None:
    from datetime import datetime, time, timedelta

    columns = {
        "day": [date(2020, 1, 2), None],
        "price": [Decimal("1.50"), None],
        "at": [datetime(1600, 1, 2, 3), None],
        "hour": [time(3, 4), None],
        "nothing": pa.array([None, None]),
        "lasted": [timedelta(seconds=3), None],
        "big": pa.array([2**63, None], pa.uint64()),
        "half": pa.array(np.float16([1, 2])),
    }
    argument = _write(tmp_path, {"x": _bytes(2), **columns})
    load(argument).metadata.to_parquet(tmp_path / "samples.parquet", index=False)
    stored = pq.read_table(tmp_path / "samples.parquet").to_pydict()
    expected = {name: pa.array(cells).to_pylist()[0] for name, cells in columns.items()}
    assert {name: cells[0] for name, cells in stored.items()} == expected


def test_an_index_of_pandas_stays_a_column(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": _bytes(2), "age": [5, 6]}, index=pd.Index(["p", "q"], name="patient"))
    frame.to_parquet(tmp_path / "t.parquet")
    assert load(str(tmp_path / "t.parquet")).metadata["patient"].tolist() == ["p", "q"]


@pytest.mark.parametrize(("option", "kept"), [("age=30", 1), ("ruler=true", 2), ("day=2020-01-02", 1), ("label=1", 2)])
def test_filters_read_the_value_as_the_columns_type(tmp_path: Path, option: str, kept: int) -> None:
    columns = {
        "x": _bytes(3),
        "age": [30.0, 41.5, None],
        "ruler": [True, False, True],
        "day": pa.array([date(2020, 1, 2), date(2021, 1, 1), None]),
        "label": [1, 1, 2],
    }
    argument = _write(tmp_path, columns)
    assert len(load(f"{argument},label=label,{option}").keys) == kept


@pytest.mark.parametrize(
    ("option", "hint"), [("split=tset", "Did you mean 'test'?"), ("age=x", "Known: 1."), ("age=1.5", "Known: 1.")]
)
def test_no_row_is_left(tmp_path: Path, option: str, hint: str) -> None:
    argument = _write(tmp_path, {"x": _bytes(1), "split": ["test"], "age": [1]})
    with pytest.raises(DatasetFault, match=f"No row of 't.parquet' has {option}") as fault:
        load(f"{argument},{option}")
    assert fault.value.hint == hint


@pytest.mark.parametrize("option", ["splt=test", "label=splt", "image=splt"])
def test_unknown_column(tmp_path: Path, option: str) -> None:
    argument = _write(tmp_path, {"x": _bytes(1), "split": ["test"]})
    with pytest.raises(UnknownName, match="'splt'") as fault:
        load(f"{argument},{option}")
    assert "'split'" in fault.value.hint


@pytest.mark.parametrize("option", ["label=boxes", "boxes=1"])
def test_lists_are_no_labels(tmp_path: Path, option: str) -> None:
    argument = _write(tmp_path, {"x": _bytes(1), "boxes": [[1, 2]]})
    assert load(argument).describe()["left_out"] == ["boxes"]
    with pytest.raises(InvalidInput, match="'boxes' of 't.parquet' holds lists"):
        load(f"{argument},{option}")


def test_several_columns_of_images(tmp_path: Path) -> None:
    argument = _write(tmp_path, {"left": _bytes(2), "right": _bytes(2)[::-1]})
    with pytest.raises(InvalidInput, match="2 columns that may hold images: left, right") as fault:
        load(argument)
    assert "image=left" in fault.value.hint
    assert _widths(load(f"{argument},image=right")) == [4, 3]


@pytest.mark.parametrize("columns", [{"a": [1], "b": ["x"]}, {"path": [1]}])
def test_no_images(tmp_path: Path, columns: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="holds no images and no column of paths; it has") as fault:
        load(_write(tmp_path, columns))
    assert "image=COLUMN" in fault.value.hint


def test_a_column_that_cannot_hold_images(tmp_path: Path) -> None:
    argument = _write(tmp_path, {"x": _bytes(1), "age": [1], "name": ["a"]})
    for option in ("image=age", "image=name,path=name"):
        with pytest.raises(InvalidInput, match="not images"):
            load(f"{argument},{option}")


@pytest.mark.parametrize(
    ("paths", "message"),
    [(["a.png", "./a.png"], "row 1 names './a.png' again, first named in row 0"), (["a.png", None], "row 1 has no")],
)
def test_faulty_paths(tmp_path: Path, paths: list[str], message: str) -> None:
    with pytest.raises(DatasetFault, match=message):
        load(_write(tmp_path, {"path": paths}))


def test_files_of_different_columns(tmp_path: Path) -> None:
    _write(tmp_path, {"x": _bytes(1), "a": [1]}, "a.parquet")
    _write(tmp_path, {"x": _bytes(1), "b": [1]}, "b.parquet")
    with pytest.raises(DatasetFault, match=r"'a.parquet' and 'b.parquet' have different columns: a, b"):
        load(str(tmp_path))
    _write(tmp_path, {"x": _bytes(1), "a": ["text"]}, "b.parquet")
    with pytest.raises(DatasetFault, match="cannot be read"):
        load(str(tmp_path))


def test_no_table(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="needs a file"):
        load("")
    with pytest.raises(InvalidInput, match="No table at"):
        load(str(tmp_path / "t.parquet"))
    with pytest.raises(DatasetFault, match=r"No \.parquet files below"):
        load(str(tmp_path))
    (tmp_path / "t.csv").write_text("path\n")
    with pytest.raises(InvalidInput) as fault:
        load(str(tmp_path / "t.csv"))
    assert fault.value.hint == f"Write csv:{tmp_path / 't.csv'}."
    with pytest.raises(DatasetFault, match="has no rows"):
        load(_write(tmp_path, {"x": pa.array([], pa.binary())}))


@pytest.mark.parametrize("content", [b"", b"PAR1 no table", b"path,label\n"])
def test_no_parquet(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(DatasetFault, match="cannot be read as Parquet"):
        load(str(tmp_path / "t.parquet"))


def test_a_damaged_row_group_costs_its_samples_only(tmp_path: Path) -> None:
    argument = _write(tmp_path, {"x": _bytes(4)}, row_group_size=2, compression="snappy")
    about = pq.read_metadata(argument).row_group(0).column(0)
    damaged = bytearray(Path(argument).read_bytes())
    start = about.dictionary_page_offset or about.data_page_offset
    damaged[start : start + about.total_compressed_size] = b"\xff" * about.total_compressed_size
    Path(argument).write_bytes(damaged)
    dataset = load(argument)
    for number in (0, 1, 0):
        with pytest.raises(
            DatasetFault, match=f"'00000{number}' cannot be read: row group 0 of 't.parquet' is damaged"
        ):
            dataset.load(number)
    assert [dataset.load(number).width for number in (2, 3)] == [5, 6]


def test_a_row_group_is_read_once_by_all_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    real = parquet_files.ParquetFiles.group
    monkeypatch.setattr(
        parquet_files.ParquetFiles,
        "group",
        lambda self, number, column: (reads.append(number), real(self, number, column))[1],
    )
    dataset = load(_write(tmp_path, {"x": _bytes(12)}, row_group_size=4))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda number: dataset.load(number).width, range(12))) == list(range(3, 15))
    assert sorted(reads) == [0, 1, 2]


def test_few_row_groups_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_files, "CACHE_LIMIT", 1)
    files = parquet_files.ParquetFiles("t", [Path(_write(tmp_path, {"x": _bytes(12)}, row_group_size=2))])
    cells = parquet_files.CachedCells(files, "x")
    assert [cells.cell(row) for row in (*range(12), *range(12))] == [*_bytes(12), *_bytes(12)]
    assert len(cells._kept) == 2


def test_a_row_group_too_large_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argument = _write(tmp_path, {"x": _bytes(12), "note": ["n" * 4000] * 12}, use_dictionary=False)
    monkeypatch.setattr(parquet_files, "GROUP_LIMIT", 2000)
    load(argument)
    monkeypatch.setattr(parquet_files, "GROUP_LIMIT", 200)
    with pytest.raises(DatasetFault, match="row group of 't.parquet' holds") as fault:
        load(argument)
    assert "row_group_size" in fault.value.hint
