"""Each step of Neuron to Graph at its edges, on neurons whose rules are known."""

import numpy as np
import pytest

from indexer.domain.token_graphs import BEGINNING, WILDCARD
from indexer.errors import InvalidInput, SubjectFault, UnknownName
from indexer.graphs.making import NO_EXAMPLES, NO_HELD_OUT, NOT_AGAIN, SILENT, GraphMaker
from indexer.graphs.measuring import Measurer, Wanted
from indexer.graphs.observing import walked_back
from indexer.graphs.pruning import Occasion, prune, tail, windows
from indexer.graphs.saliency import saliency
from indexer.graphs.settings import Asked, Example, GraphSettings
from tests.oracles.graph_rules import ALPHABET, MASK, RULES, ids, rules

A, B, C = (ALPHABET.index(each) for each in (b"a", b"b", b"c"))
STOP, LINE = ALPHABET.index(b"."), ALPHABET.index(b"\n")
THE = ALPHABET.index(b" the")


def example(text, pivot=None):
    tokens = ids(text)
    return Example(tokens, len(tokens) - 1 if pivot is None else pivot)


def asked(unit, *build, held_out=("xxbax", "xaxx"), highest=None):
    strengths = {0: 2.0, 1: 3.0, 2: 1.0, 3: 2.0, 4: 4.0, 5: 1.0, 6: 1.0, 7: 1.0}
    held = tuple(Example(ids(text), text.index("a")) for text in held_out)
    return Asked(0, unit, 1, highest or strengths[unit], tuple(build), held)


def made(unit, *build, **more):
    (found,) = GraphMaker(rules(), "units").make([asked(unit, *build, **more)])
    return found


def paths(unit, *build):
    return {path.tokens for path in made(unit, *build).graph.paths}


def test_windows_near_the_start_are_fewer_and_never_empty():
    sizes = GraphSettings().windows
    assert [len(each) for each in windows(Example(ids("abcdefghijkl"), 11), sizes)] == [5, 10, 12]
    assert windows(Example(ids("abc"), 0), sizes) == [ids("a")]
    assert windows(Example(ids("abc"), 1), sizes) == [ids("ab")]


@pytest.mark.parametrize(
    ("text", "pivot", "expected"),
    [
        ("abcdefghij", 2, "defgh"),
        ("abcde\nfgh", 2, "de\n"),
        ("ab\ncd", 2, ""),
        ("abc", 2, ""),
        ("ab.cdef", 0, "b.cde"),
        ("ab.\ncde", 0, "b."),
        ("ab.", 0, "b."),
    ],
)
def test_the_tail_goes_to_the_end_of_sentence_or_line(text, pivot, expected):
    assert tail(Example(ids(text), pivot), ALPHABET, 5) == ids(expected)


def test_a_full_stop_before_a_blank_ends_a_sentence():
    assert tail(Example((A, B, STOP, THE, A), 0), ALPHABET, 5) == (B, STOP)


def pruned(unit, text, pivot=None, strongest=True):
    neuron, one = asked(unit), example(text, pivot)
    measurer = Measurer(rules(), "units")
    (whole,) = measurer.measure([Wanted(one.tokens, unit)])
    occasion = Occasion(0, one, float(whole[one.pivot]), strongest)
    return prune(measurer, [neuron], [occasion], ALPHABET, GraphSettings())[0]


def test_the_shortest_window_that_fires_is_taken():
    assert pruned(0, "xxxxxxxxxxxxa").tokens == ids("xxxxa")
    assert pruned(2, "xxxxxxxxbxxxa").tokens == ids("bxxxa")


def test_pivot_at_the_start():
    found = pruned(0, "axxxxxxx", 0)
    assert found.tokens == ids("axxxxx") and found.pivot == 0 and found.begins
    assert paths(0, example("axxxxxxx", 0)) == {(A,)}


def test_one_token_texts():
    assert paths(0, example("a")) == {(A,)}


def test_repeated_tokens_and_several_firing_ones():
    found = made(0, example("aaaaaa", 0))
    assert {path.tokens for path in found.graph.paths} == {(A,)} and found.scores.firing.f1 == 1
    assert paths(1, example("bababa", 1)) == {(A, B)}


def test_context_before_unimportant_tokens_leaves_wildcards():
    assert paths(4, example("xxxbxa")) == {(A, WILDCARD, B)}
    assert {(A, WILDCARD, WILDCARD, B)} <= paths(2, example("xxxbxxa"))


def test_substitutes_widen_the_graph_and_those_that_silence_do_not():
    found = made(3, example("xxbc"), example("xxa"))
    assert found.graph.activating == {A, C}
    assert B not in made(0, example("xxa")).graph.activating


def test_every_firing_token_of_a_passage_counts_not_the_pivot_alone():
    far = "a" + "x" * 40 + "c"
    assert made(3, example(far, 0)).graph.activating == {A, C}
    (one,) = GraphMaker(rules(), "units", GraphSettings(pivots=1, substitutes=0)).make([asked(3, example(far, 0))])
    assert one.graph.activating == {A}


def test_special_tokens_are_on_no_path():
    for unit in range(len(RULES)):
        found = made(unit, example("xbaxcxba", 7), example("baxx", 1))
        assert all(MASK not in path.tokens and 1 not in path.tokens for path in found.graph.paths)


def test_masked_importances_are_measured_for_every_firing_token():
    subject = rules()
    measurer, neuron = Measurer(subject, "units"), asked(1, example("xbaxba"))
    occasion = Occasion(0, example("xbaxba"), 3.0, strongest=True)
    cut = prune(measurer, [neuron], [occasion], ALPHABET, GraphSettings())
    (found,) = saliency(subject, measurer, [neuron], cut, GraphSettings())
    assert found.tokens == ids("baxba") and found.firing == (1, 4)
    assert found.importances.T.tolist() == [[1, 1, 0, 0, 0], [0, 0, 0, 1, 1]]


def test_walking_back_stops_at_the_furthest_token_that_matters():
    found = walked_back((7, 8, 9, 5), [0.1, 0.9, 0.75, 0.0], 3, 0.8, 0.75)
    assert found.tokens == (5, WILDCARD, 8) and found.importances == (1.0, 0.0, 0.9) and found.activation == 0.8
    assert walked_back((7, 8), [0.0, 0.0], 1, 0.8, 0.75).tokens == (8,)
    assert walked_back((BEGINNING, 8), [0.9, 0.0], 1, 0.8, 0.75).tokens == (8, BEGINNING)


def test_failures_have_their_reasons_and_score_nothing():
    never = made(6)
    silent = made(0, example("xxa"), held_out=())
    again = made(0, example("xxx"), highest=2.0)
    unseen = Asked(0, 0, 1, 2.0, (example("xxa"),), (example("xxx"),))
    (quiet,) = GraphMaker(rules(), "units").make([unseen])
    reasons = [each.failed for each in (never, silent, again, quiet)]
    assert reasons == [NO_EXAMPLES, NO_HELD_OUT, NOT_AGAIN, SILENT]
    assert all(each.scores.firing.f1 == 0 and each.scores.pearson == 0 for each in (never, silent, again, quiet))
    assert quiet.graph.paths and not again.graph.paths


def test_negative_ends_are_neurons_of_their_own():
    neuron = Asked(3, 7, -1, 3.0, (example("xxb"),), (example("abx", 1),))
    (found,) = GraphMaker(rules(), "units").make([neuron])
    assert found.row == 3 and {path.tokens for path in found.graph.paths} == {(B,)} and found.scores.firing.f1 == 1


def test_without_a_prefix_the_first_token_has_no_substitutes():
    neuron = asked(0, example("axx", 0))
    (found,) = GraphMaker(rules(prefix=()), "units").make([neuron])
    assert {path.tokens for path in found.graph.paths} == {(A,)} and found.scores.firing.f1 == 1


def test_examples_that_make_no_sense_are_refused():
    maker = GraphMaker(rules(), "units")
    with pytest.raises(InvalidInput, match="no token 3"):
        list(maker.make([asked(0, Example(ids("abc"), 3))]))
    with pytest.raises(InvalidInput, match="highest"):
        list(maker.make([Asked(0, 0, 1, float("nan"), (example("a"),), ())]))
    with pytest.raises(SubjectFault, match="8 neurons"):
        list(maker.make([Asked(0, 99, 1, 1.0, (example("a"),), ())]))
    with pytest.raises(UnknownName):
        GraphMaker(rules(), "unit")


def test_equal_prompts_run_once():
    subject = rules()
    wanted = [Wanted(ids("xxa"), unit) for unit in range(8)] * 3
    found = Measurer(subject, "units").measure(wanted)
    assert subject.module.runs == 0  # it stops once the layer has spoken
    assert [values[-1] for values in found[:4]] == [2, 0, 0, 2] and len(found) == 24
    assert all(np.array_equal(a, b) for a, b in zip(found[:8], found[8:16], strict=True))
