"""Every corpus keeps the contract of indexer/corpora/corpus.py."""

import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer.catalogue import CORPORA
from indexer.corpora.corpus import DOCUMENT, LINE

TEXTS = ["Once upon a time.\n" * 30, "A second text, with one long line: " + "and on " * 200, "Third.\n\n\n\x0cEnd."]


@pytest.fixture(scope="module", params=sorted(CORPORA.entries))
def corpus(request, tmp_path_factory):
    """(name, corpus) of every adapter."""
    folder = tmp_path_factory.mktemp("corpus")
    name = request.param
    if name == "text":
        for number, text in enumerate(TEXTS):
            (folder / f"{number}.txt").write_text(text)
        spec = f"text:{folder}"
    elif name == "parquet":
        pq.write_table(pa.table({"body": TEXTS, "lang": ["en"] * 3}), folder / "texts.parquet", row_group_size=1)
        spec = f"parquet:{folder},text=body"
    elif name == "huggingface":
        library = pytest.importorskip("datasets")
        library.Dataset.from_dict({"body": TEXTS, "lang": ["en"] * 3}).save_to_disk(folder / "saved")
        spec = f"huggingface:{folder / 'saved'},text=body"
    else:
        spec = {"stdlib": "stdlib", "grammar": "grammar:50"}[name]
    return spec, CORPORA.load(spec)


def some(corpus):
    step = max(1, len(corpus.keys) // 40)
    return range(0, len(corpus.keys), step)


def test_keys_are_unique_and_there_is_a_row_for_each(corpus):
    _, corpus = corpus
    assert len(set(corpus.keys)) == len(corpus.keys) == len(corpus.metadata) > 0
    assert all(isinstance(key, str) and key.encode() for key in corpus.keys)
    assert list(corpus.metadata.index) == list(range(len(corpus.keys)))
    assert corpus.metadata.columns.is_unique


def test_passages_are_texts_that_are_not_blank(corpus):
    _, corpus = corpus
    for number in some(corpus):
        assert isinstance(corpus.load(number), str) and corpus.load(number).strip()


def test_the_same_passage_each_time_in_any_order(corpus):
    _, corpus = corpus
    forwards = {number: corpus.load(number) for number in some(corpus)}
    assert {number: corpus.load(number) for number in reversed(some(corpus))} == forwards


def test_opened_again_it_is_the_same(corpus):
    spec, corpus = corpus
    again = CORPORA.load(spec)
    assert list(again.keys) == list(corpus.keys) and again.describe() == corpus.describe()
    assert [again.load(number) for number in some(again)] == [corpus.load(number) for number in some(corpus)]
    assert again.metadata.equals(corpus.metadata)


def test_passages_of_a_document_follow_each_other(corpus):
    _, corpus = corpus
    documents, lines = corpus.metadata[DOCUMENT].tolist(), corpus.metadata[LINE].tolist()
    changes = [number for number in range(1, len(documents)) if documents[number] != documents[number - 1]]
    assert len(set(documents)) == len(changes) + 1
    within = set(range(1, len(documents))) - set(changes)
    assert all(lines[number] >= lines[number - 1] for number in within)
    assert all(line >= 1 for line in lines)


def test_it_describes_itself(corpus):
    spec, corpus = corpus
    assert corpus.describe()["adapter"] == spec.partition(":")[0]
    assert "argument" in corpus.describe()


def test_threads_may_read_at_once(corpus):
    _, corpus = corpus
    expected = {number: corpus.load(number) for number in some(corpus)}
    wrong = []

    def read():
        wrong.extend(number for number in expected if corpus.load(number) != expected[number])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
