import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.domain.views import WHOLE, boxes, boxes_of, fractions, rows_of, samples_of, views

unit = st.floats(0, 1)


def test_the_whole_image_is_the_box_of_everything():
    assert boxes(np.array([0.0, 0, 1, 1])) == WHOLE
    assert fractions(WHOLE).tolist() == [0, 0, 1, 1]


@given(unit, unit, unit, unit)
def test_a_box_on_the_grid_covers_the_box_asked_for_by_less_than_a_cell(a, b, c, d):
    asked = np.array([min(a, b), min(c, d), max(a, b), max(c, d)])
    got = fractions(boxes(asked))
    assert (got[:2] <= asked[:2] + 1e-6).all() and (got[2:] >= asked[2:] - 1e-6).all()
    assert (np.abs(got - asked) <= 1 / 256 + 1e-6).all()
    assert (got[2:] > got[:2]).all()
    assert boxes(got) == boxes(asked)


def test_views_sort_by_sample_and_give_back_sample_and_box():
    code = boxes(np.array([[0.5, 0.5, 1, 1], [0, 0, 0.5, 0.5], [0, 0, 1, 1]]))
    seen = views(np.array([7, 2**31 - 1, 0]), code)
    assert samples_of(seen).tolist() == [7, 2**31 - 1, 0]
    assert (boxes_of(seen) == code).all()
    assert np.argsort(seen).tolist() == [2, 0, 1]
    assert views(np.array([-1, 3])).tolist() == [-1, (3 << 32) | int(WHOLE)]


@pytest.mark.parametrize("held", [[], [5], [9, 5, 7]])
def test_rows_of_finds_what_is_held_and_nothing_else(held):
    wanted = np.array([[5, 6], [9, -1]])
    expected = [[held.index(each) if each in held else -1 for each in row] for row in wanted.tolist()]
    assert rows_of(wanted, np.array(held, dtype=np.int64)).tolist() == expected
