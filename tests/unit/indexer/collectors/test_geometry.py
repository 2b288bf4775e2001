"""Where input pixels come from: known transforms, those of real libraries, and what has no geometry."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torchvision import transforms as tv
from torchvision.transforms import InterpolationMode

from indexer.collectors.geometry import Geometries, in_pictures
from indexer.errors import SubjectFault

RESIZE_CROP = tv.Compose(
    [tv.Resize(64), tv.CenterCrop(56), tv.ToTensor(), tv.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])]
)
SQUASH = tv.Compose([tv.Resize((48, 48)), tv.ToTensor()])


def padded(image):
    """The whole picture in the middle of 64 × 64, grey around it."""
    side = max(image.size)
    canvas = Image.new("RGB", (side, side), (127, 127, 127))
    canvas.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return tv.functional.to_tensor(canvas.resize((64, 64), Image.Resampling.BICUBIC))


def seen(geometry, edges):
    """Part of the picture that lies between edges of the input."""
    return in_pictures(np.array([edges], dtype=np.float64), [geometry], np.zeros(1, dtype=np.int64))[0]


def assert_geometry(preprocess, size, edges, expected, atol=0.003):
    np.testing.assert_allclose(seen(Geometries(preprocess).of(size), edges), expected, atol=atol)


def test_resized_and_cropped():
    # 300 × 200 becomes 96 × 64; its middle 56 × 56 starts at (20, 4).
    assert_geometry(RESIZE_CROP, (300, 200), (0, 0, 56, 56), (20 / 96, 4 / 64, 76 / 96, 60 / 64))
    assert_geometry(RESIZE_CROP, (200, 300), (10, 20, 30, 40), (14 / 64, 40 / 96, 34 / 64, 60 / 96))


def test_squashed():
    assert_geometry(SQUASH, (300, 100), (12, 0, 24, 48), (0.25, 0, 0.5, 1))
    assert_geometry(SQUASH, (48, 48), (0, 0, 48, 48), (0, 0, 1, 1))
    assert_geometry(SQUASH, (2000, 1500), (1, 1, 2, 2), (1 / 48, 1 / 48, 2 / 48, 2 / 48), atol=0.002)


def test_padding_is_no_part_of_the_picture():
    # 200 × 100: 16 rows of grey above and below the picture's 32.
    assert_geometry(padded, (200, 100), (0, 16, 64, 48), (0, 0, 1, 1))
    assert_geometry(padded, (200, 100), (32, 24, 64, 64), (0.5, 0.25, 1, 1))


def test_black_padding_and_enlarging():
    def on_black(image):
        return tv.functional.to_tensor(ImageOps.pad(image, (96, 96), Image.Resampling.LANCZOS))

    assert_geometry(on_black, (20, 40), (24, 0, 72, 96), (0, 0, 1, 1), atol=0.03)


def test_flipped():
    assert_geometry(lambda image: SQUASH(ImageOps.mirror(image)), (80, 60), (0, 0, 12, 24), (0.75, 0, 1, 0.5))


def test_grey_inverted_and_channel_first_of_one():
    def inverted(image):
        return 1 - tv.functional.to_tensor(image.convert("L").resize((32, 32)))

    assert_geometry(inverted, (90, 70), (8, 0, 16, 32), (0.25, 0, 0.5, 1))


def test_several_inputs():
    def both(image):
        return {"ids": torch.arange(5), "pixel_values": SQUASH(image)}

    assert Geometries(both).of((64, 48)).part == "pixel_values"
    assert_geometry(both, (64, 48), (0, 12, 24, 48), (0, 0.25, 0.5, 1))


@pytest.mark.parametrize(
    "crop_pct, mode", [(0.875, "center"), (1.0, "squash"), (0.9, "border")], ids=["center", "squash", "border"]
)
def test_timm(crop_pct, mode):
    from timm.data import create_transform

    transform = create_transform(
        (3, 64, 64), is_training=False, crop_pct=crop_pct, crop_mode=mode, interpolation="bicubic"
    )
    geometry = Geometries(transform).of((320, 240))
    whole = seen(geometry, (0, 0, 64, 64))
    if mode == "center":  # the shorter side becomes 73, of which 64 are seen
        np.testing.assert_allclose(whole, (16.66 / 97.3, 4.5 / 73, 80.66 / 97.3, 68.5 / 73), atol=0.01)
    elif mode == "squash":
        np.testing.assert_allclose(whole, (0, 0, 1, 1), atol=0.004)
    else:  # the longer side becomes 71, of which 64 are seen
        np.testing.assert_allclose(whole[[0, 2]], (4 / 71, 68 / 71), atol=0.005)


def test_open_clip():
    from open_clip.transform import image_transform

    transform = image_transform(56, is_train=False)
    whole = seen(Geometries(transform).of((300, 200)), (0, 0, 56, 56))
    np.testing.assert_allclose(whole, (1 / 6, 0, 5 / 6, 1), atol=0.004)


def test_torchvision_weights():
    from torchvision.models import MobileNet_V2_Weights

    whole = seen(Geometries(MobileNet_V2_Weights.IMAGENET1K_V1.transforms()).of((300, 200)), (0, 0, 224, 224))
    np.testing.assert_allclose(whole, (80 / 384, 16 / 256, 304 / 384, 240 / 256), atol=0.004)


def test_nearest_neighbour_and_tiny_pictures():
    nearest = tv.Compose([tv.Resize((32, 32), InterpolationMode.NEAREST), tv.ToTensor()])
    assert_geometry(nearest, (40, 50), (0, 0, 16, 32), (0, 0, 0.5, 1), atol=0.02)
    for size in [(1, 1), (1, 40), (3, 2)]:
        found = seen(Geometries(SQUASH).of(size), (0, 0, 48, 48))
        np.testing.assert_allclose(found, (0, 0, 1, 1), atol=0.2)


def standardised(image):
    pixels = tv.functional.to_tensor(image.resize((32, 32)))
    return (pixels - pixels.mean()) / pixels.std()


@pytest.mark.parametrize(
    ("preprocess", "said"),
    [
        (lambda image: SQUASH(image.rotate(30)), "axes"),
        (lambda image: SQUASH(image.transpose(Image.Transpose.ROTATE_90)), "axes"),
        (lambda _image: torch.zeros(3, 8, 8), "the same input"),
        (standardised, "the same input"),
        (lambda image: SQUASH(image) ** 3, "bends"),
        (lambda image: SQUASH(image).flatten(), "axes \\[channels"),
    ],
    ids=["rotated", "turned", "blind", "standardised", "gamma", "flat"],
)
def test_what_has_no_geometry_is_refused(preprocess, said):
    with pytest.raises(SubjectFault, match=said) as fault:
        Geometries(preprocess).of((60, 50))
    assert "--crop" in fault.value.hint
