"""One search over several indexes: what is asked of which, and how hits are merged."""

from types import SimpleNamespace

import pytest

from indexer.errors import InvalidInput, UnknownName
from lens_server.answers import Hit, Query, SearchAnswer, TokenQuery, Where
from lens_server.queries.everywhere import search_everywhere, usual_z


class Canned:
    """A lens with given hits (neuron, alignment, z); notes the filters it was asked with."""

    def __init__(self, name, kind, hits, layers=("a", "b"), usual_z=0.0):
        self.name, self.hits, self.asked, self.usual_z = name, hits, [], usual_z
        self.index = SimpleNamespace(manifest=SimpleNamespace(kind=kind), neurons=SimpleNamespace(layers=layers))

    def search(self, queries, where, *, limit, templates, exact):
        self.asked.append(where)
        hits = tuple(Hit(neuron, alignment, z, None) for neuron, alignment, z in self.hits[:limit])
        return tuple(SearchAnswer(str(each.text), hits, 10) for each in queries)


@pytest.fixture
def images():
    return Canned("images", "image", [("i0", 0.3, 5.0), ("i1", 0.2, 2.0)])


@pytest.fixture
def texts():
    return Canned("texts", "text", [("t0", 0.9, 3.0), ("t1", 0.8, None), ("t2", 0.7, 2.5)], layers=("b", "c"))


def found(answer):
    return [(hit.index, hit.neuron) for hit in answer.hits]


def test_hits_are_merged_by_z_not_by_cosine(images, texts):
    (answer,) = search_everywhere([images, texts], [Query(text="word")], Where())
    assert found(answer) == [("images", "i0"), ("texts", "t0"), ("texts", "t2"), ("images", "i1"), ("texts", "t1")]
    assert (answer.query, answer.candidates) == ("word", 20)


def test_what_any_word_reaches_in_an_index_counts_for_nothing(images):
    talkative = Canned("talkative", "text", [("t0", 0.9, 6.5)], usual_z=6.0)
    (answer,) = search_everywhere([images, talkative], [Query(text="word")], Where())
    assert found(answer) == [("images", "i0"), ("images", "i1"), ("talkative", "t0")]
    assert [hit.excess for hit in answer.hits] == [5.0, 2.0, 0.5]


def test_hits_of_pictures_are_merged_by_z(images):
    talkative = Canned("talkative", "text", [("t0", 0.9, 6.5)], usual_z=6.0)
    (answer,) = search_everywhere([images, talkative], [Query(image=b"picture")], Where())
    assert found(answer) == [("talkative", "t0"), ("images", "i0"), ("images", "i1")]
    assert {hit.excess for hit in answer.hits} == {None}


def test_what_is_usual_is_the_median_of_the_best():
    def answer(*zs):
        return SearchAnswer("word", tuple(Hit(str(z), 0.1, z, None) for z in zs), 10)

    assert usual_z([answer(5.0, 1.0), answer(2.0), answer(3.0, 9.0), answer(None), answer()]) == 3.0
    assert usual_z([]) == 0.0


def test_hits_of_token_queries_are_merged_by_their_share(texts):
    other = Canned("more", "text", [("m0", 0.85, None), ("m1", 0.1, None)])
    query = Query(tokens=TokenQuery(("x",)))
    (answer,) = search_everywhere([texts, other], [query], Where(), limit=3)
    assert found(answer) == [("texts", "t0"), ("more", "m0"), ("texts", "t1")]


def test_the_limit_is_of_all_together(images, texts):
    answers = search_everywhere([images, texts], [Query(text="a"), Query(text="b")], Where(), limit=2)
    assert [len(each.hits) for each in answers] == [2, 2]


def test_other_kinds_are_not_asked(images, texts):
    (answer,) = search_everywhere([images, texts], [Query(text="word")], Where(kinds=("text",)))
    assert {hit.index for hit in answer.hits} == {"texts"}
    assert images.asked == []


def test_each_is_asked_for_its_own_layers(images, texts):
    search_everywhere([images, texts], [Query(text="word")], Where(layers=("a", "b")))
    assert [images.asked[0].layers, texts.asked[0].layers] == [("a", "b"), ("b",)]
    (answer,) = search_everywhere([images, texts], [Query(text="word")], Where(layers=("c",)))
    assert {hit.index for hit in answer.hits} == {"texts"}
    assert len(images.asked) == 1


@pytest.mark.parametrize(
    ("where", "query", "fault"),
    [
        (Where(layers=("d",)), Query(text="x"), UnknownName),
        (Where(layers=("c",), kinds=("image",)), Query(text="x"), UnknownName),
        (Where(kinds=("sound",)), Query(text="x"), UnknownName),
        (Where(), Query(neuron="a/1"), InvalidInput),
        (Where(), Query(vector=(1.0,)), InvalidInput),
    ],
)
def test_what_cannot_be_asked_is_refused(images, texts, where, query, fault):
    with pytest.raises(fault):
        search_everywhere([images, texts], [query], where)


def test_no_index_of_the_kind(images):
    with pytest.raises(InvalidInput, match="None of these indexes is of text neurons: images, again"):
        search_everywhere([images, Canned("again", "image", [])], [Query(text="x")], Where(kinds=("text",)))


def test_two_of_one_name(images):
    with pytest.raises(InvalidInput, match="Two indexes are named 'images'"):
        search_everywhere([images, Canned("images", "text", [])], [Query(text="x")], Where())
