"""Where the heat is: every step against its textbook twin, and the edges of the method."""

import numpy as np
import pytest
import torch

from indexer.domain import crops
from tests.oracles import textbook

SHAPES = [((7, 7), (56, 56)), ((5, 9), (40, 72)), ((32, 32), (32, 32)), ((1, 1), (16, 16)), ((2, 3), (50, 31))]


def heats(shape, seed):
    rng = np.random.default_rng(seed)
    spots = np.zeros((3, *shape), dtype=np.float32)
    spots[0, rng.integers(shape[0]), rng.integers(shape[1])] = 3.0
    spots[1] = rng.normal(size=shape)
    spots[2] = np.maximum(rng.normal(size=shape) - 1.5, 0)
    spots[2, -1, -1] = 1e-12
    return spots


@pytest.mark.parametrize(("shape", "size"), SHAPES)
def test_places(shape, size):
    heat = heats(shape, sum(shape))
    heat[1] = -np.abs(heat[1])
    heat[1, 0, -1] = 2
    width = crops.kernel_width(min(size))
    for ours, each in zip(crops.bounds(crops.masks(heat, size)), heat, strict=True):
        assert tuple(ours) == textbook.place(each, size, width)


def test_blur_and_stretching_are_those_of_a_library():
    """Bilinear as torch does it with align_corners=False; the blur as torchvision's gaussian_blur."""
    from torchvision.transforms.functional import gaussian_blur

    heat = np.abs(np.random.default_rng(1).normal(size=(1, 7, 7))).astype(np.float32)
    width = crops.kernel_width(224)
    assert width == 51
    stretched = torch.nn.functional.interpolate(torch.from_numpy(heat)[None], size=(224, 224), mode="bilinear")
    expected = gaussian_blur(stretched, [width, width])[0].numpy()
    ours = crops.spread(7, 224, width) @ heat @ crops.spread(7, 224, width).T
    np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize(("side", "width"), [(224, 51), (448, 101), (112, 25), (64, 15), (32, 7), (16, 3), (1, 1)])
def test_the_blur_scales_with_the_input(side, width):
    assert crops.kernel_width(side) == width


def test_no_place():
    heat = np.zeros((4, 3, 3), dtype=np.float32)
    heat[1, 0, 0], heat[2, 1, 1], heat[3] = np.nan, np.inf, -1
    mask = crops.masks(heat, (9, 9))
    assert not mask.any()
    assert np.isnan(crops.bounds(mask)).all()


def test_tiny_heat_has_the_place_of_large_heat():
    heat = heats((7, 7), 3)[2:]
    np.testing.assert_array_equal(
        crops.masks(heat * np.float32(1e-30), (56, 56)), crops.masks(heat * np.float32(1e30), (56, 56))
    )


def test_squares():
    boxes = np.array(
        [[10, 20, 30, 80], [0, 0, 10, 20], [90, 5, 100, 65], [0, 40, 100, 50], [3, 3, 3.5, 4]], dtype=float
    )
    sizes = np.array([[100, 100], [100, 100], [100, 70], [100, 60], [100, 100]])
    for ours, box, size in zip(crops.squares(boxes, sizes), boxes, sizes, strict=True):
        np.testing.assert_allclose(ours, textbook.square(box, size))
        assert (ours >= 0).all() and (ours[2:] <= size).all()
        assert (ours[:2] <= box[:2]).all() and (ours[2:] >= box[2:]).all(), "what was found stays inside"
        width, height = ours[2:] - ours[:2]
        assert width == pytest.approx(height) or min(width, height) == min(size)
