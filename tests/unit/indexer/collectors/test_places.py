"""Places in exemplars: a detector of red finds the red patch, however the picture was prepared, and by every way."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import transforms as tv

from indexer.collectors import heat, places
from indexer.collectors.activation import ActivationCollector, CollectSettings
from indexer.collectors.collector import Collected, LayerExemplars
from indexer.collectors.places import PlaceSettings, check_places, place
from indexer.datasets.batches import Reading
from indexer.datasets.dataset import Dataset
from indexer.datasets.decoded import DecodedStore
from indexer.domain.views import WHOLE, fractions
from indexer.errors import DatasetFault, SubjectFault
from indexer.progress import Silent
from indexer.subjects.subject import Subject

SIZES = [(90, 60), (60, 90), (64, 64), (128, 80)]
CROPPED = tv.Compose([tv.Resize(64), tv.CenterCrop(64), tv.ToTensor()])
WAYS = ("activation", "gradient", "lrp")


class Patches(Dataset):
    """Dark pictures of several sizes with a red patch in the middle third of the longer side, one that is all dark."""

    def __init__(self, count=9):
        rng = np.random.default_rng(3)
        self.keys = tuple(f"{number}.png" for number in range(count))
        self.metadata = pd.DataFrame(index=range(count))
        self.patches = []
        for number in range(count):
            width, height = SIZES[number % len(SIZES)]
            side = 8 + 2 * (number % 3)
            left, top = rng.integers(width // 3, width // 2), rng.integers(height // 3, height // 2)
            self.patches.append((int(left), int(top), int(left) + side, int(top) + side))

    def load(self, number):
        width, height = SIZES[number % len(SIZES)]
        pixels = np.random.default_rng(number).integers(0, 2, (height, width, 3), dtype=np.uint8)
        if number:
            left, top, right, bottom = self.patches[number]
            pixels[top:bottom, left:right] = 255 - 5 * number, 0, 0
        return Image.fromarray(pixels)

    def describe(self):
        return {}


class Red(nn.Module):
    """Unit 0 of `units` sees red, unit 1 is its opposite, unit 2 is dead; `tokens` are the same as tokens."""

    def __init__(self, signed=False):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3, padding=1, bias=True)
        self.norm = nn.BatchNorm2d(3)
        self.units = nn.Identity() if signed else nn.ReLU(inplace=True)
        self.tokens = nn.Identity()
        self.plain = nn.Identity()
        kernel = torch.zeros(3, 3, 3, 3)
        kernel[0, :, 1, 1] = torch.tensor([1.0, -0.6, -0.6])
        kernel[1] = -kernel[0]
        with torch.no_grad():
            self.first.weight.copy_(kernel)
            self.first.bias.copy_(torch.tensor([-0.05, 0.0, -1.0]))
            self.norm.running_var.fill_(0.25)

    def forward(self, x):
        units = self.units(self.norm(self.first(x))[:, :, ::2, ::2])
        tokens = units.flatten(2).transpose(1, 2)
        self.tokens(torch.cat([tokens.mean(1, keepdim=True), tokens], dim=1))
        return self.plain(units.mean((2, 3)))


def red(preprocess=CROPPED, **options):
    return Subject("red", Red(**options).eval(), preprocess)


def placed(staging, subject, crop, layer="units", dataset=None, **collecting):
    staging.mkdir(exist_ok=True)
    dataset = dataset or Patches()
    asked = {"exemplars": 5, "batch_size": 4, "polarity": "positive"} | collecting
    settings = PlaceSettings(staging, crop, batch_size=asked["batch_size"], polarity=asked["polarity"])
    check_places(subject, dataset, (layer,), settings)
    collected = ActivationCollector(CollectSettings((layer,), **asked), staging).collect(subject, dataset, Silent())
    return place(subject, dataset, collected, settings, Silent()).layers[0]


def assert_around_patches(end, unit, dataset, most=0.35):
    for sample, box in zip(end.samples[unit], fractions(end.boxes[unit]), strict=True):
        width, height = SIZES[sample % len(SIZES)]
        left, top, right, bottom = box * [width, height, width, height]
        patch = dataset.patches[sample]
        assert left <= patch[0] + 1 and top <= patch[1] + 1 and right >= patch[2] - 1 and bottom >= patch[3] - 1
        assert (right - left) * (bottom - top) <= most * width * height
        assert right - left == pytest.approx(bottom - top, abs=max(width, height) / 128), "a square"


def squashed(image):
    return tv.functional.to_tensor(image.resize((64, 48)))


def letterboxed(image):
    side = max(image.size)
    canvas = Image.new("RGB", (side, side), (0, 0, 0))
    canvas.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return tv.functional.to_tensor(canvas.resize((64, 64)))


@pytest.mark.parametrize("preprocess", [CROPPED, squashed, letterboxed], ids=["cropped", "squashed", "letterboxed"])
@pytest.mark.parametrize("crop", WAYS)
def test_the_red_patch_is_found(tmp_path, crop, preprocess):
    layer = placed(tmp_path, red(preprocess), crop)
    assert_around_patches(layer.positive, 0, Patches())
    assert (layer.positive.boxes[2] == WHOLE).all(), "a dead neuron has no exemplars to place"


def test_tokens_are_put_where_they_were(tmp_path):
    assert_around_patches(placed(tmp_path, red(), "activation", "tokens").positive, 0, Patches())


@pytest.mark.parametrize("crop", ["activation", "gradient"])
def test_the_negative_end_has_its_sign_turned(tmp_path, crop):
    layer = placed(tmp_path, red(signed=True), crop, polarity="both")
    assert_around_patches(layer.negative, 1, Patches())
    assert (layer.negative.activations[1] < 0).all()


@pytest.mark.parametrize("crop", ["activation", "gradient"])
def test_what_speaks_against_is_placed_where_the_neuron_is_active(tmp_path, crop):
    """Under relevance the negative end holds positive activations too: their maps are not turned."""
    dataset = Patches()
    layer = placed(tmp_path, red(), "none", polarity="positive").positive
    turned = replace(layer, relevances=-np.ones_like(layer.activations))
    plain = np.zeros(3)
    one = LayerExemplars("units", layer, turned, plain, plain, plain > 0)
    collected = Collected((one,), Reading(), None, None, DecodedStore(tmp_path))
    settings = PlaceSettings(tmp_path / crop, crop, batch_size=4)
    settings.staging.mkdir()
    found = place(red(), dataset, collected, settings, Silent()).layers[0]
    assert_around_patches(found.negative, 0, dataset)
    np.testing.assert_array_equal(found.negative.boxes, found.positive.boxes)


@pytest.mark.parametrize("crop", WAYS)
def test_the_subject_is_given_back_as_it_was(tmp_path, crop):
    subject = red()
    subject.module.train()
    before = {name: value.clone() for name, value in subject.module.state_dict().items()}
    placed(tmp_path, subject, crop)
    assert subject.module.training
    assert not subject.module.units._forward_hooks
    assert all(torch.equal(value, before[name]) for name, value in subject.module.state_dict().items())


class _Killed(Exception):
    pass


@pytest.mark.parametrize("crop", WAYS)
def test_killed_and_resumed_gives_the_same(tmp_path, monkeypatch, crop):
    monkeypatch.setitem(places._PAIRS, crop, 3)
    whole = placed(tmp_path / "whole", red(), crop)
    real, stored = places._store, []

    def dying(path, codes):
        if len(stored) == 2:
            raise _Killed
        stored.append(path)
        real(path, codes)

    monkeypatch.setattr(places, "_store", dying)
    with pytest.raises(_Killed):
        placed(tmp_path / "killed", red(), crop)
    kept = sorted((tmp_path / "killed").glob("placed-*"))
    assert len(kept) == 2
    written = [path.stat().st_mtime_ns for path in kept]
    monkeypatch.setattr(places, "_store", real)
    resumed = placed(tmp_path / "killed", red(), crop)
    np.testing.assert_array_equal(resumed.positive.boxes, whole.positive.boxes)
    assert [path.stat().st_mtime_ns for path in kept] == written, "stored chunks are not made again"


def test_whatever_the_batch(tmp_path):
    by_batch = [placed(tmp_path / str(size), red(), "activation", batch_size=size).positive.boxes for size in (1, 9)]
    np.testing.assert_array_equal(*by_batch)


@pytest.mark.parametrize(
    ("crop", "layer", "settings", "said", "cure"),
    [
        ("activation", "plain", {}, "no grid", "--crop gradient"),
        ("activation", "tokens", {"aggregation": "special"}, "first token", "--crop gradient"),
    ],
)
def test_layers_without_places_are_refused_before_the_pass(tmp_path, crop, layer, settings, said, cure):
    with pytest.raises(SubjectFault, match=said) as fault:
        check_places(red(), Patches(), (layer,), PlaceSettings(tmp_path, crop, **settings))
    assert cure in fault.value.hint


@pytest.mark.parametrize("crop", WAYS)
def test_several_inputs_are_placed_in_their_picture(tmp_path, crop):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Red()

        def forward(self, ids, pixels):
            return self.inner(pixels) + 0 * ids.sum()

    def prepared(image):
        return {"ids": torch.zeros(5), "pixels": CROPPED(image)}

    subject = Subject("named", Named().eval(), prepared)
    assert_around_patches(placed(tmp_path, subject, crop, "inner.units").positive, 0, Patches())


def test_a_vision_transformer_is_placed_by_both(tmp_path):
    """Class and register tokens are left out; what is beside the patch in the grid is not in the box."""
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(4)
    net = VisionTransformer(img_size=64, patch_size=8, embed_dim=24, depth=2, num_heads=2, num_classes=2, reg_tokens=4)
    for crop in ("activation", "gradient"):
        layer = placed(tmp_path / crop, Subject("vit", net.eval(), CROPPED), crop, "blocks.0")
        there = np.arange(5) < layer.positive.counts[:, None]
        assert layer.positive.boxes.shape == (24, 5)
        corners = fractions(layer.positive.boxes[there])
        assert (corners[:, 2:] > corners[:, :2]).all()


def test_latents_of_an_autoencoder_are_placed_by_their_maps(tmp_path):
    from safetensors.torch import save_file

    from indexer.subjects.sae import attach

    weights = {"W_enc": torch.eye(3), "b_enc": torch.zeros(3), "W_dec": torch.eye(3).clone(), "b_dec": torch.zeros(3)}
    save_file(weights, tmp_path / "sae.safetensors", {"architecture": "standard"})
    subject = attach(red(), {"units": tmp_path / "sae.safetensors"})
    assert_around_patches(placed(tmp_path, subject, "activation", "units.sae").positive, 0, Patches())
    with pytest.raises(SubjectFault, match="No gradient"):
        check_places(subject, Patches(), ("units.sae",), PlaceSettings(tmp_path, "gradient"))


def test_a_plain_layer_is_placed_by_gradients(tmp_path):
    assert_around_patches(placed(tmp_path, red(), "gradient", "plain").positive, 0, Patches())


def test_no_gradient_is_refused(tmp_path):
    subject = red()
    subject.module.units = nn.Sequential(nn.ReLU(), _Detached())
    with pytest.raises(SubjectFault, match="No gradient") as fault:
        check_places(subject, Patches(), ("units",), PlaceSettings(tmp_path, "gradient"))
    assert "--crop activation" in fault.value.hint


class _Detached(nn.Module):
    def forward(self, x):
        return x.detach()


@pytest.mark.parametrize(
    ("signed", "polarity", "collector"),
    [(True, "auto", "activation"), (False, "both", "activation"), (True, "positive", "relevance")],
)
def test_negative_activations_are_not_propagated(tmp_path, signed, polarity, collector):
    settings = PlaceSettings(tmp_path, "lrp", polarity=polarity, collector=collector)
    with pytest.raises(SubjectFault, match="what raises a neuron") as fault:
        check_places(red(signed=signed), Patches(), ("units",), settings)
    assert "--polarity positive" in fault.value.hint


@pytest.mark.parametrize("crop", ["activation", "gradient"])
def test_batches_that_do_not_fit_are_halved(tmp_path, monkeypatch, crop):
    whole = placed(tmp_path / "whole", red(), crop).positive.boxes
    real, refused = heat.run, []

    def small(module, inputs):
        if len(inputs) > 2:
            refused.append(len(inputs))
            raise RuntimeError("CUDA out of memory")
        return real(module, inputs)

    monkeypatch.setattr(heat, "run", small)
    np.testing.assert_array_equal(placed(tmp_path / "small", red(), crop).positive.boxes, whole)
    assert refused


def test_nothing_readable_is_left_to_the_collector(tmp_path):
    class Unreadable(Patches):
        def load(self, number):
            raise DatasetFault("no")

    check_places(red(), Unreadable(), ("units",), PlaceSettings(tmp_path, "activation"))


def test_without_crop_nothing_is_placed(tmp_path):
    assert placed(tmp_path, red(), "none").positive.boxes is None
