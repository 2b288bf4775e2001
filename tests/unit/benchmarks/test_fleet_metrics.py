"""Each metric of the audit's benchmark against a slow twin that reads like its definition."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.fleet.metrics import (
    Claim,
    auroc,
    carries,
    precision_at_recall,
    rank_correlation,
    scored,
    share,
)


@pytest.fixture(params=range(8))
def draw(request):
    """Truth and scores with ties; both classes."""
    rng = np.random.default_rng(request.param)
    truth = rng.random(40) < 0.3
    truth[:2] = (True, False)
    return truth, np.round(rng.normal(size=40) + truth, 1)


def test_auroc_counts_pairs_in_the_right_order(draw):
    truth, scores = draw
    wins = [(a > b) + (a == b) / 2 for a, b in product(scores[truth], scores[~truth])]
    assert auroc(truth, scores) == pytest.approx(sum(wins) / len(wins))


def test_auroc_of_one_kind_only_is_unset():
    assert auroc(np.ones(3, bool), np.arange(3.0)) is None and auroc(np.zeros(3, bool), np.arange(3.0)) is None


def test_precision_at_recall_lowers_the_threshold_until_enough_are_found(draw):
    truth, scores = draw
    for threshold in sorted(set(scores), reverse=True):
        taken = scores >= threshold
        if truth[taken].sum() >= 0.9 * truth.sum():
            break
    assert precision_at_recall(truth, scores) == pytest.approx(truth[taken].mean())
    assert precision_at_recall(np.zeros(3, bool), np.arange(3.0)) is None


def test_rank_correlation_is_spearmans(draw):
    truth, scores = draw
    other = np.round(scores**3 + np.arange(len(scores)) % 5, 1)
    assert rank_correlation(scores, other) == pytest.approx(spearmanr(scores, other).statistic)
    assert rank_correlation(scores, np.ones(len(scores))) is None


def claim(kind="spurious", planted=True, flips=0.5, **scores):
    return Claim("net", kind, "patch", planted, flips, scores)


def test_what_was_not_assessable_warns_of_nothing():
    truth, scores = scored([claim(flip=0.1), claim(flips=0.1, flip=None), claim(flip=-3.0)], "flip")
    assert truth.tolist() == [True, False, True] and scores.tolist() == [0.1, -np.inf, -3.0]
    assert auroc(truth, scores) == 1.0


@pytest.mark.parametrize(
    ("kind", "planted", "flips", "hard"),
    [
        ("spurious", True, 0.20, True),
        ("spurious", True, 0.19, False),
        ("spurious", False, 0.5, False),
        ("encode-only", True, 0.05, True),
        ("encode-only", True, 0.3, False),
        ("encode-only", False, 0.05, False),
        ("clean", False, 0.0, False),
    ],
)
def test_hard_claims_are_those_that_alignment_cannot_tell(kind, planted, flips, hard):
    assert claim(kind, planted, flips).hard is hard


def test_carriers_have_half_the_strongest_effect():
    assert carries([0.1, 0.4, 0.2, 0.19]).tolist() == [False, True, True, False]


def test_share():
    assert share([True, False, False, True]) == 0.5 and share([]) is None
