"""An index of texts against a plain loop: one passage at a time through the whole subject."""

import numpy as np
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")

from indexer.collectors import tokens  # noqa: E402
from indexer.collectors.tokens import content_of, is_held_out  # noqa: E402
from indexer.config import BuildConfig  # noqa: E402
from indexer.corpora import grammar  # noqa: E402
from indexer.errors import DatasetFault, InvalidInput  # noqa: E402
from indexer.index import files  # noqa: E402
from indexer.index.reader import Index  # noqa: E402
from indexer.index.texts import Texts  # noqa: E402
from indexer.merging.merge import merge_indexes  # noqa: E402
from indexer.pipeline import build_index  # noqa: E402
from indexer.progress import Silent  # noqa: E402
from indexer.subjects.opening import open_text_subject  # noqa: E402

LAYERS, K, HELD, BEFORE, AFTER = ("blocks.0.mlp.act", "blocks.0.mlp.up"), 6, 10, 20, 6
SUBJECT, CORPUS = "tiny-text:grammar", "grammar:150,seed=3"


def config(out, **changed):
    stages = {
        "subject": {"name": SUBJECT},
        "dataset": {"name": CORPUS},
        "collect": {"layers": list(LAYERS), "exemplars": K, "polarity": "both"},
        "foundation": {"name": "tiny-clip"},
        "out": out,
    }
    return BuildConfig.model_validate({**stages, **changed})


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return Index.open(build_index(config(tmp_path_factory.mktemp("texts") / "index")))


@pytest.fixture(scope="module")
def plain():
    """Distinct passages in order: their number, content, tokens and by layer the activations [tokens, units]."""
    subject, corpus, kept, seen = open_text_subject(SUBJECT), grammar.load(CORPUS.partition(":")[2]), {}, set()
    for layer in LAYERS:
        module = subject.module.get_submodule(layer)
        module.register_forward_hook(lambda _m, _i, output, name=layer: kept.update({name: output.detach()}))
    passages = []
    for number in range(len(corpus.keys)):
        text = corpus.load(number)
        if text in seen:
            continue
        seen.add(text)
        ids = subject.tokenizer.encode(text)[: subject.room]
        with torch.no_grad():
            subject.module(torch.tensor([subject.prompt(ids)]))
        before = len(subject.tokenizer.prefix)
        values = {layer: kept[layer][0, before : before + len(ids)].numpy() for layer in LAYERS}
        passages.append((number, content_of(text), ids, values))
    return passages


def strongest(plain, layer, unit, sign, *, held, k):
    """(activation, passage, first token that has it), most extreme first."""
    found = []
    for number, content, _, values in plain:
        column = sign * values[layer][:, unit]
        if is_held_out(content) == held and column.max() > 0:
            found.append((-float(column.max()), number, int(np.flatnonzero(column == column.max())[0])))
    return [(-sign * value, number, token) for value, number, token in sorted(found)[:k]]


def constant(plain, layer, unit):
    return len({float(value) for _, _, _, values in plain for value in values[layer][:, unit]}) == 1


def neurons(index):
    for row in range(len(index.neurons)):
        name = index.neurons.id(row)
        yield row, name.layer, name.unit, name.polarity


def test_exemplars_are_those_of_a_plain_loop(index, plain):
    counted = 0
    for row, layer, unit, sign in neurons(index):
        expected = [] if constant(plain, layer, unit) else strongest(plain, layer, unit, sign, held=False, k=K)
        found = index.exemplars(row).to_pylist()
        assert [(each["sample"], each["token"]) for each in found] == [each[1:] for each in expected]
        np.testing.assert_allclose([each["activation"] for each in found], [each[0] for each in expected], rtol=1e-5)
        counted += len(found)
    assert counted > 150


def test_held_out_examples_likewise(index, plain):
    texts, counted = Texts(index), 0
    for row, layer, unit, sign in neurons(index):
        expected = [] if constant(plain, layer, unit) else strongest(plain, layer, unit, sign, held=True, k=HELD)
        found = texts.held_out(row)
        assert list(zip(found.samples.tolist(), found.tokens.tolist(), strict=True)) == [each[1:] for each in expected]
        np.testing.assert_allclose(found.activations, [each[0] for each in expected], rtol=1e-5)
        counted += len(expected)
    assert counted > 150


def test_no_passage_is_both_learnt_from_and_held_out(index):
    learnt = set(index.all_exemplars("sample")["sample"].to_pylist())
    held = set(pq.read_table(index.folder / files.HELD_OUT)["sample"].to_pylist())
    assert learnt
    assert held
    assert not learnt & held


def test_heat_is_the_activation_of_every_token_in_the_span(index, plain):
    texts, values = Texts(index), {number: (ids, by_layer) for number, _, ids, by_layer in plain}
    seen = 0
    for row, layer, unit, _ in neurons(index):
        for entry, heat in zip(index.exemplars(row).to_pylist(), texts.heat(row), strict=True):
            ids, by_layer = values[entry["sample"]]
            start, stop = max(0, entry["token"] - BEFORE), min(len(ids), entry["token"] + AFTER + 1)
            assert (entry["token_start"], entry["token_stop"]) == (start, stop)
            np.testing.assert_allclose(heat, by_layer[layer][start:stop, unit], rtol=1e-5, atol=1e-6)
            assert texts.passage(entry["sample"]) == tuple(ids)
            seen += 1
    assert seen > 150


def test_states_count_tokens_not_passages(index, plain):
    for row, layer, unit, sign in neurons(index):
        column = np.concatenate([values[layer][:, unit] for _, _, _, values in plain]) * sign
        assert index.neurons.active_share[row] == pytest.approx((column > 0).mean())
        if constant(plain, layer, unit) or not (column > 0).any():
            assert index.neurons.exemplar_count[row] == 0
        else:
            if index.neurons.exemplar_count[row]:
                assert index.neurons.strongest[row] == pytest.approx(sign * column.max())


def test_the_survey_is_of_held_out_places(index, plain):
    samples, places, embeddings, activations = Texts(index).survey
    values = {number: (content, ids, by_layer) for number, content, ids, by_layer in plain}
    assert len(samples) >= 16
    assert activations.shape == (len(samples), len(index.neurons))
    assert (embeddings >= 0).all()
    rows = {(layer, unit, sign): row for row, layer, unit, sign in neurons(index)}
    for number, (sample, place) in enumerate(zip(samples.tolist(), places.tolist(), strict=True)):
        content, ids, by_layer = values[sample]
        assert is_held_out(content)
        start, stop = max(0, place - BEFORE), min(len(ids), place + AFTER + 1)
        for unit in (0, 5):
            part = by_layer[LAYERS[1]][start:stop, unit]
            assert activations[number, rows[LAYERS[1], unit, 1]] == pytest.approx(part.max(), rel=1e-2, abs=1e-3)
            assert activations[number, rows[LAYERS[1], unit, -1]] == pytest.approx(part.min(), rel=1e-2, abs=1e-3)


def test_killed_and_resumed_it_is_the_same(index, tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "_CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(tokens, "_PASSAGES", 64)
    read, load = [0], grammar.GrammarCorpus.load

    def failing(corpus, number):
        read[0] += 1
        if read[0] == 100:
            raise KeyboardInterrupt
        return load(corpus, number)

    monkeypatch.setattr(grammar.GrammarCorpus, "load", failing)
    with pytest.raises(KeyboardInterrupt):
        build_index(config(tmp_path / "killed"))
    assert not (tmp_path / "killed").exists()
    read[0] = 101
    resumed = Index.open(build_index(config(tmp_path / "killed"), resume=True))
    assert read[0] > 101
    for name in (*files.REQUIRED, *files.OF_TEXTS):
        assert (resumed.folder / name).read_bytes() == (index.folder / name).read_bytes(), name


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"collect": {"layers": ["blocks.0"], "crop": "activation"}}, "--crop activation"),
        ({"collect": {"layers": ["blocks.0"], "collector": "relevance"}}, "--collector relevance"),
        ({"relevance": {"classes": True}}, "--classes"),
        ({"concept": {"vector": "contrastive"}}, "--concept-vector contrastive"),
        ({"subject": {"name": "lesion:clean"}}, "looks at images"),
        ({"dataset": {"name": "lesions:20"}}, "reads texts"),
    ],
)
def test_what_makes_sense_for_images_alone_is_refused(tmp_path, changed, said):
    with pytest.raises(InvalidInput, match=said):
        build_index(config(tmp_path / "index", **changed))
    assert list(tmp_path.iterdir()) == []


def test_an_index_of_texts_does_not_grow(index, tmp_path):
    out = build_index(config(tmp_path / "index"))
    with pytest.raises(InvalidInput, match="nothing is added"):
        build_index(config(out), add=True)
    with pytest.raises(InvalidInput, match="not merged"):
        merge_indexes([out, index.folder], tmp_path / "merged")
    assert Index.open(out).manifest.digest == index.manifest.digest


@pytest.fixture
def half_readable(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "good.txt").write_text("the cat sees a dog. " * 40, encoding="utf-8")
    (tmp_path / "source" / "bad.txt").write_bytes(b"\xff\xfe\x00")
    return {"name": f"text:{tmp_path / 'source'}"}


def test_texts_that_cannot_be_read_are_told(half_readable, tmp_path):
    told = []
    progress = Silent()
    progress.note = told.append
    index = Index.open(build_index(config(tmp_path / "index", dataset=half_readable), progress=progress))
    assert any("bad.txt" in each and "UTF-8" in each for each in told)
    assert index.manifest.dataset.described["unreadable"] == ["bad.txt"]


def test_strictly_they_are_refused(half_readable, tmp_path):
    with pytest.raises(DatasetFault, match="bad.txt"):
        build_index(config(tmp_path / "index", dataset={**half_readable, "strict": True}))
    assert not (tmp_path / "index").exists()
