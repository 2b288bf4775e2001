"""`torchscript:`: layers, activations, gradients and edits of the eager module, scripted and traced."""

import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
torchvision = pytest.importorskip("torchvision")

from torch import nn  # noqa: E402

from indexer.collectors.shapes import layer_shapes, resolve_layers  # noqa: E402
from indexer.collectors.taps import Taps, named_layers  # noqa: E402
from indexer.errors import InvalidInput, SubjectFault  # noqa: E402
from indexer.interventions.edits import edited  # noqa: E402
from indexer.subjects.digests import module_digest  # noqa: E402
from indexer.subjects.layers import first_tensor  # noqa: E402
from indexer.subjects.torchscript import load  # noqa: E402
from tests import nets  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # TorchScript announces its own end

EAGER = {
    "net": (nets.Net, 16),
    "called twice": (nets._Twice, 16),
    "resnet": (lambda: timm.create_model("test_resnet"), 64),
    "vit": (lambda: timm.create_model("vit_tiny_patch16_224", depth=1, img_size=32), 32),
    "attention": (
        lambda: torchvision.models.VisionTransformer(32, 16, 1, 2, 16, 32, num_classes=3), 32,
    ),  # torch's own, with its fast path
    "densenet": (lambda: torchvision.models.DenseNet(8, (2, 2), 16, num_classes=3), 32),
}  # fmt: skip
SAVED = [(name, how) for name in EAGER for how in ("scripted", "traced")]


def images(count, size):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(2))


def eager_of(name):
    torch.manual_seed(0)
    make, size = EAGER[name]
    return make().eval(), size


def saved(folder, module, how, size):
    path = folder / f"{how}.pt"
    traced = {"example_inputs": images(2, size), "check_trace": False}
    made = torch.jit.script(module) if how == "scripted" else torch.jit.trace(module, **traced)
    torch.jit.save(made, str(path))
    return f"{path},size={size}"


@pytest.fixture(scope="module", params=SAVED, ids=" ".join)
def pair(request, tmp_path_factory):
    """(how it was saved, the subject, the eager module, its size)"""
    name, how = request.param
    eager, size = eager_of(name)
    return how, load(saved(tmp_path_factory.mktemp("saved"), eager, how, size)), eager, size


def outputs_of(module, inputs):
    seen = {}

    def note(name):
        def hook(_module, _inputs, output):
            if output is not None:
                seen.setdefault(name, []).append(first_tensor(output, name).clone())

        return hook

    handles = [each.register_forward_hook(note(name)) for name, each in module.named_modules() if name]
    with torch.inference_mode():
        output = module(inputs)
    for handle in handles:
        handle.remove()
    return first_tensor(output, "output"), seen


def test_every_layer_gives_what_the_eager_one_gives(pair):
    how, subject, eager, size = pair
    expected, layers = outputs_of(eager, images(3, size))
    found, read = outputs_of(subject.module, images(3, size))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    # A trace leaves out what does nothing.
    lost = {name for name in layers if name not in read}
    assert all(how == "traced" and "Identity" in repr(eager.get_submodule(name)) for name in lost), lost
    assert set(read) <= set(layers)
    for name, calls in read.items():
        assert len(calls) == len(layers[name]), name
        for one, two in zip(calls, layers[name], strict=True):
            torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5, msg=name)


def test_taps_and_kinds(pair):
    how, subject, eager, size = pair
    shapes = {each.name: each for each in layer_shapes(subject)}
    some = [name for name, each in shapes.items() if len(each.shape) > 1][:6]
    taken = []
    for module in (subject.module, eager):
        taps = Taps(module, some, "mean")
        with torch.inference_mode():
            module(images(3, size))
        taken.append(taps.take(3))
        taps.close()
    for name in some:
        np.testing.assert_allclose(taken[0][name][0], taken[1][name][0], atol=1e-5)
        assert shapes[name].kind == type(eager.get_submodule(name)).__name__


def test_gradients(tmp_path):
    eager, size = eager_of("resnet")
    subject = load(saved(tmp_path, eager, "scripted", size))
    gradients = []
    for module in (subject.module, eager):
        kept = []

        def keep(_module, _inputs, output, kept=kept):
            kept.append(output)
            return output.clone()

        handle = named_layers(module, ["layer2.0"])["layer2.0"].register_forward_hook(keep)
        logits = module(images(2, size).requires_grad_())
        gradients.append(torch.autograd.grad(logits[:, 3].sum(), kept)[0])
        handle.remove()
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-4)
    assert gradients[0].abs().max() > 0


@pytest.mark.parametrize("how", ["scripted", "traced"])
def test_edits_take_effect(tmp_path, how):
    eager, size = eager_of("resnet")
    subject = load(saved(tmp_path, eager, how, size))
    outputs = []
    for module in (subject.module, eager):
        with edited(module, {"layer2.0": lambda output, _call: output * 0.5}), torch.inference_mode():
            outputs.append(module(images(2, size)))
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=1e-5)
    with torch.inference_mode():
        assert not torch.allclose(outputs[1], eager(images(2, size)))


def test_a_trace_of_one_batch_size(tmp_path):
    class Static(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

        def forward(self, x, size=3):
            return self.head(self.conv(x).reshape(size, 4, 36).mean(-1))

    eager = Static().eval()
    torch.jit.save(torch.jit.trace(eager, images(3, 8), check_trace=False), str(tmp_path / "net.pt"))
    with pytest.raises(SubjectFault, match="cannot be run on") as fault:
        load(f"{tmp_path}/net.pt,size=8")
    assert ",batch=" in fault.value.hint
    subject = load(f"{tmp_path}/net.pt,size=8,batch=3")
    assert subject.batch == 3
    taps = Taps(subject.module, ["conv"], "mean")
    with torch.inference_mode():
        found = subject.module(images(4, 8))
        expected = torch.cat([eager(images(4, 8)[[0, 1, 2]]), eager(images(4, 8)[[3, 3, 3]])[:1]])
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
        values = eager.conv(images(4, 8)).mean((2, 3))
    np.testing.assert_allclose(taps.take(4)["conv"][0], values.numpy(), atol=1e-6)


class _Counting(nn.Module):
    """Changes an attribute of its own: not followed."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        self.count += 1
        return self.conv(x)


class _Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.head = _Counting(), nn.Linear(4, 2)

    def forward(self, x):
        y = self.inner(x)
        if y.size(0) > 100:
            y = self.inner(y)
        for _ in range(2):
            y = torch.relu(y)
        return self.head(y.mean((2, 3)))


def test_what_cannot_be_followed_is_one_layer_and_said(tmp_path):
    eager = _Outer().eval()
    subject = load(saved(tmp_path, eager, "scripted", 8))
    assert "inner is one layer: what is inside cannot be followed." in subject.notes
    assert resolve_layers(subject, ["**"]) == ("inner", "head")
    found, expected = (outputs_of(each, images(2, 8)) for each in (subject.module, eager))
    torch.testing.assert_close(found[1]["inner"], expected[1]["inner"])
    assert "inner.conv.weight" in subject.module.state_dict(), "its weights count all the same"


class _Loop(nn.Module):
    """Calls a child in a loop and in a branch."""

    def __init__(self):
        super().__init__()
        self.mix, self.other, self.head = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1), nn.Linear(3, 2)

    def forward(self, x):
        for step in range(3):
            x = self.mix(x) if step != 1 else self.other(x)
            if step == 2:
                x = torch.relu(x)
        parts = [x]
        while len(parts) < 3:
            parts.append(self.mix(parts[-1]))
        return self.head(torch.stack(parts).mean((0, 3, 4)))


def test_loops_branches_and_growing_lists(tmp_path):
    eager = _Loop().eval()
    subject = load(saved(tmp_path, eager, "scripted", 8))
    found, expected = (outputs_of(each, images(2, 8)) for each in (subject.module, eager))
    torch.testing.assert_close(found[0], expected[0])
    assert {name: len(calls) for name, calls in found[1].items()} == {"mix": 4, "other": 1, "head": 1}
    torch.testing.assert_close(found[1]["mix"], expected[1]["mix"])


def test_code_counts_in_the_digest(tmp_path):
    digests = set()
    for number, function in enumerate((torch.relu, torch.tanh)):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(3, 4, 3), nets._Function(function)).eval()
        (tmp_path / str(number)).mkdir()
        path = saved(tmp_path / str(number), module, "traced", 8)
        digests |= {module_digest(load(path).module), module_digest(load(path).module)}
    assert len(digests) == 2


class _Saving(nn.Module):
    def forward(self, x):
        torch.save(x, "stolen")
        return x.mean((2, 3))


def test_programs_that_touch_files_are_refused_unless_trusted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.jit.save(torch.jit.script(_Saving()), str(tmp_path / "saving.pt"))
    with pytest.raises(SubjectFault, match="reads or writes files") as fault:
        load("saving.pt,size=8")
    assert "--trust-pickle" in fault.value.hint and not (tmp_path / "stolen").exists()
    load("saving.pt,size=8", trust_pickle=True)
    assert (tmp_path / "stolen").exists()


def test_moving_it_moves_what_the_program_uses(tmp_path):
    eager, size = eager_of("net")
    module = load(saved(tmp_path, eager, "scripted", size)).module.to(torch.float64)
    assert {each.dtype for each in module.parameters()} == {torch.float64}
    with torch.inference_mode():
        assert module(images(2, size).double()).dtype == torch.float64


@pytest.mark.parametrize("argument", ["", ",size=3", "net.pt,size=0", "net.pt,batch=0"])
def test_arguments_that_are_none(argument):
    with pytest.raises(InvalidInput, match="needs a file"):
        load(argument)


def test_files_that_are_none(tmp_path):
    with pytest.raises(InvalidInput, match="No TorchScript program at"):
        load(str(tmp_path / "no.pt"))
    (tmp_path / "short.pt").write_bytes(b"PK\3\4")
    with pytest.raises(SubjectFault, match="or cut short"):
        load(str(tmp_path / "short.pt"))
    torch.save(nets.Net().state_dict(), tmp_path / "weights.pt")
    with pytest.raises(SubjectFault, match="holds no TorchScript program"):
        load(str(tmp_path / "weights.pt"))
    with zipfile.ZipFile(tmp_path / "odd.pt", "w") as archive:
        archive.writestr("odd/code/nothing.py", "")
    with pytest.raises(SubjectFault, match="cannot be read"):
        load(str(tmp_path / "odd.pt"))


def test_another_kind_of_input(tmp_path):
    torch.jit.save(torch.jit.script(nn.Conv2d(1, 2, 3)), str(tmp_path / "grey.pt"))
    with pytest.raises(SubjectFault, match=r"cannot be run on \[2, 3, 224, 224\]") as fault:
        load(str(tmp_path / "grey.pt"))
    assert "factory" in fault.value.hint
