"""`exported:`: the layers and activations of the eager module, whatever the batch size of the export."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from torch import nn  # noqa: E402
from torch.export import Dim, export, save  # noqa: E402

from indexer.collectors.shapes import layer_shapes  # noqa: E402
from indexer.collectors.taps import Taps  # noqa: E402
from indexer.errors import InvalidInput, SubjectFault  # noqa: E402
from indexer.index.reader import Index  # noqa: E402
from indexer.pipeline import build_index  # noqa: E402
from indexer.subjects.digests import module_digest  # noqa: E402
from indexer.subjects.exported import load  # noqa: E402
from tests import nets  # noqa: E402
from tests.conftest import build_config  # noqa: E402

BATCHES = {
    "of one": (1, None),
    "of four": (4, None),
    "of any": (2, {0: Dim.DYNAMIC}),
    "up to three": (2, {0: Dim("b", min=1, max=3)}),
}


def exported(path, module, batch, size=16, dynamic=None):
    shapes = (dynamic,) if dynamic else None
    save(export(module.eval(), (torch.randn(batch, 3, size, size),), dynamic_shapes=shapes), path)
    return str(path)


def images(count, size=16):
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def taken(module, layers, inputs, kind="mean"):
    taps = Taps(module, layers, kind)
    with torch.inference_mode():
        output = module.eval()(inputs)
    return output, taps.take(len(inputs))


@pytest.mark.parametrize("kind", BATCHES)
@pytest.mark.parametrize("count", [1, 3, 7])
def test_activations_are_those_of_the_eager_module(tmp_path, kind, count):
    batch, dynamic = BATCHES[kind]
    eager = nets._Twice().eval()
    subject = load(exported(tmp_path / "net.pt2", eager, batch, dynamic=dynamic), trust_pickle=True)
    outputs, found = zip(
        *(taken(each, ["shared", "head"], images(count)) for each in (subject.module, eager)), strict=True
    )
    torch.testing.assert_close(*outputs, atol=1e-6, rtol=1e-6)
    for layer, (values, centre) in found[1].items():
        np.testing.assert_allclose(found[0][layer][0], values, atol=1e-6)
        np.testing.assert_allclose(found[0][layer][1], centre, atol=1e-5)


@pytest.mark.parametrize("kind", BATCHES)
def test_the_batch_is_told(tmp_path, kind):
    batch, dynamic = BATCHES[kind]
    subject = load(exported(tmp_path / "net.pt2", nets.Net(), batch, dynamic=dynamic), trust_pickle=True)
    assert subject.batch == {"of one": 1, "of four": 4, "of any": None, "up to three": 3}[kind]
    assert [each.name for each in layer_shapes(subject)] == ["conv", "norm", "act", "head"]


def test_layouts_and_layers_of_a_vision_transformer(tmp_path):
    eager = timm.create_model("vit_tiny_patch16_224", depth=1, img_size=32).eval()
    subject = load(exported(tmp_path / "vit.pt2", eager, 2, 32, {0: Dim.DYNAMIC}), trust_pickle=True)
    shapes = {each.name: each for each in layer_shapes(subject)}
    assert shapes["blocks.0"].units == 192 and shapes["blocks.0.mlp.fc1"].units == 768
    assert shapes["patch_embed.proj"].kind == "Conv2d"
    layers = ["blocks.0.mlp.act", "norm", "patch_embed.proj"]
    found = [taken(each, layers, images(3, 32), "max")[1] for each in (subject.module, eager)]
    for layer in layers:
        np.testing.assert_allclose(found[0][layer][0], found[1][layer][0], atol=1e-5)


def test_the_same_index_as_from_the_eager_module(tmp_path):
    path = exported(tmp_path / "net.pt2", nets.Net().eval(), 3)
    indexes = []
    for name, out in ((f"exported:{path}", "exported"), ("python:tests.nets:prepared_by_default", "eager")):
        config = build_config(
            tmp_path / out,
            subject=name,
            layers=("conv", "act"),
            exemplars=4,
            batch_size=7,
            dataset="lesions:17,seed=901",
        )
        config = config.model_copy(update={"subject": config.subject.model_copy(update={"trust_pickle": True})})
        indexes.append(Index.open(build_index(config)))
    first, second = indexes
    np.testing.assert_array_equal(first.neurons.exemplar_count, second.neurons.exemplar_count)
    for row in range(len(first.neurons)):
        found, expected = first.exemplars(row), second.exemplars(row)
        assert found["sample"].to_pylist() == expected["sample"].to_pylist()
        np.testing.assert_allclose(found["activation"].to_pylist(), expected["activation"].to_pylist(), atol=1e-6)
    np.testing.assert_allclose(first.logits, second.logits, atol=1e-6)


def test_weights_count(tmp_path):
    digests = {
        module_digest(load(exported(tmp_path / f"{seed}.pt2", nets.Net(seed=seed), 2), trust_pickle=True).module)
        for seed in (0, 1)
    }
    assert len(digests) == 2


def test_it_asks_for_trust(tmp_path):
    path = exported(tmp_path / "net.pt2", nets.Net(), 1)
    with pytest.raises(SubjectFault, match="can run code") as fault:
        load(path)
    assert "--trust-pickle" in fault.value.hint


def test_images_are_prepared_at_the_programs_size(tmp_path):
    subject = load(exported(tmp_path / "net.pt2", nets.Net(), 1, size=20), trust_pickle=True)
    from PIL import Image

    assert subject.preprocess(Image.new("RGB", (64, 48))).shape == (3, 20, 20)
    assert "central 20" in subject.notes[0] and "at most 1 images" in subject.notes[1]


class _Several(nn.Module):
    def forward(self, x, y):
        return x.mean((2, 3)) + y


@pytest.mark.parametrize(
    ("module", "inputs", "said"),
    [
        (_Several(), (torch.zeros(2, 3, 4, 4), torch.zeros(2, 3)), "not one batch of images"),
        (nn.Linear(3, 2), (torch.zeros(2, 3),), "not one batch of images"),
        (nn.Conv2d(1, 2, 1), (torch.zeros(2, 1, 4, 4),), "expected torch.float32"),
        (nn.Conv2d(3, 2, 1).half(), (torch.zeros(2, 3, 4, 4).half(),), "expected torch.float32"),
    ],
)
def test_other_inputs_are_refused(tmp_path, module, inputs, said):
    save(export(module.eval(), inputs), tmp_path / "net.pt2")
    with pytest.raises(SubjectFault, match=said) as fault:
        load(str(tmp_path / "net.pt2"), trust_pickle=True)
    assert "python:MODULE:FACTORY" in fault.value.hint


@pytest.mark.parametrize("module", [nn.BatchNorm2d(3), nn.Sequential(nn.Conv2d(3, 3, 1), nn.Dropout())])
def test_programs_in_training_mode_are_refused(tmp_path, module):
    save(export(module.train(), (torch.zeros(2, 3, 4, 4),)), tmp_path / "net.pt2")
    with pytest.raises(SubjectFault, match="training mode"):
        load(str(tmp_path / "net.pt2"), trust_pickle=True)


def test_files_that_are_none(tmp_path):
    with pytest.raises(InvalidInput, match="needs a file"):
        load("")
    exported(tmp_path / "network.pt2", nets.Net(), 1)
    with pytest.raises(InvalidInput, match="No exported program") as fault:
        load(str(tmp_path / "netwrk.pt2"))
    assert "'network.pt2'" in fault.value.hint
    whole = (tmp_path / "network.pt2").read_bytes()
    (tmp_path / "short.pt2").write_bytes(whole[:200])
    with pytest.raises(SubjectFault, match="no exported program"):
        load(str(tmp_path / "short.pt2"), trust_pickle=True)
    import zipfile

    with zipfile.ZipFile(tmp_path / "other.pt2", "w") as archive:
        archive.writestr("readme", "nothing")
    with pytest.raises(SubjectFault, match="cannot be read"):
        load(str(tmp_path / "other.pt2"), trust_pickle=True)
