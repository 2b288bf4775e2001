"""The lesion world: the same sample is the same picture, and an artefact changes its own pixels only."""

import time
from dataclasses import replace

import numpy as np
import pytest

from indexer.datasets.lesions import (
    ARTEFACTS,
    CLASSES,
    COLOURS,
    STRUCTURES,
    Lesion,
    Rate,
    World,
    clean,
    columns,
    overlay,
    overlays,
    render,
    render_clean,
    with_artefact,
    without_artefact,
)
from indexer.datasets.lesions.world import THRESHOLD, score
from indexer.errors import InvalidInput, UnknownName

WORLD = World(seed=11)


def test_same_sample_gives_same_bytes_in_any_order() -> None:
    first = [render(WORLD.sample(number)) for number in (0, 5, 9)]
    again = [render(World(seed=11).sample(number)) for number in (9, 5, 0)]
    assert all(np.array_equal(a, b) for a, b in zip(first, reversed(again), strict=True))
    assert not np.array_equal(first[0], render(World(seed=12).sample(0)))
    assert first[0].dtype == np.uint8 and first[0].shape == (64, 64, 3)


@pytest.mark.parametrize("size", [32, 64, 100])
@pytest.mark.parametrize("name", ARTEFACTS)
def test_artefact_changes_its_mask_and_nothing_else(name: str, size: int) -> None:
    for number in range(6):
        lesion = WORLD.sample(number)
        without, having = (render(each(lesion, name), size) for each in (without_artefact, with_artefact))
        changed = (without != having).any(axis=2)
        mask = overlay(lesion, name, size).mask
        assert changed.any()
        assert not (changed & ~mask).any()


@pytest.mark.parametrize("name", ARTEFACTS)
def test_removing_an_artefact_gives_back_the_clean_picture(name: str) -> None:
    lesion = clean(WORLD.sample(3))
    pasted = with_artefact(lesion, name)
    assert np.array_equal(render(without_artefact(pasted, name)), render(lesion))
    assert np.array_equal(render_clean(pasted), render(lesion))
    assert np.array_equal(render(pasted), overlay(lesion, name).over(render(lesion)))


@pytest.mark.parametrize("name", ARTEFACTS)
@pytest.mark.parametrize("shape", [(48, 80, 3), (120, 90, 3), (224, 224, 3)])
def test_overlay_goes_on_any_picture(name: str, shape: tuple[int, int, int]) -> None:
    photograph = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    before = photograph.copy()
    pasted, again = (overlays.apply(name, photograph, np.random.default_rng(4)) for _ in range(2))
    mask = overlays.layer(name, shape[:2], np.random.default_rng(4)).mask
    assert np.array_equal(pasted, again) and np.array_equal(photograph, before)
    assert pasted.dtype == np.uint8 and (pasted != photograph).any()
    assert np.array_equal(pasted[~mask], photograph[~mask])


def test_overlay_refuses_what_is_no_rgb_picture() -> None:
    with pytest.raises(InvalidInput, match="RGB"):
        overlays.apply("ink", np.zeros((8, 8), np.uint8), np.random.default_rng(0))
    with pytest.raises(UnknownName, match="rular"):
        overlays.apply("rular", np.zeros((8, 8, 3), np.uint8), np.random.default_rng(0))


def test_rates_follow_the_class_and_are_otherwise_independent() -> None:
    world = World(
        seed=2, photos=1, artefact_rates={"patch": Rate(0.9, 0.05), "ink": Rate(0.8, 0.1, "irregular_border")}
    )
    rows = [columns(world.sample(number)) for number in range(3000)]
    table = {key: np.array([row[key] for row in rows]) for key in ("malignant", "irregular_border", *ARTEFACTS)}
    sick, ragged = table["malignant"] == 1, table["irregular_border"] == 1
    assert table["patch"][sick].mean() == pytest.approx(0.9, abs=0.03)
    assert table["patch"][~sick].mean() == pytest.approx(0.05, abs=0.03)
    assert table["ink"][ragged].mean() == pytest.approx(0.8, abs=0.04)
    assert table["ink"][~ragged].mean() == pytest.approx(0.1, abs=0.04)
    for name in ("hair", "ruler", "gel_bubbles", "vignette", "red_skin"):
        assert table[name][sick].mean() == pytest.approx(0.2, abs=0.04)
        assert table[name][~sick].mean() == pytest.approx(0.2, abs=0.04)


def test_rates_change_artefacts_and_never_the_lesion() -> None:
    planted = World(seed=2, artefact_rates={"patch": Rate(1, 1)})
    for number in range(20):
        one, other = World(seed=2).sample(number), planted.sample(number)
        assert "patch" in other.artefacts
        assert clean(one) == clean(other)
        assert set(one.artefacts) - {"patch"} == set(other.artefacts) - {"patch"}


def test_class_is_the_score_above_the_threshold() -> None:
    lesions = [WORLD.sample(2 * number) for number in range(500)]
    assert all(lesion.malignant == (lesion.score > THRESHOLD) for lesion in lesions)
    assert 0.35 < np.mean([lesion.malignant for lesion in lesions]) < 0.65
    assert all(0 < len(lesion.colours) <= 6 and lesion.label in CLASSES for lesion in lesions)
    for name in (*COLOURS, *STRUCTURES):
        assert 0.1 < np.mean([columns(lesion)[name] for lesion in lesions]) < 0.9


def test_score_grows_with_every_valid_attribute() -> None:
    for asymmetric, irregular in ((False, False), (False, True), (True, False)):
        for colours in range(1, 6):
            for structures in range(3):
                here = score(asymmetric, irregular, colours, structures)
                assert score(True, irregular, colours, structures) > here or asymmetric
                assert score(asymmetric, True, colours, structures) > here or irregular
                assert score(asymmetric, irregular, colours + 1, structures) > here
                assert score(asymmetric, irregular, colours, structures + 1) > here


def test_label_noise_turns_that_share_of_classes() -> None:
    noisy = World(seed=4, label_noise=0.2, photos=1)
    turned = [lesion.malignant != (lesion.score > THRESHOLD) for lesion in map(noisy.sample, range(2000))]
    assert np.mean(turned) == pytest.approx(0.2, abs=0.03)


def test_photographs_of_a_lesion_share_group_attributes_and_class() -> None:
    one, two = WORLD.sample(6), WORLD.sample(7)
    assert replace(clean(one), number=7) == clean(two)
    assert WORLD.sample(8).group != one.group
    assert not np.array_equal(render_clean(one), render_clean(two))


@pytest.mark.parametrize(
    "settings",
    [{"size": 4}, {"photos": 0}, {"seed": -1}, {"label_noise": 0.7}, {"artefact_rates": {"rulr": Rate(0.1, 0.1)}}],
)
def test_world_refuses_what_makes_no_sense(settings: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as fault:
        World(**settings)  # type: ignore[arg-type]
    assert fault.value.hint


def test_rate_refuses_what_is_no_probability_or_condition() -> None:
    with pytest.raises(InvalidInput):
        Rate(1.2, 0.1)
    with pytest.raises(UnknownName, match="malignent"):
        Rate(0.2, 0.1, "malignent")


def test_rendering_keeps_pace() -> None:
    lesions: list[Lesion] = [WORLD.sample(number) for number in range(150)]
    render(lesions[0])
    start = time.process_time()
    for lesion in lesions:
        render(lesion)
    assert len(lesions) / (time.process_time() - start) > 150, "half the promised 300 pictures a second and core"
