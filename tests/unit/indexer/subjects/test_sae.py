"""Latents of sparse autoencoders as neurons, against the papers' formulas written out in numpy."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

import indexer.subjects.sae as module_under_test  # noqa: E402
from indexer.collectors.shapes import layer_shapes, resolve_layers  # noqa: E402
from indexer.collectors.taps import Taps, named_layers  # noqa: E402
from indexer.errors import InvalidInput, SubjectFault, UnknownName  # noqa: E402
from indexer.interventions.edits import edited  # noqa: E402
from indexer.subjects.digests import module_digest  # noqa: E402
from indexer.subjects.layouts import layout_of  # noqa: E402
from indexer.subjects.sae import attach  # noqa: E402
from indexer.subjects.subject import Subject  # noqa: E402
from tests import nets  # noqa: E402

LATENTS = 20


def parts(width, seed=0):
    """Encoder [latents, d], its bias, decoder [latents, d], its bias, threshold, all as numpy has them."""
    rng = np.random.default_rng(seed)
    shapes = [(LATENTS, width), (LATENTS,), (LATENTS, width), (width,)]
    arrays = [rng.normal(0, 1, shape).astype(np.float32) for shape in shapes]
    return [*arrays, rng.uniform(0, 1, LATENTS).astype(np.float32)]


def by_hand(x, width, form, seed=0, k=3, pre_bias=True):
    encoder, bias, _, decoder_bias, threshold = parts(width, seed)
    pre = (x - (decoder_bias if pre_bias else 0)) @ encoder.T + bias
    if form == "jumprelu":
        return np.where(pre > threshold, np.maximum(pre, 0), 0)
    if form == "topk":
        kept = np.argsort(-pre, axis=-1)[..., :k]
        mask = np.zeros(pre.shape, dtype=bool)
        np.put_along_axis(mask, kept, values=True, axis=-1)
        return np.where(mask, np.maximum(pre, 0), 0)
    return np.maximum(pre, 0)


def save(path, width, form="standard", seed=0, pre_bias=True, **metadata):
    encoder, bias, decoder, decoder_bias, threshold = (torch.from_numpy(each) for each in parts(width, seed))
    tensors = {"W_enc": encoder.T.contiguous(), "b_enc": bias, "W_dec": decoder, "b_dec": decoder_bias}
    if form == "jumprelu":
        tensors["threshold"] = threshold
    said = {
        "architecture": form,
        "apply_b_dec_to_input": str(pre_bias).lower(),
        **({"k": "3"} if form == "topk" else {}),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {**said, **metadata})
    return path


def images(count, size=16):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(3))


def taken(module, layers, inputs, kind="mean"):
    taps = Taps(module, layers, kind)
    try:
        with torch.inference_mode():
            module.eval()(inputs)
        return {layer: values for layer, (values, _) in taps.take(len(inputs)).items()}
    finally:
        taps.close()


def output_of(module, layer, inputs):
    seen = []
    handle = named_layers(module, [layer])[layer].register_forward_hook(lambda _m, _i, out: seen.append(out.clone()))
    with torch.inference_mode():
        module.eval()(inputs)
    handle.remove()
    return seen[0]


def subject_of(module, size=16):
    return Subject("test", module.eval(), lambda image: images(1, size)[0])


@pytest.fixture
def net(tmp_path):
    def made(form="standard", **options):
        return attach(subject_of(nets.Net()), {"norm": save(tmp_path / f"{form}.safetensors", 8, form, **options)})

    return made


@pytest.mark.parametrize("form", ["standard", "topk", "jumprelu"])
@pytest.mark.parametrize("pre_bias", [True, False])
@pytest.mark.parametrize("kind", ["mean", "max", "absmean"])
def test_forms(net, form, pre_bias, kind):
    subject = net(form, pre_bias=pre_bias)
    maps = output_of(subject.module, "norm", images(5)).permute(0, 2, 3, 1).numpy()
    latents = by_hand(maps, 8, form, pre_bias=pre_bias).reshape(5, -1, LATENTS)
    expected = latents.max(1) if kind == "max" else latents.mean(1)
    found = taken(subject.module, ["norm.sae"], images(5), kind)["norm.sae"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    if form == "topk":
        assert ((latents > 0).sum(-1) <= 3).all() and (latents > 0).any()


@pytest.mark.parametrize(
    ("model", "layer", "width", "size"),
    [("test_vit", "blocks.1", 64, 160), ("swin", "layers.1", 48, 224), ("test_resnet", "layer2", 48, 160)],
)
def test_tokens_channels_last_and_containers(tmp_path, model, layer, width, size):
    torch.manual_seed(0)
    swin = {"depths": (1, 1, 1, 1), "embed_dim": 24, "num_heads": (1, 1, 2, 2)}
    module = timm.create_model("swin_tiny_patch4_window7_224", **swin) if model == "swin" else timm.create_model(model)
    with torch.inference_mode():
        before = module.eval()(images(2, size))
    subject = attach(subject_of(module, size), {layer: save(tmp_path / "sae.safetensors", width)})
    found = taken(subject.module, [layer, f"{layer}.sae"], images(2, size))
    dimensions = layout_of(module, layer).neurons_last(output_of(module, layer, images(2, size))).numpy()
    expected = by_hand(dimensions, width, "standard").reshape(2, -1, LATENTS).mean(1)
    np.testing.assert_allclose(found[f"{layer}.sae"], expected, atol=1e-4)
    with torch.inference_mode():
        assert torch.equal(module(images(2, size)), before)


def test_the_subject_says_the_same_to_the_bit(net):
    with torch.inference_mode():
        before = nets.Net().eval()(images(4))
        subject = net("jumprelu")
        assert torch.equal(subject.module(images(4)), before)
        taps = Taps(subject.module, ["norm", "norm.sae", "head"], "mean")
        assert torch.equal(subject.module(images(4)), before)
        taps.close()


def test_no_more_than_a_slice_of_latents_at_a_time(net, monkeypatch):
    subject = net("topk")
    whole = taken(subject.module, ["norm.sae"], images(7))
    seen = []
    monkeypatch.setattr(module_under_test, "SLICE_BYTES", 3 * 16 * LATENTS * 4)
    handle = named_layers(subject.module, ["norm.sae"])["norm.sae"].register_forward_hook(
        lambda _m, _i, out: seen.append(out.shape[0])
    )
    sliced = taken(subject.module, ["norm.sae"], images(7))
    handle.remove()
    assert seen == [3, 3, 1]
    np.testing.assert_array_equal(whole["norm.sae"], sliced["norm.sae"])


def test_slices_of_a_layer_called_twice(tmp_path, monkeypatch):
    module = nets._Twice().eval()
    subject = attach(subject_of(module), {"shared": save(tmp_path / "sae.safetensors", 4)})
    monkeypatch.setattr(module_under_test, "SLICE_BYTES", 2 * 16 * LATENTS * 4)
    found = taken(subject.module, ["shared.sae"], images(5), "max")["shared.sae"]
    with torch.inference_mode():
        calls = [module.shared(each).permute(0, 2, 3, 1).numpy() for each in (images(5), 1 - images(5))]
    expected = np.max([by_hand(each, 4, "standard").max((1, 2)) for each in calls], axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_nobody_looks_nothing_runs(net, monkeypatch):
    subject = net()
    monkeypatch.setattr(module_under_test.SparseAutoencoder, "forward", lambda *_: pytest.fail("it ran"))
    taken(subject.module, ["norm"], images(2))


def test_gradients_of_latents_are_those_of_the_reconstruction(net):
    """∂ logit / ∂ z = W_dec · ∂ logit / ∂ output, and the logits stay what they were."""
    subject = net("jumprelu")
    module, kept = subject.module, {"norm": [], "norm.sae": []}

    def keep(layer):
        def hook(_module, _inputs, output):
            kept[layer].append(output)
            return output.clone()

        return hook

    plain = nets.Net().eval()(images(3))
    handles = [each.register_forward_hook(keep(name)) for name, each in named_layers(module, list(kept)).items()]
    logits = module(images(3).requires_grad_())
    by_output, by_latent = torch.autograd.grad(logits[:, 1].sum(), [kept["norm"][0], kept["norm.sae"][0]])
    for handle in handles:
        handle.remove()
    assert torch.equal(logits, plain)
    decoder = parts(8)[2]
    expected = by_output.permute(0, 2, 3, 1).numpy() @ decoder.T
    np.testing.assert_allclose(by_latent.numpy(), expected, atol=1e-6)
    assert np.abs(expected).max() > 1e-3


def test_changed_latents_change_what_the_subject_goes_on_with(net):
    subject = net()
    before = output_of(subject.module, "norm", images(3))

    def silence(latents, _call):
        changed = latents.clone()
        changed[..., 4] = 0
        return changed

    seen = []
    with edited(subject.module, {"norm.sae": silence}):
        handle = subject.module.norm.register_forward_hook(lambda _m, _i, out: seen.append(out.clone()))
        with torch.inference_mode():
            subject.module(images(3))
        handle.remove()
    latent = by_hand(before.permute(0, 2, 3, 1).numpy(), 8, "standard")[..., 4]
    assert latent.max() > 0
    expected = before.numpy() - (latent[..., None] * parts(8)[2][4]).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(seen[0].numpy(), expected, atol=1e-5)


def test_autocast_does_not_reach_the_latents(net):
    subject = net("jumprelu")
    taps = Taps(subject.module, ["norm.sae"], "mean")
    kinds = []
    named_layers(subject.module, ["norm.sae"])["norm.sae"].register_forward_hook(
        lambda _m, _i, out: kinds.append(out.dtype)
    )
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        subject.module(images(2))
    assert kinds == [torch.float32] and taps.take(2)["norm.sae"][0].dtype == np.float32


def test_it_is_listed_and_named_by_patterns(net):
    subject = net()
    shapes = {each.name: each for each in layer_shapes(subject)}
    assert shapes["norm.sae"].shape == (4, 4, LATENTS) and shapes["norm.sae"].units == LATENTS
    assert resolve_layers(subject, ["**.sae"]) == ("norm.sae",)
    assert "norm.sae holds the 20 latents of standard.safetensors (relu)." in subject.notes


def test_weights_and_form_count_in_the_digest(net, tmp_path):
    digests = [module_digest(nets.Net())]
    for form, seed in (("standard", 0), ("standard", 1), ("topk", 0)):
        path = save(tmp_path / f"{form}{seed}" / "sae.safetensors", 8, form, seed)
        digests.append(module_digest(attach(subject_of(nets.Net()), {"norm": path}).module))
    four = save(tmp_path / "four" / "sae.safetensors", 8, "topk", k="4")
    digests.append(module_digest(attach(subject_of(nets.Net()), {"norm": four}).module))
    assert len(set(digests)) == len(digests)


def test_moving_the_subject_moves_it(net):
    subject = net()
    assert subject.module.to(torch.float64).norm.sae.encoder.dtype == torch.float64


def test_containers_go_on_as_before(tmp_path):
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(8, 8, 1)))
    subject = attach(subject_of(module), {"2": save(tmp_path / "sae.safetensors", 8)})
    assert len(module[2]) == 1 and isinstance(module[2], nn.Sequential)
    assert list(taken(subject.module, ["2.sae"], images(2))) == ["2.sae"]


def test_another_width_is_told_with_both(tmp_path):
    subject = attach(subject_of(nets.Net()), {"norm": save(tmp_path / "sae.safetensors", 9)})
    with pytest.raises(
        SubjectFault, match=r"'norm' reads 9 dimensions, but the layer gives 8 \(shape \[2, 8, 4, 4\]\)"
    ):
        resolve_layers(subject, ["norm.sae"])


def test_layers_that_are_none(tmp_path):
    path = save(tmp_path / "sae.safetensors", 8)
    with pytest.raises(UnknownName) as fault:
        attach(subject_of(nets.Net()), {"nrm": path})
    assert "'norm'" in fault.value.hint
    subject = attach(subject_of(nets.Net()), {"norm": path})
    with pytest.raises(InvalidInput, match="already has a module 'sae'"):
        attach(subject, {"norm": path})
