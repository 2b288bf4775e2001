"""What became of concepts between two indexes: names as `label` gives them, counts held against chance, no numbers."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.errors import IndexUnusable, InvalidInput
from lens_server.answers import Label, State, Where
from lens_server.changes import Trend
from lens_server.queries import concepts
from lens_server.queries.concepts import MOST_MATCHES, diff_concepts, shares_differ
from lens_server.queries.neurons import neuron_at
from lens_server.queries.sides import Side
from lens_server.queries.significance import Significance

WORDS = ("ruler", "hair", "ink", "colour patch")


def fisher(a, b):
    """Two-sided, by the book: all tables with these margins that are no likelier than the one seen."""
    (named_a, of_a), (named_b, of_b) = a, b
    named, total = named_a + named_b, of_a + of_b

    def likelihood(count):
        return comb(of_a, count) * comb(of_b, named - count) / comb(total, named)

    seen = likelihood(named_a)
    every = [likelihood(count) for count in range(max(0, named - of_b), min(named, of_a) + 1)]
    return sum(each for each in every if each <= seen * (1 + 1e-7))


@settings(deadline=None)
@given(st.data())
def test_shares_differ_is_fishers_exact_test(data):
    of_a, of_b = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60))
    a, b = (data.draw(st.integers(0, of_a)), of_a), (data.draw(st.integers(0, of_b)), of_b)
    assert shares_differ(a, b) == pytest.approx(fisher(a, b), abs=1e-9)
    assert shares_differ(a, b) == pytest.approx(shares_differ(b, a), abs=1e-9)


@pytest.fixture
def sides(opened_lens, monkeypatch):
    """A function: names of neurons in A and in B → the diff; both are the alive neurons of one index, in any order."""
    index = opened_lens.index
    alive = np.array([index.neurons.row(id_of(each)) for each in alive_of(opened_lens)])

    def compared(named_a, named_b, alpha=0.05, of_b=None):
        rows_a, rows_b = alive.copy(), alive[::-1].copy() if of_b is None else alive[:of_b]
        named = {"a": named_a, "b": named_b}

        def canned(index, significance, rows, *_):
            for at, row in enumerate(rows):
                texts = named[significance.side]
                text = texts[at] if at < len(texts) else None
                yield Label(neuron_at(index, int(row)), text, None, None, None, (), None if text else "clarity")

        monkeypatch.setattr(concepts, "label", canned)
        made = []
        for name, rows in (("a", rows_a), ("b", rows_b)):
            significance = Significance(index)
            significance.side = name
            made.append(Side(name, index, significance, rows))
        return diff_concepts(*made, WORDS, opened_lens.words.vocabulary(WORDS), alpha)

    return compared


def alive_of(lens):
    return [each.id for each in lens.neurons(Where(states=(State.ALIVE,)), page_size=1000).neurons]


def id_of(name):
    from indexer.domain.neurons import NeuronId

    return NeuronId.parse(name)


def trends(diff):
    return {each.text: each.trend for each in diff.concepts}


def test_every_trend(sides):
    """In their order; the absent are counted."""
    found = sides(["hair"] * 1 + ["ink"] * 20 + ["colour patch"] * 2, ["ruler"] + ["ink"] * 2 + ["colour patch"] * 3)
    assert [(each.text, each.trend) for each in found.concepts] == [
        ("ruler", Trend.APPEARED),
        ("hair", Trend.VANISHED),
        ("ink", Trend.WEAKENED),
        ("colour patch", Trend.SAME),
    ]
    assert (found.named_a, found.named_b, found.absent) == (23, 6, 0)
    backwards = sides(["ruler"] + ["ink"] * 2, ["hair"] * 1 + ["ink"] * 20)
    assert trends(backwards) == {"hair": Trend.APPEARED, "ruler": Trend.VANISHED, "ink": Trend.STRENGTHENED}
    assert backwards.absent == 1


def test_counts_are_held_against_the_alive_neurons(sides):
    """As many of fewer neurons is a greater share."""
    found = sides(["ink"] * 15, ["ink"] * 15, of_b=20)
    (ink,) = found.concepts
    assert ink.trend is Trend.STRENGTHENED
    assert (ink.a.neurons, ink.b.neurons, ink.b.share) == (15, 15, 0.75)
    assert ink.a.share == 15 / found.alive_a


def test_p_is_corrected_over_the_entries_listed(sides):
    """Benjamini-Hochberg by hand."""
    found = sides(["ink"] * 12 + ["hair"] * 3, ["ink"] * 2 + ["hair"] * 3)
    raw = sorted(
        shares_differ((each.a.neurons, found.alive_a), (each.b.neurons, found.alive_b)) for each in found.concepts
    )
    assert sorted(each.p_corrected for each in found.concepts) == pytest.approx([min(raw[0] * 2, raw[1]), raw[1]])
    strict = sides(["ink"] * 12 + ["hair"] * 3, ["ink"] * 2 + ["hair"] * 3, alpha=1e-6)
    assert set(trends(strict).values()) == {Trend.SAME}


def test_neurons_are_matched_by_concept_and_never_by_number(sides, opened_lens):
    """B lists the same neurons backwards: each finds itself, whatever its place."""
    count = len(alive_of(opened_lens))
    found = sides(["ink"] * count, ["ink"] * count)
    (ink,) = found.concepts
    assert ink.trend is Trend.SAME
    assert len(ink.matches) == MOST_MATCHES
    assert all(each.a == each.b and each.similarity == pytest.approx(1, abs=1e-5) for each in ink.matches)
    similarities = [each.similarity for each in ink.matches]
    assert similarities == sorted(similarities, reverse=True)


def test_nothing_named_at_all(sides):
    """No entry, no correction, no fault."""
    found = sides([], [])
    assert (found.concepts, found.absent, found.named_a) == ((), len(WORDS), 0)


def test_the_best_neuron_is_that_of_the_search(opened_lens):
    """Names, strengths, z: as `label` and `search` have them."""
    diff = opened_lens.diff_concepts(opened_lens, "dermoscopy")
    labels = list(opened_lens.label("dermoscopy"))
    for each in diff.concepts:
        named = [label for label in labels if label.text == each.text]
        best = max(named, key=lambda label: label.alignment)
        assert (each.a.neurons, each.a.best) == (len(named), best.neuron.id)
        assert each.a.alignment == pytest.approx(best.alignment, abs=1e-6)
        assert each.a == each.b
        hits = {hit.neuron.id: hit for hit in opened_lens.search(each.text, limit=1000, exact=True)[0].hits}
        assert each.a.z == pytest.approx(hits[each.a.best].z, abs=1e-3)
    assert {each.text for each in diff.concepts} == {each.text for each in labels if each.text}
    assert diff.named_a == sum(each.text is not None for each in labels)


def test_what_cannot_be_compared(opened_lens, monkeypatch):
    """Another space, no alive neuron, an alpha that is none."""
    side = Side("a", opened_lens.index, Significance(opened_lens.index), np.arange(3))
    probes = opened_lens.words.vocabulary(WORDS)
    with pytest.raises(InvalidInput, match="alive"):
        diff_concepts(replace(side, rows=np.arange(0)), side, WORDS, probes, 0.05)
    with pytest.raises(InvalidInput, match="alpha"):
        opened_lens.diff_concepts(opened_lens, WORDS, alpha=1)
    manifest = opened_lens.index.manifest
    space = manifest.foundation_model.model_copy(update={"digest": "0" * 64})

    class Foreign:
        manifest = opened_lens.index.manifest.model_copy(update={"foundation_model": space})

    with pytest.raises(IndexUnusable, match="cannot be compared"):
        diff_concepts(side, replace(side, index=Foreign()), WORDS, probes, 0.05)
