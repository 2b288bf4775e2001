"""Overlays on pictures of any size: where they are, what they leave alone, and that they never move."""

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.datasets.lesions import overlays as lesion_overlays
from indexer.errors import InvalidInput, UnknownName
from indexer.interventions.overlays import OVERLAYS, PLACEBO, overlay, paste, seed_of

SIZES = [(64, 64), (32, 32), (256, 256), (300, 100), (100, 300), (129, 200), (1030, 1100)]


def photograph(size, seed=0):
    """Smooth colours with grain, (width, height)."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(60, 200, (5, 5, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.integers(-6, 7, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(small).astype(int) + grain, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_picture_keeps_its_size_and_what_the_mask_leaves_out(name, size):
    image = photograph(size)
    before = np.array(image)
    pasted = paste(name, image, (3, 4))
    assert (pasted.mode, pasted.size) == ("RGB", size)
    np.testing.assert_array_equal(np.asarray(image), before, err_msg="the picture given was changed")
    mask = overlay(name, before, (3, 4)).mask
    np.testing.assert_array_equal(np.asarray(pasted)[~mask], before[~mask])
    assert 0 < mask.mean() < 0.9
    assert (np.asarray(pasted)[mask] != before[mask]).any(axis=1).mean() > 0.4


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_same_seed_gives_the_same_picture_and_another_seed_another(name):
    image = photograph((140, 150))
    first = np.asarray(paste(name, image, seed_of("images/a.jpg", 0)))
    np.testing.assert_array_equal(np.asarray(paste(name, image, seed_of("images/a.jpg", 0))), first)
    assert (np.asarray(paste(name, image, seed_of("images/b.jpg", 0))) != first).any()
    assert (np.asarray(paste(name, image, seed_of("images/a.jpg", 1))) != first).any()
    np.testing.assert_array_equal(np.asarray(paste(name, image, 5)), np.asarray(paste(name, image, (5,))))


@pytest.mark.parametrize("name", [each for each in OVERLAYS if each != PLACEBO])
def test_the_place_does_not_depend_on_what_is_to_be_seen(name):
    shape = (150, 140, 3)
    dark = overlay(name, np.zeros(shape, np.uint8), 9)
    light = overlay(name, np.full(shape, 255, np.uint8), 9)
    np.testing.assert_array_equal(dark.alpha, light.alpha)
    np.testing.assert_array_equal(dark.colour, light.colour)


def test_a_seed_is_of_the_key_alone():
    expected = hashlib.sha256(b"7\0images/a.jpg").digest()
    assert seed_of("images/a.jpg", 7) == tuple(int.from_bytes(expected[at : at + 8], "big") for at in (0, 8, 16, 24))
    assert len({seed_of(f"{number}", seed) for number in range(50) for seed in range(4)}) == 200


@pytest.mark.parametrize("width", [1, 2, 3, 8, 17])
@pytest.mark.parametrize("name", OVERLAYS)
def test_tiny_pictures_pass(name, width):
    for size in ((width, 40), (40, width), (width, width)):
        assert paste(name, photograph(size), 1).size == size


@pytest.mark.parametrize("name", ["colour_patch", "bubbles", "text_watermark"])
def test_a_large_picture_gets_the_same_drawing_enlarged(name):
    """At 1,024 and at 2,048 pixels, the same share of the picture changes, at the same place."""
    small, large = (overlay(name, np.asarray(photograph((side, side))), 11).alpha for side in (1024, 2048))
    halved = large.reshape(1024, 2, 1024, 2).mean(axis=(1, 3))
    assert np.abs(halved - small).mean() < 0.004


def test_other_pictures_and_names_are_refused():
    with pytest.raises(UnknownName, match="ruller") as fault:
        paste("ruller", photograph((40, 40)), 0)
    assert "'ruler'" in fault.value.hint
    for mode in ("L", "RGBA", "P"):
        with pytest.raises(InvalidInput, match=mode):
            paste("ruler", photograph((40, 40)).convert(mode), 0)


@pytest.mark.parametrize("size", [(64, 64), (256, 256), (400, 200)], ids=str)
def test_the_placebo_hides_what_the_patch_hides_and_keeps_the_mean_colour(size):
    shifts, patches = [], []
    for seed in range(12):
        image = photograph(size, seed)
        before = np.asarray(image).astype(float)
        mask = overlay("colour_patch", np.asarray(image), seed).mask
        np.testing.assert_array_equal(overlay(PLACEBO, np.asarray(image), seed).mask, mask)
        plain, patch = (np.asarray(paste(name, image, seed)).astype(float) for name in (PLACEBO, "colour_patch"))
        shifts.append(np.abs(plain.mean((0, 1)) - before.mean((0, 1))).max())
        patches.append(np.abs(patch.mean((0, 1)) - before.mean((0, 1))).max())
        inside = plain[overlay(PLACEBO, np.asarray(image), seed).alpha == 1]
        assert np.ptp(inside, axis=0).max() == 0, "a plain patch has one colour"
    assert np.mean(shifts) < 8 < 1.5 * np.mean(patches)


def test_the_placebo_has_its_surroundings_colour_by_hand():
    """Left half red, right half blue: a patch inside one half takes that half's colour."""
    pixels = np.zeros((200, 600, 3), np.uint8)
    pixels[:, :300, 0], pixels[:, 300:, 2] = 200, 100
    sides = set()
    for seed in range(30):
        layer = overlay(PLACEBO, pixels, seed)
        columns = np.flatnonzero(layer.mask.any(axis=0))
        if columns.max() < 240:
            sides.add("left")
            assert layer.colour.tolist() == [200, 0, 0]
        elif columns.min() > 360:
            sides.add("right")
            assert layer.colour.tolist() == [0, 0, 100]
    assert sides == {"left", "right"}


def test_a_patch_on_a_photograph_is_a_large_sticker_at_the_edge():
    shares = []
    for seed in range(40):
        image = photograph((256, 256), seed)
        mask = overlay("colour_patch", np.asarray(image), seed).mask
        shares.append(mask.mean())
        edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert edge.any(), "partly in view"
        assert not mask[118:138, 118:138].all(), "the middle stays in view"
    assert 0.06 < np.mean(shares) < 0.25


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("colour_patch", "patch"), ("bubbles", "gel_bubbles"), ("red_tint", "red_skin")]
    + [(name, name) for name in ("hair", "ruler", "ink", "vignette")],
)
def test_small_pictures_get_the_lesion_worlds_own(ours, theirs):
    rng = np.random.Generator(np.random.PCG64((5, *ours.encode())))
    expected = lesion_overlays.layer(theirs, (64, 64), rng)
    found = overlay(ours, np.zeros((64, 64, 3), np.uint8), 5)
    np.testing.assert_array_equal(found.alpha, expected.alpha)
    np.testing.assert_array_equal(
        np.broadcast_to(found.colour, (64, 64, 3)), np.broadcast_to(expected.colour, (64, 64, 3))
    )


def test_pasting_needs_no_torch():
    code = "import sys, indexer.interventions.overlays; print(*sorted({'torch', 'timm'} & set(sys.modules)))"
    root = Path(__file__).parents[4]
    ended = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not ended.stdout.strip()
