"""Which layers of a text subject can be indexed, and how they are named."""

import pytest

torch = pytest.importorskip("torch")
tokenizers = pytest.importorskip("tokenizers")

from torch import nn  # noqa: E402

from indexer.errors import InvalidInput, SubjectFault, UnknownName  # noqa: E402
from indexer.subjects.text_layers import resolve_text_layers, text_layers  # noqa: E402
from indexer.subjects.text_nets.network import Decoder  # noqa: E402
from indexer.subjects.token_runs import TokenRuns  # noqa: E402
from tests.nets import text_subject  # noqa: E402


class Gated(nn.Module):
    """A gated MLP: its neurons are nobody's output."""

    def __init__(self):
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(8, 12), nn.Linear(8, 12), nn.Linear(12, 8)

    def forward(self, stream):
        return stream + self.down(torch.relu(self.gate(stream)) * self.up(stream))


class Odd(nn.Module):
    """Layers of every kind that can and cannot be indexed."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.gated = nn.Embedding(40, 8), Gated()
        self.twice, self.first, self.flat, self.spare = (nn.Identity() for _ in range(4))
        self.head = nn.Linear(8, 40)

    def forward(self, ids):
        stream = self.gated(self.embedding(ids))
        stream = self.twice(self.twice(stream) * 2)
        self.first(stream.transpose(0, 1))
        self.flat(stream.flatten(0, 1))
        return self.head(input=stream)


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    return text_subject(Decoder(40, width=16, blocks=2, heads=2, neurons=24), prefix=(0,))


def test_layers_of_a_decoder(decoder):
    shapes = {each.name: each for each in text_layers(decoder)}
    act = shapes["blocks.1.mlp.act"]
    assert (act.kind, act.units, act.shape) == ("ReLU", 24, (decoder.context, 24))
    assert shapes["embedding"].units == 16 and shapes["blocks.0"].units == 16
    assert "blocks.0.mlp_norm.in" in shapes, "the residual stream between attention and MLP is no module's output"
    assert "blocks.0.mlp.act.in" not in shapes, "it is the output of blocks.0.mlp.up"
    assert list(shapes)[0] == "embedding"


def test_every_layer_that_is_listed_can_be_read(decoder):
    layers = [each.name for each in text_layers(decoder)]
    runs = TokenRuns(decoder, layers)
    for shown in runs.run([[3, 4, 5], [6, 7, 8, 9]]):
        assert {name: tensor.shape[2] for name, tensor in shown.activations.items()} == {
            each.name: each.units for each in text_layers(decoder)
        }


def test_patterns(decoder):
    acts = ("blocks.0.mlp.act", "blocks.1.mlp.act")
    assert resolve_text_layers(decoder, ["blocks.*.mlp.act"]) == acts
    assert resolve_text_layers(decoder, ["**.act", acts[1]]) == acts
    assert resolve_text_layers(decoder, ["blocks.*.mlp.down.in"]) == ("blocks.0.mlp.down.in", "blocks.1.mlp.down.in")
    assert resolve_text_layers(decoder, ["blocks.0.mlp.down.in"]) == ("blocks.0.mlp.down.in",)
    assert not [name for name in resolve_text_layers(decoder, ["**"]) if name.endswith(".in")]
    assert all(name.endswith(".in") for name in resolve_text_layers(decoder, ["**.in"]))
    assert resolve_text_layers(decoder, ["blocks.1", "blocks.0"]) == ("blocks.1", "blocks.0"), "in the order given"


def test_names_that_are_no_layers(decoder):
    with pytest.raises(UnknownName) as fault:
        resolve_text_layers(decoder, ["blocks.0.mlp.acts"])
    assert "blocks.0.mlp.act" in fault.value.hint
    with pytest.raises(UnknownName):
        resolve_text_layers(decoder, ["blocks.7.in"])
    with pytest.raises(InvalidInput, match=r"No layer that can be indexed matches 'block.\*.mlp'") as fault:
        resolve_text_layers(decoder, ["block.*.mlp"])
    assert "blocks.0.mlp" in fault.value.hint


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        ("twice", r"it gives \[2, 5, 8\] 2 times for 2 texts of 5 tokens"),
        ("first", r"it gives \[5, 2, 8\] for 2 texts"),
        ("flat", r"it gives \[10, 8\]"),
        ("spare", "it is not called"),
        ("embedding.in", "is given no tensor of floating-point"),
        ("flat.in", r"it is given \[10, 8\]"),
    ],
)
def test_layers_that_cannot_be_indexed(layer, why):
    subject = text_subject(Odd(), prefix=())
    with pytest.raises(SubjectFault, match=why) as fault:
        resolve_text_layers(subject, [layer])
    assert "--list-layers" in fault.value.hint


def test_gated_neurons_are_listed_as_what_the_last_projection_is_given():
    subject = text_subject(Odd(), prefix=())
    names = [each.name for each in text_layers(subject)]
    assert "gated.down.in" in names and not {"twice", "first", "flat", "spare"} & set(names)
    assert resolve_text_layers(subject, ["*.down.in"]) == ("gated.down.in",)
    gated = subject.module.gated
    (shown,) = TokenRuns(subject, ["gated.down.in", "head.in"]).run([[1, 2, 3]])
    stream = subject.module.embedding(torch.tensor([[1, 2, 3]]))
    expected = torch.relu(gated.gate(stream)) * gated.up(stream)
    torch.testing.assert_close(shown.activations["gated.down.in"], expected)
    torch.testing.assert_close(shown.activations["head.in"], gated(stream) * 2)  # given by name


def test_the_subject_is_given_back_as_it_was(decoder):
    decoder.module.train()
    text_layers(decoder)
    assert decoder.module.training
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in decoder.module.modules())


def test_a_subject_that_cannot_be_run():
    with pytest.raises(SubjectFault, match="cannot be run on texts of 5 tokens"):
        text_layers(text_subject(nn.Linear(3, 2), prefix=()))
