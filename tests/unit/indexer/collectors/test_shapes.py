"""Layers by name and by pattern, and those that cannot be indexed."""

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from torch import nn  # noqa: E402

from indexer.catalogue import SUBJECTS  # noqa: E402
from indexer.collectors.shapes import layer_shapes, resolve_layers  # noqa: E402
from indexer.errors import InvalidInput, SubjectFault, UnknownName  # noqa: E402
from indexer.subjects.subject import Subject  # noqa: E402
from tests import nets  # noqa: E402


def subject_of(module):
    return Subject("test", module, nets._pixels)


@pytest.fixture(scope="module")
def vit():
    return SUBJECTS.load("timm:test_vit/random")


def test_shapes_of_one_sample():
    shapes = {each.name: each for each in layer_shapes(SUBJECTS.load("python:tests.nets:plain"))}
    assert list(shapes) == ["conv", "norm", "act", "head"]
    assert (shapes["act"].kind, shapes["act"].shape, shapes["act"].units) == ("ReLU", (8, 4, 4), 8)
    assert (shapes["head"].shape, shapes["head"].units) == ((2,), 2)


def test_channels_last_maps_have_their_channels_as_neurons():
    module = timm.create_model(
        "swin_tiny_patch4_window7_224", depths=(1, 1, 1, 1), embed_dim=24, num_heads=(1, 1, 2, 2)
    )
    shapes = {each.name: each for each in layer_shapes(Subject("swin", module, lambda image: torch.zeros(3, 224, 224)))}
    assert (shapes["layers.1"].shape, shapes["layers.1"].units) == ((28, 28, 48), 48)
    assert "layers.0.blocks.0.attn" not in shapes, "its first axis counts windows"


def test_patterns(vit):
    blocks = tuple(f"blocks.{number}" for number in range(len(vit.module.blocks)))
    assert resolve_layers(vit, ["blocks.*"]) == blocks
    assert resolve_layers(vit, ["blocks.*.mlp.act"]) == tuple(f"{block}.mlp.act" for block in blocks)
    assert resolve_layers(vit, ["**.act"]) == tuple(f"{block}.mlp.act" for block in blocks)
    assert resolve_layers(vit, ["**.norm"])[-1] == "norm", "across parts, or none"
    assert resolve_layers(vit, ["no*m", "blocks.0.n*"]) == ("norm", "blocks.0.norm1", "blocks.0.norm2")
    within = resolve_layers(vit, ["blocks.0.**"])
    assert within[0] == "blocks.0.norm1" and all(name.startswith("blocks.0.") for name in within)
    assert resolve_layers(vit, ["*"])[0] == "patch_embed" and "." not in "".join(resolve_layers(vit, ["*"]))


def test_order_of_the_calls_and_each_once(vit):
    order = [each.name for each in layer_shapes(vit)]
    assert list(resolve_layers(vit, ["**"])) == order
    assert order.index("blocks.0.mlp.fc1") < order.index("blocks.0") < order.index("blocks.1.norm1")
    assert resolve_layers(vit, ["norm", "blocks.0", "**"])[:2] == ("norm", "blocks.0")
    assert len(resolve_layers(vit, ["norm", "blocks.0", "**", "norm"])) == len(order)


def test_dots_are_dots(vit):
    with pytest.raises(InvalidInput, match="'blocks.0.mlp_*'"):
        resolve_layers(vit, ["blocks.0.mlp_*"])


def test_listing_by_pattern(vit):
    assert [each.name for each in layer_shapes(vit, ["norm", "blocks.*"])] == [
        *resolve_layers(vit, ["blocks.*", "norm"])
    ]


def test_names_that_are_none(vit):
    with pytest.raises(UnknownName) as fault:
        resolve_layers(vit, ["blocks.*", "block.0"])
    assert "'blocks.0'" in fault.value.hint
    with pytest.raises(InvalidInput, match=r"matches 'stage.\*'") as fault:
        resolve_layers(vit, ["stage.*"])
    assert fault.value.hint
    with pytest.raises(InvalidInput) as fault:
        resolve_layers(vit, ["bloks.*"])
    assert "'blocks." in fault.value.hint


@pytest.mark.parametrize(
    ("name", "layer", "said"), [("mixed_batch", "units", "told apart"), ("unused_layer", "spare", "not called")]
)
def test_layers_that_cannot_be_indexed(name, layer, said):
    with pytest.raises(SubjectFault, match=said):
        resolve_layers(SUBJECTS.load(f"python:tests.nets:{name}"), [layer])


class _TokensFirst(nn.Module):
    """[tokens, batch, dimensions] inside, by hand: no module says so."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, stride=8)
        self.mix = nn.Linear(8, 8)

    def forward(self, x):
        return self.mix(self.patches(x).flatten(2).permute(2, 0, 1)).mean(0)


def test_tokens_before_the_batch_cannot_be_indexed():
    subject = subject_of(_TokensFirst().eval())
    assert [each.name for each in layer_shapes(subject)] == ["patches"]
    with pytest.raises(SubjectFault, match=r"\[4, 2, 8\] for a batch of 2"):
        resolve_layers(subject, ["mix"])


def test_constants_are_not_taken_for_a_batch():
    """A table of two rows looks like a batch of two, and one of one row like a batch of one."""

    class Tables(nn.Module):
        def __init__(self):
            super().__init__()
            self.two, self.one, self.head = nn.Embedding(2, 3), nn.Embedding(1, 3), nn.Linear(3, 2)

        def forward(self, x):
            whole = self.two(torch.arange(2)).sum() + self.one(torch.arange(1)).sum()
            return self.head(x.mean((2, 3))) + whole

    assert [each.name for each in layer_shapes(subject_of(Tables().eval()))] == ["head"]


def test_the_subject_stays_as_it_was():
    subject = SUBJECTS.load("python:tests.nets:in_training_mode")
    before = {name: value.clone() for name, value in subject.module.state_dict().items()}
    layer_shapes(subject)
    assert subject.module.training and all(torch.equal(v, before[k]) for k, v in subject.module.state_dict().items())


def test_a_preprocess_of_another_model():
    subject = Subject("test", nn.Sequential(nn.Conv2d(1, 2, 3)), nets._pixels)
    with pytest.raises(SubjectFault, match="cannot be run on what its preprocess gives"):
        layer_shapes(subject)


def test_several_inputs():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, pixels, mask):
            return self.head((pixels * mask[:, None]).mean((2, 3)))

    subject = Subject("test", Net(), lambda image: {"mask": torch.ones(16, 16), "pixels": nets._pixels(image)})
    assert [each.name for each in layer_shapes(subject)] == ["head"]
