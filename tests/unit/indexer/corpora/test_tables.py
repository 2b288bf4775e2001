"""`parquet:` and `huggingface:` with a text in every row."""

import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer.catalogue import CORPORA, is_corpus
from indexer.corpora import passages
from indexer.datasets import parquet_files
from indexer.errors import DatasetFault, InvalidInput, UnknownName

ROWS = {
    "body": ["The first text.\r\nIt has two lines.", None, "The third text.", "", "\u00e9 and \U0001f600"],
    "lang": ["en", "en", "de", "de", None],
    "stars": [1, None, 3, 4, 5],
    "tags": [["a"], [], [], [], []],
    "line": [10, 20, 30, 40, 50],
}


@pytest.fixture(params=["parquet", "huggingface"])
def table(request, tmp_path):
    """The same rows, as `adapter:path`."""
    if request.param == "parquet":
        pq.write_table(pa.table(ROWS), tmp_path / "texts.parquet", row_group_size=2)
        return f"parquet:{tmp_path / 'texts.parquet'}"
    library = pytest.importorskip("datasets")
    library.Dataset.from_dict(ROWS).save_to_disk(tmp_path / "texts")
    return f"huggingface:{tmp_path / 'texts'}"


def test_rows_are_documents(table):
    assert is_corpus(f"{table},text=body") and not is_corpus(table)
    corpus = CORPORA.load(f"{table},text=body")
    assert corpus.keys == ["000000:1", "000002:1", "000004:1"], "rows without a text are passed over"
    assert [corpus.load(number) for number in (2, 0, 1)] == [
        "\u00e9 and \U0001f600", "The first text.\nIt has two lines.", "The third text.",
    ]  # fmt: skip
    assert corpus.metadata["lang"].fillna("").tolist() == ["en", "de", ""]
    assert corpus.metadata["stars"].tolist() == [1, 3, 5] and "body" not in corpus.metadata


def test_columns_that_do_not_fit_are_left_out(table):
    corpus = CORPORA.load(f"{table},text=body")
    assert corpus.metadata["line"].tolist() == [1, 1, 1], "of the passage, not of the table"
    assert corpus.metadata.columns.is_unique
    assert corpus.describe()["left_out"] == ["line", "tags"]


def test_rows_of_a_value(table):
    assert CORPORA.load(f"{table},text=body,lang=de").keys == ["000002:1"]
    assert CORPORA.load(f"{table},stars=5,text=body").keys == ["000004:1"]
    with pytest.raises(DatasetFault, match="has lang=dee"):
        CORPORA.load(f"{table},text=body,lang=dee")


def test_passages_of_a_size(table):
    corpus = CORPORA.load(f"{table},text=body,passage=16")
    assert corpus.keys[:2] == ["000000:1", "000000:2"] and corpus.load(1) == "It has two lines."
    assert corpus.metadata["lang"].tolist()[:2] == ["en", "en"]
    with pytest.raises(InvalidInput, match="passage=0"):
        CORPORA.load(f"{table},text=body,passage=0")


def test_columns_that_hold_no_texts(table):
    with pytest.raises(UnknownName, match="No column of 'texts.*' named 'bodies'") as fault:
        CORPORA.load(f"{table},text=bodies")
    assert "Did you mean 'body'" in fault.value.hint
    with pytest.raises(InvalidInput, match="Column 'stars' of 'texts.*' holds .*, not texts"):
        CORPORA.load(f"{table},text=stars")
    with pytest.raises(InvalidInput, match="the column of texts") as fault:
        CORPORA.load(table)
    assert "text=COLUMN" in fault.value.hint


def test_texts_that_are_all_missing(tmp_path):
    pq.write_table(pa.table({"body": pa.array([None, None], pa.string())}), tmp_path / "none.parquet")
    with pytest.raises(DatasetFault, match="nothing to read in .*: it holds no text"):
        CORPORA.load(f"parquet:{tmp_path / 'none.parquet'},text=body")
    pq.write_table(pa.table({"body": pa.array([], pa.string())}), tmp_path / "empty.parquet")
    with pytest.raises(DatasetFault, match="has no rows"):
        CORPORA.load(f"parquet:{tmp_path / 'empty.parquet'},text=body")


def test_texts_stored_once_and_named_by_number(tmp_path):
    repeated = pa.array(["a text", "another text", "a text"]).dictionary_encode()
    pq.write_table(pa.table({"body": repeated}), tmp_path / "coded.parquet")
    corpus = CORPORA.load(f"parquet:{tmp_path / 'coded.parquet'},text=body")
    assert [corpus.load(number) for number in range(3)] == ["a text", "another text", "a text"]


def test_files_of_a_folder_are_one_table(tmp_path):
    for number in range(3):
        pq.write_table(pa.table({"body": [f"text {number}"]}), tmp_path / f"{number}.parquet")
    corpus = CORPORA.load(f"parquet:{tmp_path},text=body")
    assert [corpus.load(number) for number in range(3)] == ["text 0", "text 1", "text 2"]
    with pytest.raises(InvalidInput, match="Nothing at|There is no|No table"):
        CORPORA.load(f"parquet:{tmp_path}/no,text=body")


def test_a_damaged_row_group_is_tried_once(tmp_path, monkeypatch):
    file = tmp_path / "texts.parquet"
    rng = np.random.default_rng(0)
    bodies = ["".join(rng.choice(list("abcdefgh "), 2000)) for _ in range(40)]
    pq.write_table(pa.table({"body": bodies}), file, row_group_size=20, compression="gzip", use_dictionary=False)
    start = pq.ParquetFile(file).metadata.row_group(1).column(0).data_page_offset
    content = bytearray(file.read_bytes())
    content[start + 60 : start + 4000] = bytes(3940)
    file.write_bytes(content)
    read = parquet_files.ParquetFiles.group
    tried = []

    def group(self, number, column):
        tried.append(number)
        return read(self, number, column)

    monkeypatch.setattr(parquet_files.ParquetFiles, "group", group)
    corpus = CORPORA.load(f"parquet:{file},text=body")
    assert len(corpus.describe()["unreadable"]) == 20 and tried == [0, 1]


def test_texts_are_not_held_in_memory(tmp_path, monkeypatch):
    """Places are kept, texts are read again by row groups."""
    monkeypatch.setattr(passages, "REMEMBERED", 100_000)
    monkeypatch.setattr(parquet_files, "CACHE_LIMIT", 1 << 20)
    rows, length = 4_000, 2_000
    table = pa.table({"body": [f"{number:06d} " + "x" * length for number in range(rows)]})
    pq.write_table(table, tmp_path / "large.parquet", row_group_size=100)
    del table
    tracemalloc.start()
    corpus = CORPORA.load(f"parquet:{tmp_path / 'large.parquet'},text=body")
    assert all(corpus.load(number).startswith(f"{number // 2:06d}" if number % 2 == 0 else "x") for number in range(80))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < rows * length / 2, "of texts of 8 MB"
    assert isinstance(corpus.metadata, pd.DataFrame)
