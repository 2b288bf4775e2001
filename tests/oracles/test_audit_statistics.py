"""The audit's statistics against slow twins, against scipy.stats, and against their own promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from indexer.domain.scores import auroc
from indexer.domain.significance import adjusted
from lens_server.audit import statistics
from lens_server.audit.contrast import contrast, presence_by_score
from lens_server.audit.statistics import Estimate, levels, mean_estimate, pearson_tail, share_floor, tail
from tests.oracles import textbook

BOOTSTRAP = (400, 0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_and_bh_adjust_as_in_the_textbook(p) -> None:
    values = np.array(p)
    np.testing.assert_allclose(adjusted(values, "holm"), textbook.holm(p))
    np.testing.assert_allclose(adjusted(values, "bh"), textbook.benjamini_hochberg(p))
    np.testing.assert_array_equal(adjusted(values, "none"), values)


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.floats(0, 1), min_size=1, max_size=10), st.floats(0.01, 0.2))
def test_a_claim_is_decided_at_its_level_exactly_when_its_adjusted_p_is_below_alpha(p, alpha) -> None:
    names = list(p)
    for method, twin in (("holm", textbook.holm), ("bh", textbook.benjamini_hochberg)):
        level = levels(p, alpha, method)
        corrected = dict(zip(names, twin([p[name] for name in names]), strict=True))
        for name in names:
            if abs(corrected[name] - alpha) > 1e-9:  # on the border rounding decides
                assert (p[name] <= level[name]) == (corrected[name] <= alpha), (method, name)


@pytest.mark.parametrize("skew", [0.0, 0.3, 1.5])
def test_the_tail_is_scipys_pearson_three(skew) -> None:
    x = np.linspace(-1, 9, 30)
    np.testing.assert_allclose(pearson_tail(x, skew), stats.pearson3.sf(x, skew), rtol=1e-7, atol=1e-300)


def test_the_tail_is_empirical_where_it_can_be_and_honest_beyond() -> None:
    rng = np.random.default_rng(0)
    sums = rng.random((60_000, 30)) < 0.1  # the mean of 30 rare marks: skewed to the right
    null = np.sort(sums[:2000].mean(axis=1))
    assert tail(null, np.array([null[1000]]))[0] == pytest.approx((1 + (null >= null[1000]).sum()) / 2001)
    high = 12 / 30
    truth = stats.binom.sf(11, 30, 0.1)
    assert truth / 10 < tail(null, np.array([high]))[0] < truth * 30
    assert tail(np.zeros(500), np.array([1.0]))[0] == 1.0  # a null that does not vary says nothing


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000))
def test_contrast_is_the_textbooks(seed) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 60))
    effect, presence = rng.normal(size=n), rng.integers(-1, 2, n).astype(np.int8)
    strata, groups = rng.integers(-1, 3, (n, 2)), rng.integers(0, max(n // 2, 1), n)
    found = contrast(effect, presence, strata, groups, BOOTSTRAP)
    twin = textbook.contrast(effect.tolist(), presence.tolist(), strata.tolist())
    if twin is None:
        assert found is None
    elif found is not None:
        assert found.value == pytest.approx(twin)


def test_contrast_is_blind_to_the_class_and_to_what_it_is_adjusted_for() -> None:
    rng = np.random.default_rng(1)
    n = 4000
    label, valid = rng.integers(0, 2, n), rng.integers(0, 2, n)
    artefact = (rng.random(n) < np.where(valid == 1, 0.8, 0.1)).astype(np.int8)
    effect = 2.0 * label + 1.5 * valid + rng.normal(size=n) * 0.3
    alone = contrast(effect, artefact, label[:, None], np.arange(n), BOOTSTRAP)
    held = contrast(effect, artefact, np.stack([label, valid], axis=1), np.arange(n), BOOTSTRAP)
    assert alone.value > 0.8
    low, high = held.bounds(0.01)
    assert low < 0 < high and high < 0.1


def test_bounds_of_group_means_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    missed = 0
    for _ in range(400):
        groups = np.repeat(np.arange(60), 2)
        values = rng.normal(size=60)[groups] + rng.normal(size=120) * 0.2 + 0.3
        low, high = mean_estimate(values, groups, 300, 0).bounds(0.1)
        missed += not low <= 0.3 <= high
    assert stats.binomtest(missed, 400, 0.1).pvalue > 0.001, missed


def test_bounds_of_a_contrast_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for trial in range(300):
        n = 300
        groups = np.repeat(np.arange(150), 2)
        label = rng.integers(0, 2, 150)[groups]
        shown = (rng.random(n) < 0.3).astype(np.int8)
        effect = label + 0.25 * shown + rng.normal(size=150)[groups] * 0.7 + rng.normal(size=n) * 0.7
        low, high = contrast(effect, shown, label[:, None], groups, (300, trial)).bounds(0.1)
        missed += not low <= 0.25 <= high
    assert stats.binomtest(missed, 300, 0.1).pvalue > 0.001, missed


def test_duplicated_groups_do_not_make_an_estimate_surer() -> None:
    values = np.random.default_rng(4).normal(size=80)
    once = mean_estimate(values, np.arange(80), 400, 0)
    twice = mean_estimate(np.repeat(values, 5), np.repeat(np.arange(80), 5), 400, 0)
    assert twice.error == pytest.approx(once.error)
    assert twice.groups == once.groups == 80


def test_no_flip_among_few_pairs_is_no_proof() -> None:
    none = mean_estimate(np.zeros(50), np.arange(50), 300, 0, share_floor(50))
    assert none.bounds(0.05)[1] > 0.05
    many = mean_estimate(np.zeros(400), np.arange(400), 300, 0, share_floor(400))
    assert many.bounds(0.05)[1] < 0.01


def test_blocks_of_replicates_are_the_replicates(monkeypatch) -> None:
    values, groups = np.random.default_rng(6).normal(size=(90, 2)), np.repeat(np.arange(30), 3)
    whole = statistics.resampled(values, groups, 200, 3)
    monkeypatch.setattr(statistics, "_REMEMBERED", 700)
    np.testing.assert_allclose(statistics.resampled(values, groups, 200, 3), whole)
    assert whole.shape == (200, 2)


def test_an_estimate_without_spread_is_its_own_bound() -> None:
    assert Estimate(0.2, 0.0, 10).bounds(0.001) == (0.2, 0.2)
    assert Estimate(0.2, 0.0, 10).beyond(0.3) == 0.0


def test_presence_by_score_takes_the_shares_it_says() -> None:
    presence = presence_by_score(np.random.default_rng(5).normal(size=200).astype(np.float32))
    assert (presence == 1).sum() == 30 and (presence == 0).sum() == 100


@given(st.lists(st.integers(0, 5), min_size=1, max_size=15), st.lists(st.integers(0, 5), min_size=1, max_size=15))
def test_auroc_is_the_share_of_ordered_pairs(present, absent) -> None:
    found = auroc(np.array(present, dtype=float), np.array(absent, dtype=float))
    assert found == pytest.approx(textbook.auroc(present, absent))
