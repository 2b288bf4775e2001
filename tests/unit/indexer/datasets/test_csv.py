"""What `csv:` reads from a table, and how it tells what is wrong with it."""

from pathlib import Path

import pytest
from PIL import Image

from indexer.datasets.csv import load
from indexer.errors import DatasetFault, InvalidInput, UnknownName

TABLE = """Image,split,malignant,patient,age,hair,site,code
b.png,train,1,7,41.5,1,NA,007
a.png,train,0,8,,,"arm, left",012
c.png,test,1,7,30,0,,013
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in "abc":
        Image.new("RGB", (3, 3)).save(tmp_path / f"{name}.png")
    (tmp_path / "table.csv").write_text(TABLE)
    return tmp_path / "table.csv"


def _write(table: Path, text: str) -> str:
    table.write_text(text)
    return str(table)


def test_rows_come_in_the_order_of_their_paths(table: Path) -> None:
    dataset = load(str(table))
    assert list(dataset.keys) == ["a.png", "b.png", "c.png"]
    assert dataset.metadata["age"].tolist()[1:] == [41.5, 30]
    assert dataset.load(0).size == (3, 3)


def test_columns_keep_their_types_and_empty_is_missing(table: Path) -> None:
    metadata = load(str(table)).metadata
    kinds = {name: metadata[name].dtype.kind for name in ("malignant", "age", "hair")}
    assert kinds == {"malignant": "i", "age": "f", "hair": "f"}
    assert metadata["age"].isna().tolist() == [True, False, False]
    assert metadata["site"].tolist()[:2] == ["arm, left", "NA"]
    assert metadata["site"].isna().tolist() == [False, False, True]
    assert metadata["code"].tolist() == ["012", "007", "013"]
    assert "Image" not in metadata.columns


def test_label_group_and_filter(table: Path) -> None:
    dataset = load(f"{table},label=malignant,group=patient,split=train")
    assert list(dataset.keys) == ["a.png", "b.png"]
    assert dataset.metadata["label"].tolist() == ["0", "1"]
    assert dataset.metadata["group"].tolist() == ["8", "7"]
    assert dataset.metadata["malignant"].tolist() == [0, 1]


def test_a_filter_may_hold_a_comma(table: Path) -> None:
    assert list(load(f"{table},site=arm, left").keys) == ["a.png"]


def test_a_column_called_label_can_be_filtered_by(table: Path) -> None:
    argument = _write(table, "path,label\na.png,cat\nb.png,dog\n")
    assert load(argument).metadata["label"].tolist() == ["cat", "dog"]
    assert list(load(f"{argument},label=label,label=dog").keys) == ["b.png"]


def test_path_column_by_name_tabs_and_byte_order_mark(table: Path) -> None:
    tabs = table.with_suffix(".tsv")
    tabs.write_text("\ufeffpicture\tpath\na.png\tx\n", encoding="utf-8")
    assert list(load(f"{tabs},path=picture").keys) == ["a.png"]


@pytest.mark.parametrize(
    ("option", "hint"), [("label=malignat", "'malignant'"), ("splt=train", "'split'"), ("path=imag", "'Image'")]
)
def test_unknown_column(table: Path, option: str, hint: str) -> None:
    with pytest.raises(UnknownName, match="No column of 'table.csv'") as fault:
        load(f"{table},{option}")
    assert hint in fault.value.hint


def test_no_row_is_left(table: Path) -> None:
    with pytest.raises(DatasetFault, match="split=tset") as fault:
        load(f"{table},split=tset")
    assert fault.value.hint == "Did you mean 'test'?"


def test_no_path_column(table: Path) -> None:
    with pytest.raises(InvalidInput, match="no column path, image, file or filename; it has a, b"):
        load(_write(table, "a,b\n1,2\n"))
    with pytest.raises(InvalidInput) as fault:
        load(_write(table, "path;b\na.png;2\n"))
    assert "told apart by commas" in fault.value.hint


@pytest.mark.parametrize("again", ["a.png", "./a.png"])
def test_duplicate_path(table: Path, again: str) -> None:
    with pytest.raises(DatasetFault, match=r"line 4 names .*a.png' again, first named in line 2"):
        load(_write(table, f"path,x\na.png,1\nb.png,2\n{again},3\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,x\na.png,1\n,2\n", "line 3 has no path"),
        ("path,x\na.png,1,9\n", "line 2 has 3 cells where the header has 2"),
        ('path,x\n"a.png,1\n', "is no CSV"),
        ("path,x,x\na.png,1,2\n", "several columns named 'x'"),
        ("path,x\n", "has no rows"),
        ("", "has no rows"),
    ],
)
def test_faulty_table(table: Path, text: str, message: str) -> None:
    with pytest.raises(DatasetFault, match=message):
        load(_write(table, text))


def test_blank_lines_and_cells_over_lines_keep_the_count(table: Path) -> None:
    with pytest.raises(DatasetFault, match="line 6 names 'a.png' again"):
        load(_write(table, 'path,x\na.png,"two\nlines"\n\nb.png,1\na.png,3\n'))


def test_not_utf8(table: Path) -> None:
    table.write_bytes("path,site\na.png,Rücken\n".encode("latin-1"))
    with pytest.raises(DatasetFault, match="not UTF-8"):
        load(str(table))


def test_all_files_absent(table: Path) -> None:
    with pytest.raises(DatasetFault, match="None of the first 2 files") as fault:
        load(_write(table, "path\nimages/a.png\nimages/b.png\n"))
    assert str(table.parent) in fault.value.hint


def test_one_file_absent_is_told_when_loaded(table: Path) -> None:
    dataset = load(_write(table, "path\na.png\ngone.png\n"))
    with pytest.raises(DatasetFault, match=r"'gone.png' cannot be read: the file does not exist"):
        dataset.load(1)


def test_absent_table_and_folder(table: Path) -> None:
    with pytest.raises(InvalidInput) as fault:
        load(str(table.with_name("tabel.csv")))
    assert "'table.csv'" in fault.value.hint
    with pytest.raises(InvalidInput, match="is a folder"):
        load(str(table.parent))
    with pytest.raises(InvalidInput, match="needs a file"):
        load("")
