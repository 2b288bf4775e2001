"""`python:MODULE:FACTORY`: what a factory may return, and whose fault it is when it fails."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from indexer.errors import InvalidInput, SubjectFault, UnknownName  # noqa: E402
from indexer.subjects.digests import preprocess_digest, probe_images  # noqa: E402
from indexer.subjects.inputs import run, stacked  # noqa: E402
from indexer.subjects.python import load  # noqa: E402

SOURCE = """
import torch
from torch import nn

FACTOR = 3
net = nn.Conv2d(3, 2, 3)

def preprocess(image):
    return torch.zeros(3, 8, 8)

def bare():
    return nn.Conv2d(3, 2, 3)

def with_preprocess():
    return bare(), preprocess

def with_classes():
    return bare(), preprocess, ["cat", "dog"]

def classes_without_preprocess():
    return bare(), None, ("cat", "dog")

def failing():
    raise FileNotFoundError("no weights here")

def needs_arguments(size):
    return bare()

def returns_none():
    pass

def returns_four():
    return bare(), preprocess, [], 4

def odd_classes():
    return bare(), preprocess, "cat"

def numbered_classes():
    return bare(), preprocess, [1, 2]

def not_callable():
    return bare(), 7

def batched():
    return bare(), lambda image: torch.zeros(1, 3, 8, 8)

def whole_numbers():
    return bare(), lambda image: torch.zeros(3, 8, 8, dtype=torch.uint8)

def as_array():
    return bare(), lambda image: preprocess(image).numpy()

def breaking():
    return bare(), lambda image: image.no_such_method()
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with modules to be found because the command runs there."""
    (tmp_path / "lens_test_nets.py").write_text(SOURCE)
    (tmp_path / "lens_test_needy.py").write_text("import lens_test_no_such_package\n")
    (tmp_path / "lens_test_broken.py").write_text("x = 1\n1 / 0\n")
    (tmp_path / "lens_test_unparsable.py").write_text("def f(:\n")
    (tmp_path / "lens_test_package").mkdir()
    (tmp_path / "lens_test_package/__init__.py").write_text("")
    (tmp_path / "lens_test_package/models.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("lens_test_"):
            del sys.modules[name]


def test_a_module_alone_gets_the_usual_preprocess_and_a_note() -> None:
    from PIL import Image

    subject = load("lens_test_nets:bare")
    assert subject.preprocess(Image.new("RGB", (300, 500))).shape == (3, 224, 224)
    assert "No preprocess was given" in subject.notes[0]


def test_with_preprocess_and_classes() -> None:
    assert load("lens_test_nets:with_preprocess").notes == ()
    assert load("lens_test_package.models:with_classes").classes == ("cat", "dog")
    assert load("lens_test_nets:classes_without_preprocess").classes == ("cat", "dog")


@pytest.mark.parametrize("argument", ["", "lens_test_nets", "lens_test_nets:", ":bare"])
def test_no_factory_named(argument: str) -> None:
    with pytest.raises(InvalidInput) as fault:
        load(argument)
    assert fault.value.hint == "Write python:MODULE:FACTORY."


@pytest.mark.parametrize(
    ("argument", "kind", "near"),
    [
        ("lens_test_net:bare", "module", "'lens_test_nets'"),
        ("lens_test_package.model:bare", "module", "'lens_test_package.models'"),
        ("lens_test_nets:with_clases", "factory in 'lens_test_nets'", "'with_classes'"),
    ],
)
def test_unknown_names(argument: str, kind: str, near: str) -> None:
    with pytest.raises(UnknownName, match=f"No {kind} named") as fault:
        load(argument)
    assert near in fault.value.hint


@pytest.mark.parametrize(
    ("argument", "message", "cure"),
    [
        ("lens_test_needy:f", "needs 'lens_test_no_such_package'", "Install"),
        ("lens_test_broken:f", "ZeroDivisionError: division by zero", "lens_test_broken.py, line 2"),
        ("lens_test_unparsable:f", "SyntaxError", "lens_test_unparsable.py, line 1"),
        ("lens_test_nets:failing", "FileNotFoundError: no weights here", "lens_test_nets.py, line "),
        ("lens_test_nets:needs_arguments", "missing 1 required positional argument", "the call itself"),
        ("lens_test_nets:FACTOR", "is of type int, not a factory", "Wrap it in a function"),
        ("lens_test_nets:net", "is of type Conv2d, not a factory", "Wrap it in a function"),
        ("lens_test_nets:returns_none", "returned NoneType", "A factory returns"),
        ("lens_test_nets:returns_four", "returned \\(Conv2d, function, list, int\\)", "A factory returns"),
        ("lens_test_nets:odd_classes", "class names", "A factory returns"),
        ("lens_test_nets:numbered_classes", "class names", "A factory returns"),
        ("lens_test_nets:not_callable", "preprocess of .* is of type int", "A factory returns"),
        ("lens_test_nets:batched", r"returned torch.float32 \[1, 3, 8, 8\]", "without a batch axis"),
        ("lens_test_nets:whole_numbers", r"returned torch.uint8", "float tensor"),
        ("lens_test_nets:as_array", "returned a value of type ndarray", "float tensor"),
        ("lens_test_nets:breaking", "AttributeError", "lens_test_nets.py, line "),
    ],
)
def test_faults(argument: str, message: str, cure: str) -> None:
    with pytest.raises(SubjectFault, match=message) as fault:
        load(argument)
    assert cure in fault.value.hint


SEVERAL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 2)

    def forward(self, pixels, mask):
        return self.head((pixels * mask[:, None]).mean((2, 3)))

def pixels():
    return torch.zeros(3, 8, 8)

def by_name():
    return Net(), lambda image: {"pixels": pixels(), "mask": torch.ones(8, 8, dtype=torch.long)}

def in_order():
    return Net(), lambda image: (pixels(), torch.ones(8, 8))

def nothing_in_it():
    return Net(), lambda image: {}

def no_image():
    return Net(), lambda image: {"mask": torch.ones(8, 8, dtype=torch.long)}

def as_arrays():
    return Net(), lambda image: {"pixels": pixels(), "mask": torch.ones(8, 8).numpy()}

def with_batch_axes():
    return Net(), lambda image: {"pixels": pixels()[None], "mask": torch.ones(1, 8, 8)}
"""


@pytest.mark.parametrize("factory", ["by_name", "in_order"])
def test_several_inputs(factory: str, tmp_path: Path) -> None:
    (tmp_path / "lens_test_several.py").write_text(SEVERAL)
    subject = load(f"lens_test_several:{factory}")
    batch = stacked([subject.preprocess(image) for image in probe_images()], "cpu")
    assert run(subject.module, batch).shape == (2, 2)
    assert preprocess_digest(subject.preprocess) == preprocess_digest(load(f"lens_test_several:{factory}").preprocess)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("nothing_in_it", "returned nothing"),
        ("no_image", r"mask torch.int64 \[8, 8\]"),
        ("as_arrays", "mask a value of type ndarray"),
        ("with_batch_axes", r"pixels torch.float32 \[1, 3, 8, 8\], mask"),
    ],
)
def test_several_inputs_that_are_none(factory: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "lens_test_several.py").write_text(SEVERAL)
    with pytest.raises(SubjectFault, match=said) as fault:
        load(f"lens_test_several:{factory}")
    assert "batch axis" in fault.value.hint or "tuple of tensors" in fault.value.hint


COMPILED = """
import torch
from torch import nn

def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()

def scripted():
    return torch.jit.script(net()), lambda image: torch.ones(3, 8, 8)

def compiled():
    return torch.compile(net()), lambda image: torch.ones(3, 8, 8)
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("factory", ["scripted", "compiled"])
def test_hooks_reach_into_compiled_modules(factory: str, tmp_path: Path) -> None:
    (tmp_path / "lens_test_compiled.py").write_text(COMPILED)
    module = load(f"lens_test_compiled:{factory}").module
    seen: list[torch.Tensor] = []
    dict(module.named_modules())["0"].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.inference_mode():
        module(torch.ones(1, 3, 8, 8))
        expected = sys.modules["lens_test_compiled"].net()[0](torch.ones(1, 3, 8, 8))
    torch.testing.assert_close(seen[0], expected)
