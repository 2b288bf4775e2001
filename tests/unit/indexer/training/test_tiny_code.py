"""What tiny-code is shown in training: places as they are, words that are true of them, a loss that pushes no truth."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("tokenizers")

from tokenizers import Tokenizer  # noqa: E402

from indexer.foundation_models.tiny_code import FOLDER, VOCABULARY  # noqa: E402
from indexer.foundation_models.tiny_code.network import Towers  # noqa: E402
from indexer.foundation_models.tiny_code.reading import Reader  # noqa: E402
from indexer.training.code_measures import area, told  # noqa: E402
from indexer.training.code_places import RARE, draw, read_source, shares_of  # noqa: E402
from indexer.training.code_wordings import HELD_OUT, WORDINGS  # noqa: E402
from indexer.training.tiny_code import Sayings, loss_of, said_by, train  # noqa: E402

NUMBERS = {name: number for number, name in enumerate(WORDINGS)}
WORDS = {"path": 0, "item": 1, "import": 2}
SOURCE = "import path\n\n\n" + "".join(
    f'def run_{n}(path, item={n}):\n    """Give the item of a path."""\n    return [path[item], "name"]\n\n\n'
    for n in range(12)
)


@pytest.fixture(scope="module")
def library():
    return Tokenizer.from_file(str(FOLDER / VOCABULARY))


@pytest.fixture(scope="module")
def read(library):
    return [read_source(SOURCE, NUMBERS, library, WORDS)]


@pytest.fixture(scope="module")
def places(read):
    return draw(read, 300, np.random.default_rng(0), shares_of(read, len(NUMBERS)))


def test_places_are_cut_out_of_the_source(places):
    assert len(places.snippets) == 300 == len(places.facts) == len(places.words)
    assert all(each.token and each.text in SOURCE for each in places.snippets)


def test_facts_of_a_place_are_those_of_its_pivot(places):
    for snippet, facts in zip(places.snippets, places.facts, strict=True):
        assert facts[NUMBERS["keyword return"]] or snippet.token.strip() != "return"
        assert facts[NUMBERS["closing square bracket"]] == ("]" in snippet.token)
        assert facts[NUMBERS["comma"]] == ("," in snippet.token)


def test_words_of_a_place_are_its_own_and_the_last_before_it(places):
    for snippet, (own, _) in zip(places.snippets, places.words, strict=True):
        if snippet.token.strip() in WORDS:
            assert own == WORDS[snippet.token.strip()]
    assert {-1, 0, 1} <= set(places.words[:, 0].tolist())


def test_parts_of_names_are_told(places):
    first, later = (places.facts[:, NUMBERS[name]] for name in ("first part of a name", "later part of a name"))
    assert first.any() and later.any() and not (first & later).any()
    for snippet, is_first, is_later in zip(places.snippets, first, later, strict=True):
        if is_first:
            assert (snippet.token[-1] + snippet.after[:1]).isidentifier()
        if is_later:
            assert (snippet.before[-1:] + snippet.token[0]).isidentifier() or not snippet.before


def test_what_is_said_is_true_of_the_rows_it_is_marked_for(places):
    sayings, rows, commas, paths = Sayings(places, WORDS, np.random.default_rng(1)), np.arange(60), 0, 0
    for _ in range(20):
        texts, truth, weights = sayings.of(rows)
        assert texts[0] == "" and truth.shape == (60, len(texts) - 1) == (60, len(weights))
        assert not truth[:, -3:].any()
        assert torch.isfinite(weights).all() and weights.max() <= -math.log(RARE)
        for at, text in enumerate(texts[1:]):
            if text in WORDINGS["comma"]:
                assert truth[:, at].tolist() == places.facts[rows, NUMBERS["comma"]].tolist()
                commas += 1
            if text in ("the word path", "word path", "'path'", "path"):
                assert truth[:, at].tolist() == (places.words[rows, 0] == WORDS["path"]).tolist()
                paths += 1
    assert commas and paths


def test_the_loss_is_the_one_written_down():
    aligned = torch.tensor([[2.0, 1.0, 0.0], [0.5, 3.0, 1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    truth, weights = torch.tensor([[1.0, 1, 0], [0, 1, 0], [0, 0, 0]]), torch.tensor([1.0, 3.0, 5.0])
    rows = [[math.exp(value) for value in row] for row in aligned.tolist()]

    def of_row(row, column):
        return -math.log(rows[row][column] / sum(rows[row]))

    def of_column(row, column):
        return -math.log(rows[row][column] / sum(each[column] for each in rows))

    snippets = ((of_row(0, 0) + 3 * of_row(0, 1)) / 4 + of_row(1, 1)) / 2
    texts = (of_column(0, 0) + (of_column(0, 1) + of_column(1, 1)) / 2) / 2
    assert loss_of(aligned, truth, weights).item() == pytest.approx(snippets + texts)


def test_texts_keep_their_order_among_others_of_like_length(library):
    reader = Reader(library)
    torch.manual_seed(0)
    towers, texts = Towers(reader.size).eval(), ["a long description of it", "", "comma", "closing bracket", "x"]
    with torch.no_grad():
        alone = torch.cat([towers.texts(reader.texts([text])) for text in texts])
        np.testing.assert_allclose(said_by(towers, reader, texts), alone, atol=1e-5)


def _trained(library, places, steps):
    return train(Reader(library), places, Sayings(places, WORDS, np.random.default_rng(2)), steps)


def test_training_repeats(library, places):
    first, second = (_trained(library, places, 3) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_a_short_training_learns(library, places):
    means = []
    for steps in (1, 40):
        lines = told(_trained(library, places, steps), Reader(library), places, WORDINGS, HELD_OUT)
        means.append(float(next(lines).split("mean ")[1].split(",")[0]))
    assert means[1] > means[0] + 0.1, means


def test_area_counts_ties_half():
    scores = np.array([0.5, 0.2, 0.5, 0.9], dtype=np.float32)
    assert area(scores, np.array([True, False, False, True])) == pytest.approx(3.5 / 4)
