"""tiny-clip: its tokenizer takes any text, open_clip loads its folder, and it sees what it should on new pictures."""

import json
from collections.abc import Mapping

import numpy as np
import pytest

from indexer.datasets.lesions import ARTEFACTS, COLOURS, CONCEPTS, World, caption
from indexer.foundation_models.tiny_clip import FOLDER
from indexer.foundation_models.tiny_clip.tokenizer import CONTEXT_LENGTH, PAD_ID, Tokenizer

torch = pytest.importorskip("torch")
pytest.importorskip("open_clip")
torch.set_num_threads(1)

from indexer.training.zero_shot import (  # noqa: E402
    HELD_OUT_PROMPTS,
    SHORT_QUERIES,
    Reader,
    auroc,
    auroc_of_queries,
    held_out,
)

TOKENIZER = Tokenizer()


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.load()


@pytest.fixture(scope="module")
def areas(reader: Reader) -> Mapping[str, Mapping[str, float]]:
    prompts = {name: (concept.prompt,) for name, concept in CONCEPTS.items()}
    queries = {name: (*prompts[name], *HELD_OUT_PROMPTS[name], *SHORT_QUERIES.get(name, ())) for name in CONCEPTS}
    return auroc_of_queries(reader, held_out(400), queries)


def test_end_token_is_the_largest_and_padding_is_zero() -> None:
    ids = TOKENIZER(["ruler", "a lesion with dark corners"])
    end = TOKENIZER.vocab_size - 1
    assert ids.shape == (2, CONTEXT_LENGTH) and ids.dtype == torch.int64
    for row in ids:
        place = int(row.argmax())
        assert row[place] == end and (row[place + 1 :] == PAD_ID).all() and (row[:place] != PAD_ID).all()
    assert TOKENIZER.vocab_size <= 1000
    described = json.loads((FOLDER / "open_clip_config.json").read_text(encoding="utf-8"))
    assert TOKENIZER.vocab_size == described["model_cfg"]["text_cfg"]["vocab_size"]


@pytest.mark.parametrize(
    "text", ["zygomorphic xylophones", "Überlänge", "пятно", "斑点", "🦓", "", "   ", "\t\n", "-_/."]
)
def test_unknown_words_still_become_tokens(text: str) -> None:
    row = TOKENIZER([text])[0]
    assert int(row.argmax()) >= 1 and int(row.max()) == TOKENIZER.vocab_size - 1
    assert any(map(str.isalnum, text)) == (int(row.argmax()) > 1), "letters and digits count, symbols do not"


def test_open_clip_finds_the_same_tokenizer() -> None:
    pytest.importorskip("transformers")
    import open_clip

    texts = ["ruler", "A blue-grey mole, with hair", "zyzzx éé " + "ruler " * 80, ""]
    assert torch.equal(open_clip.get_tokenizer(f"local-dir:{FOLDER}")(texts), TOKENIZER(texts))


def test_case_hyphens_and_underscores_make_no_difference() -> None:
    rows = TOKENIZER(["blue-grey", "Blue Grey", "blue_grey", " blue  grey "])
    assert (rows == rows[0]).all()


def test_long_texts_are_cut_and_still_end() -> None:
    rows = TOKENIZER(["ruler " * 200, "ruler"], 10)
    assert rows.shape == (2, 10) and int(rows[0, -1]) == TOKENIZER.vocab_size - 1
    assert TOKENIZER("ruler").shape == (1, CONTEXT_LENGTH)


def test_known_words_are_whole_and_captions_fit() -> None:
    assert int(TOKENIZER(["ruler"])[0].argmax()) == 2
    rng = np.random.default_rng(0)
    texts = [caption(World(seed=5).sample(number), rng) for number in range(500)]
    assert int(TOKENIZER(texts).argmax(1).max()) < CONTEXT_LENGTH - 1


def test_held_out_wordings_are_never_made_by_the_grammar() -> None:
    rng = np.random.default_rng(0)
    made = {caption(World(seed=5).sample(number), rng) for number in range(3000)}
    wordings = {words for concept in CONCEPTS.values() for words in (*concept.nouns, *concept.adjectives)}
    held = {text for texts in HELD_OUT_PROMPTS.values() for text in texts}
    assert set(HELD_OUT_PROMPTS) == set(CONCEPTS)
    assert held.isdisjoint(made | wordings)


@pytest.mark.parametrize("name", [*ARTEFACTS, *COLOURS, "irregular_border", "regular_border"])
def test_artefacts_colours_and_borders_are_seen(name: str, areas: Mapping[str, Mapping[str, float]]) -> None:
    assert areas[name][CONCEPTS[name].prompt] >= 0.95


@pytest.mark.parametrize("name", ["asymmetric", "symmetric"])
def test_asymmetry_is_seen(name: str, areas: Mapping[str, Mapping[str, float]]) -> None:
    assert areas[name][CONCEPTS[name].prompt] >= 0.85


def test_wordings_absent_from_training_are_understood(areas: Mapping[str, Mapping[str, float]]) -> None:
    assert np.mean([areas[name][text] for name, texts in HELD_OUT_PROMPTS.items() for text in texts]) >= 0.90


def test_short_queries_work(areas: Mapping[str, Mapping[str, float]]) -> None:
    values = {text: areas[name][text] for name, texts in SHORT_QUERIES.items() for text in texts}
    assert np.mean(list(values.values())) >= 0.93
    assert min(values.values()) >= 0.75, values


def test_vectors_repeat_and_differ(reader: Reader) -> None:
    shown = held_out(4)
    one, two = reader.images(shown), reader.images(shown)
    assert np.array_equal(one, two) and np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
    assert np.abs(one @ one.T - np.eye(4)).max() < 0.999


def test_auroc_is_the_chance_of_the_right_order() -> None:
    rng = np.random.default_rng(0)
    truth, scores = rng.random(60) < 0.4, rng.integers(0, 8, 60).astype(float)
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    assert auroc(truth, scores) == pytest.approx(np.mean(pairs))
