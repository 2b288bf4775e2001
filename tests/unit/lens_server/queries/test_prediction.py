"""Predictions on texts, and what the subject itself does on them."""

import numpy as np
import pytest

from indexer.catalogue import SUBJECTS, Entry
from indexer.errors import InvalidInput, NotFound, Untrustworthy
from indexer.subjects.digests import module_digest
from lens_server.lens import Lens
from tests import text_indexes
from tests.text_indexes import tokenizer, write_text_index

TEXT = "import re\nfrom sys import path\nimport sys"


@pytest.fixture(scope="module")
def lens(tmp_path_factory):
    """Of a subject whose activations are known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SUBJECTS.entries, "known", Entry("tests.text_indexes:load_known", None, "known:"))
        digest = module_digest(text_indexes.load_known("").module)
        out = tmp_path_factory.mktemp("known") / "known"
        yield Lens.open(write_text_index(out, subject="known:", subject_digest=digest))


def test_each_token_has_what_its_longest_path_says(lens):
    found = lens.texts.predict("mlp0/0", TEXT)
    assert "".join(found.tokens) == TEXT
    expected = {0: 0.8, found.tokens.index(" import"): 1.0, len(found.tokens) - 2: 0.9}
    assert found.predicted == pytest.approx([expected.get(at, 0.0) for at in range(len(found.tokens))])
    assert found.measured == ()


def test_a_wildcard_stands_for_any_token(lens):
    found = lens.texts.predict("mlp0/1", "from os import path")
    assert dict(zip(found.tokens, found.predicted, strict=True)) == pytest.approx(
        {"from": 0.0, " os": 0.0, " import": 0.8, " path": 0.6}
    )


def test_measured_is_the_subject_itself_in_parts_that_fit_it(lens):
    found = lens.texts.predict("mlp0/3", TEXT, measured=True)
    ids = tokenizer().encode(TEXT)
    assert len(ids) > text_indexes.load_known("").room, "the text must be longer than the subject takes"
    expected = np.array([token % 7 == 3 for token in ids]) * 2.0 / 4.0
    assert found.measured == pytest.approx(expected.tolist())
    assert any(found.measured)
    assert found.predicted == lens.texts.predict("mlp0/3", TEXT).predicted


def test_measured_of_other_weights_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(SUBJECTS.entries, "known", Entry("tests.text_indexes:load_known", None, "known:"))
    lens = Lens.open(write_text_index(tmp_path / "other", subject="known:", subject_digest="1" * 64))
    assert lens.texts.predict("mlp0/0", "import").predicted
    with pytest.raises(Untrustworthy, match="weights of known:"):
        lens.texts.predict("mlp0/0", "import", measured=True)


def test_without_a_stored_tokenizer_the_subject_reads(tmp_path, monkeypatch, lens):
    monkeypatch.setitem(SUBJECTS.entries, "known", Entry("tests.text_indexes:load_known", None, "known:"))
    digest = module_digest(text_indexes.load_known("").module)
    out = write_text_index(tmp_path / "unstored", subject="known:", subject_digest=digest, stored=False)
    assert Lens.open(out).texts.predict("mlp0/0", TEXT) == lens.texts.predict("mlp0/0", TEXT)


@pytest.mark.parametrize("text", ["", "x" * 20_001])
def test_texts_without_bounds_are_refused(lens, text):
    with pytest.raises(InvalidInput, match="text"):
        lens.texts.predict("mlp0/0", text)


def test_the_longest_text_is_taken(lens):
    found = lens.texts.predict("mlp0/0", "import " * 2857)
    assert found.predicted[0] == pytest.approx(0.8)
    assert found.predicted[2:4].count(0.0) == 0 or set(found.predicted[1:]) == {0.0, 1.0}


@pytest.mark.parametrize("text", ["\ud800", "<begin>", "\x00", "\U0001f600 caf\u00e9"])
def test_any_text_is_read(lens, text):
    found = lens.texts.predict("mlp0/0", text)
    assert len(found.tokens) == len(found.predicted) > 0


def test_a_neuron_without_graph(lens):
    with pytest.raises(InvalidInput, match="no example fires"):
        lens.texts.predict("mlp1/1", "import")
    with pytest.raises(NotFound, match="mlp1/2 has no graph"):
        lens.texts.predict("mlp1/2", "import")
