"""Every subject × every collector × every dataset: the same images give the same exemplars, those of a plain loop."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from safetensors.torch import save_file  # noqa: E402

from indexer.catalogue import COLLECTORS, DATASETS, SUBJECTS  # noqa: E402
from indexer.collectors.activation import CollectSettings  # noqa: E402
from indexer.datasets.batches import content_of  # noqa: E402
from indexer.errors import SubjectFault  # noqa: E402
from indexer.foundation_models.tiny_clip import FOLDER  # noqa: E402
from indexer.progress import Silent  # noqa: E402
from indexer.subjects.inputs import run, stacked  # noqa: E402
from indexer.subjects.layers import first_tensor, logits_of  # noqa: E402
from indexer.subjects.layouts import layout_of  # noqa: E402
from indexer.subjects.opening import open_subject  # noqa: E402
from tests import nets  # noqa: E402
from tests.contracts.test_datasets import FILES, _encoded  # noqa: E402

K = 3
IMAGES = {
    name: _encoded(number, name)
    for number, name in enumerate(["cat/a.png", "cat/b.png", "dog/c.png", "dog/deep/d.png", "dog/e.png", "cat/f.png"])
}


def _swin(folder):
    torch.manual_seed(0)
    config = transformers.SwinConfig(image_size=32, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4)
    transformers.SwinForImageClassification(config).save_pretrained(folder / "swin")
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder / "swin")
    return f"transformers:{folder / 'swin'}", {}


def _exported(folder):
    net = nets.plain()[0].eval()
    torch.export.save(torch.export.export(net, (torch.zeros(2, 3, 16, 16),)), folder / "net.pt2")
    return f"exported:{folder / 'net.pt2'}", {}


def _torchscript(folder):
    net = nets.plain()[0].eval()
    torch.jit.trace(net, torch.zeros(1, 3, 16, 16)).save(folder / "net.pt")
    return f"torchscript:{folder / 'net.pt'}", {}


def _autoencoder(folder):
    torch.manual_seed(0)
    width, latents = 8, 24
    weights = {
        "W_enc": torch.randn(width, latents),
        "b_enc": torch.zeros(latents),
        "W_dec": torch.randn(latents, width),
        "b_dec": torch.zeros(width),
    }
    save_file(weights, folder / "sae.safetensors", {"architecture": "topk", "k": "5", "apply_b_dec_to_input": "false"})
    return "python:tests.nets:plain", {"act": folder / "sae.safetensors"}


SUBJECT_CASES = {
    "torchvision": (lambda _: ("torchvision:shufflenet_v2_x0_5/random", {}), "stage2"),
    "timm": (lambda _: ("timm:test_resnet.r160_in1k/random", {}), "layer2"),
    "timm ViT": (lambda _: ("timm:test_vit.r160_in1k/random", {}), "blocks.1.mlp.fc1"),
    "transformers": (_swin, "swin.encoder.layers.1"),
    "open_clip": (lambda _: (f"open_clip:local-dir:{FOLDER}", {}), "layer3"),
    "exported": (_exported, "act"),
    "torchscript": (_torchscript, "act"),
    "python": (lambda _: ("python:tests.nets:several_inputs", {}), "mixed"),
    "python MLP": (lambda _: ("python:tests.nets:mlp", {}), "hidden"),
    "python SAE": (_autoencoder, "act.sae"),
    "lesion": (lambda _: ("lesion:clean", {}), "block4"),
}
WITHOUT_GRADIENTS = {"open_clip": "no class logits"}
"""What the refusal says."""


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    for name in FILES:
        (root / name).mkdir()
    return {name: write(root / name, IMAGES) for name, write in FILES.items()}


@pytest.fixture(scope="module", params=SUBJECT_CASES)
def shown(request, tmp_path_factory):
    make, layer = SUBJECT_CASES[request.param]
    spec, saes = make(tmp_path_factory.mktemp("subject"))
    return request.param, open_subject(spec, saes, trust_pickle=True), layer


def collect(shown, collector, spec, folder):
    dataset = DATASETS.load(spec)
    settings = CollectSettings(layers=[shown[2]], exemplars=K, batch_size=4)
    return COLLECTORS.find(collector)[0](settings, folder).collect(shown[1], dataset, Silent()).layers[0]


def contents_of(spec):
    dataset = DATASETS.load(spec)
    return [content_of(dataset.load(number)) for number in range(len(dataset.keys))]


def plain_loop(subject, layer, spec):
    """Activations [samples, neurons] of one image at a time, and the gradients' relevances to the predicted class."""
    dataset, seen = DATASETS.load(spec), []
    subject.module.eval()
    handle = subject.module.get_submodule(layer).register_forward_hook(lambda *call: seen.append(call[2]))
    layout = layout_of(subject.module, layer)
    rows, slopes = [], []
    try:
        for number in range(len(dataset.keys)):
            seen.clear()
            logits = logits_of(run(subject.module, stacked([subject.preprocess(dataset.load(number))], "cpu")))
            tensor = first_tensor(seen[0], layer)
            rows.append(layout.positions_last(tensor).detach().double()[0])
            if logits is not None and tensor.requires_grad:
                slope = torch.autograd.grad(logits[0].max(), tensor, allow_unused=True)[0]
                slopes.append(layout.positions_last(slope).double()[0] if slope is not None else None)
    finally:
        handle.remove()
    values = np.stack([each.mean(-1).numpy() for each in rows])
    if len(slopes) < len(rows) or any(each is None for each in slopes):
        return values, None
    centre = torch.stack([each.mean(-1) for each in rows]).mean(0)[:, None]
    return values, np.stack([((each - centre) * slope).sum(-1) for each, slope in zip(rows, slopes, strict=True)])


def same_ranking(end, wanted, where):
    """The exemplars' scores are the highest above zero there are, up to float32's rounding."""
    tolerance = 2e-5 * np.abs(wanted).max()
    for unit, count in enumerate(end.counts):
        chosen = wanted[end.samples[unit, :count], unit]
        best = np.sort(wanted[:, unit])[::-1][:count]
        np.testing.assert_allclose(chosen, best, atol=tolerance, err_msg=f"{where}, unit {unit}")
        assert count == K or (np.sort(wanted[:, unit])[::-1][count:] < tolerance).all(), (where, unit)


def test_every_subject_is_here():
    of_texts = {"tiny-text"}  # tests/contracts/test_text_subjects.py
    assert {name.split()[0] for name in SUBJECT_CASES} == set(SUBJECTS.entries) - of_texts


@pytest.mark.parametrize("collector", ["activation", "relevance"])
def test_all_datasets_give_the_exemplars_of_a_plain_loop(shown, places, collector, tmp_path):
    name, subject, layer = shown
    assert set(COLLECTORS.entries) == {"activation", "relevance"}
    if collector == "relevance" and name in WITHOUT_GRADIENTS:
        with pytest.raises(SubjectFault, match=WITHOUT_GRADIENTS[name]):
            collect(shown, collector, places["folder"], tmp_path)
        return
    values, relevances = plain_loop(subject, layer, places["folder"])
    wanted = values if collector == "activation" else relevances
    assert wanted is not None
    by_content = dict(zip(contents_of(places["folder"]), wanted, strict=True))
    for dataset, spec in places.items():
        (tmp_path / dataset).mkdir()
        end = collect(shown, collector, spec, tmp_path / dataset).positive
        assert 0 < end.counts.max() <= K
        same_ranking(end, np.stack([by_content[each] for each in contents_of(spec)]), dataset)


def test_the_lesions_are_a_dataset_like_any_other(shown, tmp_path):
    _, subject, layer = shown
    found = collect(shown, "activation", "lesions:6", tmp_path)
    same_ranking(found.positive, plain_loop(subject, layer, "lesions:6")[0], "lesions")


def test_every_dataset_is_here():
    assert {name.split()[0] for name in FILES} | {"lesions"} == set(DATASETS.entries)
