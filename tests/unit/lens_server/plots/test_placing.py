"""Names never overlap, whatever the points; those moved apart move no farther than they must."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lens_server.plots.placing import Box, Size, apart, placed

FRAME = Box(0, 0, 400, 300)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_boxes_lie_in_the_frame_and_clear_of_each_other(count, seed):
    rng = np.random.default_rng(seed)
    anchors = [tuple(each) for each in rng.uniform((0, 0), (400, 300), (count, 2))]
    sizes = [Size(float(width), 14.0) for width in rng.uniform(20, 120, count)]
    found = placed(anchors, sizes, np.array(anchors), FRAME)
    assert len(found) == count
    boxes = [box for box in found if box is not None]
    assert boxes
    for at, box in enumerate(boxes):
        assert box.left >= 0 and box.right <= 400 and box.bottom >= 0 and box.top <= 300
        for other in boxes[:at]:
            apart_x = box.right <= other.left or other.right <= box.left
            assert apart_x or box.top <= other.bottom or other.top <= box.bottom


def test_a_free_place_is_preferred_to_a_nearer_one_over_points():
    points = np.array([(200.0, 150.0), *((x, 150.0) for x in range(205, 300, 5))])
    (box,) = placed([(200.0, 150.0)], [Size(60, 14)], points, FRAME)
    assert box is not None and not any(box.left < x < box.right and box.bottom < y < box.top for x, y in points)


def test_no_room_is_none():
    assert placed([(10.0, 10.0)], [Size(500, 14)], np.zeros((1, 2)), FRAME) == [None]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12).map(sorted), st.floats(0.01, 0.2))
def test_names_of_lines_stand_a_step_apart_in_their_order(places, step):
    found = apart(places, step)
    assert len(found) == len(places)
    assert all(b - a >= step - 1e-9 for a, b in zip(found, found[1:], strict=False))
    assert sum(found) == pytest.approx(sum(places), abs=1e-6), "no drift"


def test_what_is_apart_stays():
    assert apart([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])
    assert apart([0.5, 0.5], 0.2) == pytest.approx([0.4, 0.6])
