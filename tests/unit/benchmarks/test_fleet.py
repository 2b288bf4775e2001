"""Fleets: seeds apart, artefacts at their rates, nets that load by name, truth that is what it says."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks.fleet.pictures import drawn, learned_from, lesions_of  # noqa: E402
from benchmarks.fleet.recipes import (  # noqa: E402
    AGREEMENT,
    AS_TRAINED,
    BESIDE_VALID,
    COMMITTED,
    FLEETS,
    PROBES,
    REDUNDANT,
    STRENGTHS,
    UNTRAINED,
    VALID_FOR,
)
from benchmarks.fleet.subject import named, offer  # noqa: E402
from benchmarks.fleet.training import trained, weights_of  # noqa: E402
from benchmarks.fleet.truth import measured, pairs, truth_of  # noqa: E402
from indexer.catalogue import SUBJECTS  # noqa: E402
from indexer.datasets.lesions import ARTEFACTS, TRAINING_SEEDS, LesionDataset, with_artefact, without_artefact  # noqa: E402
from indexer.errors import LensError  # noqa: E402
from indexer.subjects.lesion_nets import NAMES  # noqa: E402
from indexer.training.pictures import HELD_OUT_SEED, of_lesions, tensor  # noqa: E402
from indexer.training.subjects import training_world  # noqa: E402
from indexer.training.truth import margin  # noqa: E402

JUDGED, DEVELOPMENT = FLEETS["judged"], FLEETS["development"]
SMALL = replace(JUDGED, pool=400, pairs=24)


def test_no_seed_serves_twice():
    trained_on = [training_world(name).seed for name in NAMES]
    made = [fleet for fleet in FLEETS.values() if fleet.name != COMMITTED]
    trained_on += [fleet.pool_seed for fleet in made]
    trained_on += [member.seed for fleet in made for member in fleet.members]
    assert len(set(trained_on)) == len(trained_on) and set(trained_on) <= set(TRAINING_SEEDS)
    members = [member for fleet in FLEETS.values() for member in fleet.members]
    measured_on = [fleet.pair_seed for fleet in FLEETS.values()]
    measured_on += [probed(member, kind, 1).world.seed for member in members for kind in PROBES]
    assert len(set(measured_on)) == len(measured_on) and min(measured_on) > HELD_OUT_SEED


def probed(member, kind, count):
    return LesionDataset.from_argument(member.probe(kind, count))


def test_names_are_unique_and_every_kind_is_there():
    names = [member.name for member in JUDGED.members]
    assert len(set(names)) == len(names) >= 24
    kinds = {member.kind for member in JUDGED.members}
    assert len(kinds) == 7 and {member.strength for member in JUDGED.members} == {"", *STRENGTHS}


def test_probe_sets_hold_what_they_say():
    member = JUDGED.member("spurious-patch-strong")
    usual, beside = (probed(member, kind, 600).metadata for kind in (AS_TRAINED, BESIDE_VALID))
    assert usual.groupby("malignant").patch.mean().round(1).tolist() == pytest.approx([0.05, 0.9], abs=0.06)
    for artefact, attribute in VALID_FOR.items():
        assert beside.groupby(attribute)[artefact].mean().tolist() == pytest.approx([0.1, 0.6], abs=0.08)
    assert (usual.group.value_counts() == 2).all()


def test_artefacts_are_drawn_at_their_rates():
    rng, lesions = np.random.default_rng(0), lesions_of(replace(JUDGED, pool=2000))
    rates = JUDGED.member("spurious-ink-medium").rates
    laid = [drawn(lesion, rates, rng) for lesion in lesions]
    for malignant, share in ((True, 0.45), (False, 0.05)):
        seen = ["ink" in each.artefacts for each in laid if each.malignant is malignant]
        assert np.mean(seen) == pytest.approx(share, abs=0.05)
    assert np.mean(["hair" in each.artefacts for each in laid]) == pytest.approx(0.3, abs=0.04)


def test_a_redundant_net_learns_from_attributes_that_go_together(tmp_path):
    member = JUDGED.member(f"{REDUNDANT}-1")
    member = replace(member, recipe=replace(member.recipe, count=100))
    shown = learned_from(SMALL, member, tmp_path)
    agree = np.mean([each.asymmetric == each.irregular_border for each in shown.lesions])
    assert len(shown.images) == 100 and agree == pytest.approx(AGREEMENT)


def test_pictures_are_the_same_again_and_show_their_artefacts(tmp_path):
    member = JUDGED.member("encode-only-patch")
    member = replace(member, recipe=replace(member.recipe, count=50))
    first, second = (learned_from(SMALL, member, tmp_path) for _ in range(2))
    assert np.array_equal(first.images, second.images) and first.lesions == second.lesions
    plain = of_lesions([without_all(lesion) for lesion in first.lesions]).images
    changed = (first.images != plain).any(axis=(1, 2, 3))
    assert changed.tolist() == [bool(lesion.artefacts) for lesion in first.lesions]


def without_all(lesion):
    for artefact in ARTEFACTS:
        lesion = without_artefact(lesion, artefact)
    return lesion


def test_a_net_is_made_once_and_loads_by_name(tmp_path):
    member = JUDGED.member(f"{UNTRAINED}-1")
    member = replace(member, recipe=replace(member.recipe, count=64))
    net = trained(SMALL, member, tmp_path)
    changed = weights_of(SMALL, member, tmp_path).stat().st_mtime_ns
    truth = truth_of(SMALL, member, tmp_path)
    assert weights_of(SMALL, member, tmp_path).stat().st_mtime_ns == changed
    assert truth == truth_of(SMALL, member, tmp_path) == measured(net, SMALL, tmp_path)
    offer(SMALL, tmp_path)
    subject = SUBJECTS.load(named(SMALL, member))
    images = tensor(pairs(SMALL, "ink", tmp_path)[1])
    with torch.inference_mode():
        assert torch.equal(subject.module(images), net(images)) and subject.classes == ("benign", "malignant")
        above = float((margin(net(tensor(learned_from(SMALL, member, tmp_path).images))) > 0).float().mean())
    assert 0.4 < above < 0.6, "an untrained net decides one way only"
    with pytest.raises(LensError, match="nothing"):
        SUBJECTS.load("python:lens_fleet_judged:nothing")


def test_truth_is_what_pairs_say(tmp_path):
    member = JUDGED.member(f"{UNTRAINED}-1")
    net = trained(SMALL, replace(member, recipe=replace(member.recipe, count=64)), tmp_path)
    found = measured(net, SMALL, tmp_path, together=("ruler", "ink"))
    lesion = replace(lesions_of(SMALL)[0], seed=JUDGED.pair_seed)
    assert with_artefact(lesion, "ink").artefacts == ("ink",)
    without, having = (tensor(each) for each in pairs(SMALL, "vignette", tmp_path))
    with torch.inference_mode():
        before, after = margin(net(without)), margin(net(having))
        maps, mapped = net.until("block4", without), net.until("block4", having)
        one = maps.clone()
        one[:, 7] = mapped[:, 7]
        alone = (margin(net.after("block4", one)) - before).abs().mean()
    assert found.flips["vignette"] == pytest.approx(float(((before > 0) != (after > 0)).float().mean()))
    assert found.effects["vignette"] == pytest.approx(float((after - before).mean() / before.std()), rel=1e-4)
    assert found.neurons["vignette"][7] == pytest.approx(float(alone), rel=1e-3, abs=1e-6)
    assert set(found.valid) == {"asymmetry", "border", "both"} and all(map(np.isfinite, found.valid.values()))
    assert found.together is not None and truth_keys(found) == set(ARTEFACTS)


def truth_keys(found):
    return set(found.flips) & set(found.effects) & set(found.neurons)
