"""Detection: what counts as firing, ties, ends of signed neurons, too few, and intervals that cover."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from lens_server.queries import detection
from lens_server.queries.detection import Detector, area, bounds
from tests.oracles import textbook

PROBE = np.array([1.0, 0.0], dtype=np.float32)


@pytest.fixture
def detector(monkeypatch):
    """A function: vectors' first numbers, held-out (embedding, activation) pairs, survey (embedding, activation)."""

    def made(scores, held, survey, *, polarity=1, strongest=1.0):
        embeddings, activations = (np.array(each) for each in zip(*held, strict=True))
        places, surveyed = (np.array(each) for each in zip(*survey, strict=True))
        texts = SimpleNamespace(
            held_out=lambda row: SimpleNamespace(embeddings=embeddings, activations=activations),
            survey=(None, None, places, surveyed[:, None].astype(np.float16)),
        )
        monkeypatch.setattr(detection, "Texts", lambda index: texts)
        neurons = SimpleNamespace(polarity=np.array([polarity]), strongest=np.array([strongest], dtype=np.float32))
        vectors = np.stack([scores, np.zeros(len(scores))], axis=1).astype(np.float32)
        return Detector(SimpleNamespace(neurons=neurons, exemplar_vectors=vectors))

    return made


def test_every_pair_counts_and_ties_count_half(detector):
    held = [(0, 1.0), (1, 0.9), (2, 0.6)]
    survey = [(3, 0.0), (4, 0.1), (5, 0.4)]
    found = detector([0.9, 0.5, 0.1, 0.5, 0.0, -0.5], held, survey).detect(0, PROBE)
    assert found.area == pytest.approx((3 + 2.5 + 2) / 9)
    assert (found.firing, found.silent) == (3, 3)
    assert found.low < found.area < found.high


def test_weak_held_out_examples_and_firing_surveyed_places_are_left_out(detector):
    held = [(0, 1.0), (0, 0.5), (0, 0.75), (1, 0.49)]
    survey = [(1, 0.0), (1, 0.49), (1, 0.0), (2, 0.5), (2, 1.0)]
    found = detector([1.0, -1.0, 2.0], held, survey).detect(0, PROBE)
    assert (found.area, found.firing, found.silent) == (1.0, 3, 3)


def test_the_negative_end_fires_below_nought(detector):
    held = [(0, -4.0), (0, -3.0), (0, -2.0), (1, -1.9)]
    survey = [(1, -1.0), (1, 0.0), (1, 5.0), (0, -2.5)]
    found = detector([1.0, -1.0], held, survey, polarity=-1, strongest=-4.0).detect(0, PROBE)
    assert (found.area, found.firing, found.silent) == (1.0, 3, 3)


@pytest.mark.parametrize(("firing", "silent"), [(2, 9), (9, 2), (0, 9)])
def test_too_few_places_are_no_measurement(detector, firing, silent):
    held = [(0, 1.0)] * firing + [(0, 0.0)]
    made = detector([1.0, 0.0], held, [(1, 0.0)] * silent)
    assert made.detect(0, PROBE) is None
    assert made.area(0, PROBE) is None


def test_area_is_the_textbooks():
    chance = np.random.default_rng(3)
    for _ in range(20):
        positive, negative = (chance.integers(0, 6, size).astype(np.float32) for size in chance.integers(1, 9, 2))
        assert area(positive, negative) == pytest.approx(textbook.detection_area(positive, negative), abs=1e-12)


def test_bounds_end_where_the_textbook_says():
    for found, positives, negatives in ((0.5, 10, 200), (0.93, 7, 40), (1.0, 10, 256), (0.0, 3, 3)):
        for edge, bound in zip(bounds(found, positives, negatives), (0.0, 1.0), strict=True):
            if edge != bound:
                off = abs(edge - found) / textbook.detection_error(edge, positives, negatives)
                assert off == pytest.approx(norm.ppf(0.975), rel=1e-6)


def test_bounds_stay_open_where_all_are_told_apart():
    low, high = bounds(1.0, 10, 256)
    assert 0.7 < low < 0.95 and high == 1.0


def test_bounds_cover_the_truth():
    chance, truth = np.random.default_rng(4), 0.85
    shift = float(norm.ppf(truth)) * 2**0.5
    covered = 0
    for _ in range(400):
        found = area(chance.normal(shift, 1, 10), chance.normal(0, 1, 120))
        low, high = bounds(found, 10, 120)
        covered += low <= truth <= high
    assert covered / 400 > 0.92
