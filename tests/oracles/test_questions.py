"""The answers of an opened index against the textbook, from its stored vectors alone."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from indexer.domain.significance import NullSets
from lens_server.answers import Query, State, Where
from lens_server.lens import Lens
from tests.conftest import build_config
from tests.oracles import textbook

CLOSE = {"rel": 0, "abs": 1e-5}
WORDS = ("colour patch", "ruler", "ink", "hair", "irregular border", "white", "black", "asymmetry")


@pytest.fixture(scope="module")
def vectors(opened_lens):
    """Concept vectors by neuron, of those that have one."""
    index = opened_lens._index
    rows = [row for row in range(len(index.neurons)) if index.neurons.exemplar_count[row]]
    return {str(index.neurons.id(row)): np.asarray(index.concept_vectors[row]) for row in rows}


@pytest.fixture(scope="module")
def probes(opened_lens):
    from indexer.catalogue import FOUNDATION_MODELS

    embed = FOUNDATION_MODELS.load("tiny-clip").embed_texts
    return {word: np.array(textbook.probe(word, ("{}",), embed)) for word in WORDS}


@pytest.mark.parametrize("word", WORDS)
def test_search_ranks_by_cosine(opened_lens, vectors, probes, word):
    expected = sorted(((textbook.cosine(vector, probes[word]), name) for name, vector in vectors.items()), reverse=True)
    hits = opened_lens.search(word, limit=20)[0].hits
    for hit, (alignment, _) in zip(hits, expected, strict=False):
        assert hit.alignment == pytest.approx(alignment, **CLOSE)
        assert hit.alignment == pytest.approx(textbook.cosine(vectors[hit.neuron.id], probes[word]), **CLOSE)


def test_p_and_z_against_random_sets_of_the_same_size(opened_lens, probes):
    index = opened_lens._index
    for hit in opened_lens.search("ruler", limit=5)[0].hits:
        null = [
            float(row @ probes["ruler"]) for row in NullSets(index.exemplar_vectors, hit.neuron.exemplar_count).concepts
        ]
        assert hit.p == pytest.approx(textbook.p_value(hit.alignment, null), abs=3e-4)
        assert hit.z == pytest.approx((hit.alignment - np.mean(null)) / np.std(null), abs=1e-2)


def test_scores_of_every_neuron(opened_lens):
    index = opened_lens._index
    for row in range(0, len(index.neurons), 7):
        exemplars = np.asarray(index.exemplar_vectors)[index.exemplars(row)["embedding"].to_pylist()]
        neuron = opened_lens.neuron(str(index.neurons.id(row)), similar=0).neuron
        if neuron.state is not State.ALIVE:
            assert neuron.clarity is neuron.polysemanticity is None
            continue
        np.testing.assert_allclose(index.concept_vectors[row], textbook.concept_vector(exemplars), atol=1e-5)
        assert neuron.clarity == pytest.approx(textbook.clarity(exemplars), **CLOSE)
        assert neuron.polysemanticity == pytest.approx(textbook.polysemanticity(exemplars), **CLOSE)


def test_redundancy_of_a_layer(opened_lens, vectors):
    layer = {name: vector for name, vector in vectors.items() if name.startswith("block4/")}
    names = list(layer)
    expected = textbook.redundancy([layer[name] for name in names], [True] * len(names))
    for name, value in zip(names, expected, strict=True):
        assert opened_lens.neuron(name, similar=0).neuron.redundancy == pytest.approx(value, **CLOSE)
    pairs = opened_lens.redundancy("block4", limit=15)
    best = sorted(
        (textbook.cosine(layer[a], layer[b]) for n, a in enumerate(names) for b in names[n + 1 :]), reverse=True
    )
    assert [pair.similarity for pair in pairs] == pytest.approx(best[:15], **CLOSE)
    for pair in pairs:
        assert pair.similarity == pytest.approx(textbook.cosine(layer[pair.a], layer[pair.b]), **CLOSE)


def test_layers_are_compared_both_ways(opened_lens, vectors):
    a, b = (
        [vector for name, vector in vectors.items() if name.startswith(f"{layer}/")] for layer in ("block3", "block4")
    )
    answer = opened_lens.compare_layers("block3", "block4", limit=10)
    assert answer.a_in_b == pytest.approx(textbook.set_similarity(a, b), **CLOSE)
    assert answer.b_in_a == pytest.approx(textbook.set_similarity(b, a), **CLOSE)
    assert (answer.count_a, answer.count_b) == (len(a), len(b))
    worst_b = sorted(max(textbook.cosine(x, y) for x in a) for y in b)
    assert [pair.similarity for pair in answer.a_lacks] == pytest.approx(worst_b[:10], **CLOSE)
    for pair in (*answer.a_lacks, *answer.b_lacks, *answer.matches):
        assert pair.similarity == pytest.approx(textbook.cosine(vectors[pair.a], vectors[pair.b]), **CLOSE)
    assert len({pair.a for pair in answer.matches}) == len({pair.b for pair in answer.matches}) == len(answer.matches)


def test_the_matching_is_the_best_one(tmp_path):
    from itertools import permutations

    from lens_server.queries.compare import _match

    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=(6, 6)).astype(np.float32)
    best = max(sum(textbook.cosine(a[i], b[j]) for i, j in enumerate(chosen)) for chosen in permutations(range(6), 4))
    assert sum(s for _, _, s in _match(a, b)) == pytest.approx(best, **CLOSE)


def test_an_index_against_itself_lacks_nothing(opened_lens):
    answer = opened_lens.diff(opened_lens)
    assert answer.a_in_b == pytest.approx(1, **CLOSE)
    assert all(pair.similarity == pytest.approx(1, **CLOSE) for pair in (*answer.a_lacks, *answer.b_lacks))


def test_labels_are_the_best_entries_with_their_margin_and_corrected_p(opened_lens, vectors, probes):
    index = opened_lens._index
    labels = {each.neuron.id: each for each in opened_lens.label(WORDS, alternatives=len(WORDS))}
    assert set(labels) == set(vectors) | {name for name, each in labels.items() if each.abstained == "state"}
    alive = [each.neuron.id for each in labels.values() if each.neuron.state is State.ALIVE]
    draws = 4999
    concepts = NullSets(index.exemplar_vectors, index.manifest.exemplars, draws).concepts
    nulls = {word: concepts @ probes[word].astype(np.float32) for word in WORDS}
    p = {
        (name, word): textbook.p_value(textbook.cosine(vectors[name], probes[word]), nulls[word])
        for name in alive[:]
        for word in WORDS
    }
    corrected = dict(zip(p, textbook.benjamini_hochberg(list(p.values())), strict=True))
    order = textbook.label([vectors[name] for name in alive], [probes[word] for word in WORDS])
    for name, ranked in zip(alive, order, strict=True):
        label, words = labels[name], [WORDS[n] for n in ranked]
        alignments = [textbook.cosine(vectors[name], probes[word]) for word in words]
        assert [each.alignment for each in label.alternatives] == pytest.approx(alignments, **CLOSE)
        assert label.alternatives[0].text == words[0] or alignments[0] - alignments[1] < 1e-5
        assert label.margin == pytest.approx(alignments[0] - alignments[1], **CLOSE)
        assert label.p_corrected == pytest.approx(corrected[name, words[0]], abs=2e-3)
        assert label.text == (None if label.abstained else label.alternatives[0].text)
        if label.abstained is None:
            assert label.p_corrected <= 0.05


def test_dead_and_unclear_neurons_get_no_label(opened_lens):
    least = 2.0
    assert all(
        each.text is None and each.abstained in {"clarity", "state"}
        for each in opened_lens.label(WORDS, min_clarity=least)
    )


def test_the_unexpected_are_clear_and_far_from_every_word(opened_lens, vectors, probes):
    found = opened_lens.unexpected(WORDS, limit=10)
    nearest = {
        name: max(textbook.cosine(vector, probe) for probe in probes.values()) for name, vector in vectors.items()
    }
    assert [each.nearest.alignment for each in found] == pytest.approx(
        [nearest[each.neuron.id] for each in found], **CLOSE
    )
    assert [each.nearest.alignment for each in found] == sorted(each.nearest.alignment for each in found)
    assert all(each.neuron.state is State.ALIVE and each.neuron.clarity is not None for each in found)


def test_filters(opened_lens):
    everything = opened_lens.search("ruler", Where(states=tuple(State)), limit=1000)[0]
    for where, holds in [
        (Where(layers=("block3",)), lambda n: n.layer == "block3"),
        (Where(states=(State.ALIVE,)), lambda n: n.state is State.ALIVE),
        (Where(min_clarity=0.4), lambda n: n.clarity is not None and n.clarity >= 0.4),
        (Where(layers=("block3", "block4"), min_clarity=0.3), lambda n: n.clarity is not None and n.clarity >= 0.3),
    ]:
        expected = [hit for hit in everything.hits if holds(hit.neuron)]
        found = opened_lens.search("ruler", where, limit=1000)[0]
        assert expected
        assert [hit.neuron.id for hit in found.hits] == [hit.neuron.id for hit in expected]
        assert found.candidates == len(expected)


def test_relevance_filters(opened_lens):
    every = {
        each.id: opened_lens.neuron(each.id, exemplars=0, similar=0)
        for each in opened_lens.neurons(page_size=1000).neurons
    }
    absolute = {
        name: next(r.absolute for r in card.relevance if r.class_name == "malignant") for name, card in every.items()
    }
    total = {layer: sum(v for n, v in absolute.items() if n.startswith(f"{layer}/")) for layer in ("block3", "block4")}
    found = {
        each.id
        for each in opened_lens.neurons(Where(relevant_to="malignant", min_relevance=0.02), page_size=1000).neurons
    }
    expected = {name for name, value in absolute.items() if value / total[name.split("/")[0]] >= 0.02}
    assert found == expected
    assert 0 < len(found) < len(every)


def test_a_neuron_finds_itself_and_a_picture_its_like(opened_lens):
    import io

    from indexer.catalogue import DATASETS

    answer = opened_lens.search(Query(neuron="block4/7"), limit=3)[0]
    assert answer.hits[0].neuron.id == "block4/7"
    assert answer.hits[0].alignment == pytest.approx(1, abs=1e-5)
    vector = tuple(float(x) for x in opened_lens._index.concept_vectors[opened_lens._row("block4/7")])
    assert [hit.neuron.id for hit in opened_lens.search(Query(vector=vector), limit=3)[0].hits] == [
        h.neuron.id for h in answer.hits
    ]
    buffer = io.BytesIO()
    DATASETS.load("lesions:300,seed=901").load(5).save(buffer, "PNG")
    assert opened_lens.search(Query(image=buffer.getvalue()), limit=3)[0].hits[0].alignment > 0.3


def test_average_precision_twin_is_sane():
    assert average_precision_score([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1]) == pytest.approx((1 + 2 / 3) / 2)


@pytest.fixture(scope="module")
def square(tmp_path_factory):
    """A layer as wide as the embedding space."""
    from indexer.pipeline import build_index

    out = tmp_path_factory.mktemp("square") / "index"
    config = build_config(out, subject="python:tests.nets:as_wide_as_tiny_clip", layers=("act",), exemplars=4)
    return Lens.open(build_index(config))


def test_a_layer_as_wide_as_the_space_is_not_transposed(square):
    index = square._index
    assert index.concept_vectors.shape[0] == index.concept_vectors.shape[1]
    probe = square._words.texts(["ruler"])[0]
    for hit in square.search("ruler", limit=10)[0].hits:
        row = square._row(hit.neuron.id)
        assert hit.alignment == pytest.approx(textbook.cosine(index.concept_vectors[row], probe), **CLOSE)


def test_as_many_queries_as_neurons(square):
    vectors = square._index.concept_vectors
    names = [each.id for each in square.neurons(page_size=1000).neurons]
    asked = [Query(vector=tuple(float(x) for x in vectors[square._row(name)])) for name in names]
    answers = square.search(asked, limit=1)
    assert len(answers) == len(names)
    assert [answer.hits[0].alignment for answer in answers] == pytest.approx([1.0] * len(names), abs=1e-5)


def test_queries_and_templates_do_not_mix(opened_lens):
    templates = ("a {}", "an image of a {}", "{} up close")
    together = opened_lens.search(["ruler", "ink", "hair"], templates=templates, limit=5)
    for word, answer in zip(("ruler", "ink", "hair"), together, strict=True):
        alone = opened_lens.search(word, templates=templates, limit=5)[0]
        assert [hit.neuron.id for hit in alone.hits] == [hit.neuron.id for hit in answer.hits]
        assert answer.query == word
        for one, other in zip(alone.hits, answer.hits, strict=True):
            assert one.alignment == pytest.approx(other.alignment, abs=1e-5)


def test_pages_cover_every_neuron_once(opened_lens):
    seen, token = [], ""
    while True:
        page = opened_lens.neurons(Where(states=tuple(State)), page_size=37, page_token=token)
        seen += [each.id for each in page.neurons]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == page.total == opened_lens.describe().neurons


def test_a_filter_may_be_a_name_or_a_list(opened_lens):
    expected = opened_lens.search("ruler", Where(layers=("block4",)))
    assert opened_lens.search("ruler", Where(layers="block4")) == expected
    assert opened_lens.search("ruler", Where(layers=["block4"])) == expected


def test_an_answer_does_not_depend_on_what_was_asked_before(opened_lens):
    """Bit by bit: a fresh lens, and one that was asked the same words in other company."""
    folder = opened_lens._index.folder
    used = Lens.open(folder)
    used.search(["hair", "ruler", "ink mark in violet", "white"])
    list(used.label(("ruler", "white", "hair")))
    fresh = Lens.open(folder)
    assert fresh.search("white") == used.search("white")
    assert fresh.search(["ruler", "white"]) == used.search(["ruler", "white"])
    assert tuple(Lens.open(folder).label(WORDS)) == tuple(used.label(WORDS))
