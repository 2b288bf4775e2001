"""Where `semanticlens` 0.2.1 is silently wrong (results/peer_exemplars.md), Lens equals a brute force in float64."""

import numpy as np
import pytest

from benchmarks.peers.cases import CASES, OVERFLOW, brute_force, chosen_by_lens, draw_pictures, right
from benchmarks.peers.probing import QUESTIONS, alignments_by_lens, truth
from indexer.errors import SubjectFault


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("peer")
    for kind in ("plain", "twice", "others"):
        draw_pictures(made / "pictures", kind)
    return made


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_exemplar_is_right(folder, case):
    pictures = folder / "pictures" / case.pictures
    activations, originals = brute_force(case, pictures)
    found = chosen_by_lens(case, pictures, folder)
    assert set(found) == ({1, -1} if (activations < 0).any() else {1})
    for polarity, chosen in found.items():
        assert len(chosen) == activations.shape[1]
        judged = right(polarity * activations, originals, chosen, case.exemplars)
        assert judged.all(), f"wrong: units {np.flatnonzero(~judged).tolist()} of polarity {polarity}"
    assert any(len(each) == case.exemplars for each in found[1])


def test_activations_that_are_not_finite_are_refused(folder):
    with pytest.raises(SubjectFault, match="not finite"):
        chosen_by_lens(OVERFLOW, folder / "pictures" / OVERFLOW.pictures, folder)


@pytest.mark.parametrize("question", QUESTIONS, ids=[question.says for question in QUESTIONS])
def test_every_alignment_is_right(folder, question):
    index, vectors = question.built(folder)
    expected = truth(question, vectors)
    assert expected.shape == (len(question.words), len(vectors))
    assert np.abs(expected - expected.mean(axis=0)).max() > 1e-3 or len(question.words) == 1
    np.testing.assert_allclose(alignments_by_lens(question, index), expected, atol=1e-5)


def test_the_questions_are_as_wide_as_they_say(folder):
    *_, square, crossed = QUESTIONS
    assert square.built(folder)[1].shape == (128, 128)
    assert len(crossed.built(folder)[1]) == len(crossed.words)
