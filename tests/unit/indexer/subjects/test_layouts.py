"""Where neurons and positions are in real architectures, against what is known of each; random weights."""

import functools
from contextlib import suppress

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")
transformers = pytest.importorskip("transformers")

from torch import nn  # noqa: E402

from indexer.errors import SubjectFault, UnknownName  # noqa: E402
from indexer.subjects.layers import first_tensor  # noqa: E402
from indexer.subjects.layouts import Layout, layout_of  # noqa: E402

SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48}
MADE = {
    "swin": lambda: timm.create_model("swin_tiny_patch4_window7_224", depths=(1, 1, 1, 1)),
    "vit": lambda: timm.create_model("vit_tiny_patch16_224", depth=1),
    "registers": lambda: timm.create_model("vit_small_patch14_reg4_dinov2", depth=1, img_size=224),
    "convnext": lambda: timm.create_model("convnext_atto", depths=(1, 1, 1, 1)),
    "convnext linear": lambda: timm.create_model("convnext_atto", depths=(1, 1, 1, 1), conv_mlp=False),
    "mixer": lambda: timm.create_model("mixer_s32_224"),
    "hf swin": lambda: transformers.SwinForImageClassification(
        transformers.SwinConfig(embed_dim=24, depths=[1, 1], num_heads=[2, 2], image_size=224, window_size=7)
    ),
    "hf vit": lambda: transformers.ViTModel(transformers.ViTConfig(image_size=224, patch_size=32, **SMALL)),
    "hf deit": lambda: transformers.DeiTModel(transformers.DeiTConfig(image_size=224, patch_size=32, **SMALL)),
    "hf dinov2": lambda: transformers.Dinov2WithRegistersModel(
        transformers.Dinov2WithRegistersConfig(image_size=224, patch_size=56, **SMALL)
    ),
    "hf clip": lambda: transformers.CLIPVisionModel(
        transformers.CLIPVisionConfig(image_size=224, patch_size=56, **SMALL)
    ),
    "hf siglip": lambda: transformers.SiglipVisionModel(
        transformers.SiglipVisionConfig(image_size=224, patch_size=56, **SMALL)
    ),
    "hf convnext": lambda: transformers.ConvNextModel(
        # The first stage is as deep as it is high and wide: [b, 56, 56, 56].
        transformers.ConvNextConfig(hidden_sizes=[56, 24, 32, 40], depths=[1, 1, 1, 1], image_size=224)
    ),
}
EXPECTED = [
    # model, layer, neurons, grid: hand-made from the papers' figures
    ("swin", "patch_embed.proj", 96, (56, 56)),
    ("swin", "patch_embed", 96, (56, 56)),
    ("swin", "layers.0.blocks.0", 96, (56, 56)),
    ("swin", "layers.1.downsample.norm", 384, (28, 28)),
    ("swin", "layers.1.blocks.0.mlp.fc1", 768, (28, 28)),
    ("swin", "layers.1.blocks.0.mlp.act", 768, (28, 28)),
    ("swin", "layers.3", 768, (7, 7)),
    ("swin", "head.fc", 1000, None),
    ("vit", "patch_embed", 192, (14, 14)),
    ("vit", "blocks.0.mlp.act", 768, (14, 14)),
    ("vit", "blocks.0", 192, (14, 14)),
    ("registers", "blocks.0", 384, (16, 16)),
    ("convnext", "stages.0", 40, (56, 56)),
    ("convnext", "stages.1.blocks.0.norm", 80, (28, 28)),
    ("convnext", "stages.3.blocks.0.mlp.act", 1280, (7, 7)),
    ("convnext linear", "stages.1.blocks.0.norm", 80, (28, 28)),
    ("convnext linear", "stages.3.blocks.0.mlp.act", 1280, (7, 7)),
    ("convnext linear", "stages.2.blocks.0", 160, (14, 14)),
    ("mixer", "blocks.0", 512, (7, 7)),
    ("mixer", "blocks.0.mlp_channels.act", 2048, (7, 7)),
    ("mixer", "blocks.0.mlp_tokens.act", 256, None),
    ("hf swin", "swin.encoder.layers.0", 48, (28, 28)),
    ("hf swin", "swin.encoder.layers.0.blocks.0", 24, (56, 56)),
    ("hf swin", "swin.pooler", 48, (1, 1)),
    ("hf vit", "layers.0.mlp.fc1", 48, (7, 7)),
    ("hf vit", "embeddings.patch_embeddings", 32, (7, 7)),
    ("hf deit", "layers.0", 32, (7, 7)),
    ("hf dinov2", "encoder.layer.0", 32, (4, 4)),
    ("hf clip", "encoder.layers.0", 32, (4, 4)),
    ("hf siglip", "encoder.layers.0", 32, (4, 4)),
    ("hf convnext", "encoder.stages.0.layers.0.dwconv", 56, (56, 56)),
    ("hf convnext", "encoder.stages.1.layers.0.layernorm", 24, (28, 28)),
    ("hf convnext", "encoder.stages.1.layers.0.act", 96, (28, 28)),
    ("hf convnext", "encoder.stages.3", 40, (7, 7)),
]
PREFIX = {"vit": 1, "registers": 5, "hf vit": 1, "hf deit": 2, "hf dinov2": 5, "hf clip": 1, "swin": 0, "mixer": 0}


@functools.cache
def outputs(model):
    """The module, and every layer's first output for two images."""
    module, seen = MADE[model]().eval(), {}

    def note(name):
        def hook(_module, _inputs, output):
            with suppress(SubjectFault):
                seen.setdefault(name, first_tensor(output, name))

        return hook

    for name, each in module.named_modules():
        if name:
            each.register_forward_hook(note(name))
    with torch.inference_mode():
        module(torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)))
    return module, seen


@pytest.mark.parametrize(("model", "layer", "neurons", "grid"), EXPECTED, ids=lambda each: str(each))
def test_real_architectures(model, layer, neurons, grid):
    module, seen = outputs(model)
    output, layout = seen[layer], layout_of(module, layer)
    assert layout.neurons_last(output).shape[-1] == neurons
    assert layout.positions_last(output).shape[:2] == (2, neurons)
    found = layout.grid(output)
    assert (found if found is None else tuple(found.shape)) == (grid and (2, neurons, *grid))


@pytest.mark.parametrize(("model", "tokens"), PREFIX.items())
def test_tokens_before_those_of_the_image(model, tokens):
    module, seen = outputs(model)
    name = next(name for name, output in reversed(seen.items()) if output.ndim == 3)
    layout = layout_of(module, name)
    assert (layout.prefix or 0) == tokens
    if name.endswith(("blocks", "layernorm", "encoder", "norm")):
        output = seen[name]
        grid = layout.grid(output)
        assert torch.equal(grid.flatten(2), layout.positions_last(output)[:, :, tokens:])


def test_a_cube_is_read_by_the_widths_around_it():
    """[2, 56, 56, 56]: axis 1 behind the convolution, the last inside the block's linear layers."""
    module, seen = outputs("hf convnext")
    axes = {
        name: layout_of(module, f"encoder.stages.0.layers.0.{name}").axis(
            tuple(seen[f"encoder.stages.0.layers.0.{name}"].shape)
        )
        for name in ("dwconv", "layernorm", "pwconv2")
    }
    assert axes == {"dwconv": 1, "layernorm": 3, "pwconv2": 3}


def test_positions_are_those_of_the_map():
    module, seen = outputs("swin")
    output = seen["layers.1.blocks.0"]
    layout = layout_of(module, "layers.1.blocks.0")
    assert torch.equal(layout.positions_last(output)[1, 5], output[1, :, :, 5].flatten())
    assert torch.equal(layout.grid(output)[1, 5], output[1, :, :, 5])
    module, seen = outputs("convnext")
    output = seen["stages.1"]
    assert torch.equal(layout_of(module, "stages.1").grid(output), output)


def test_neurons_last_is_a_view():
    module, seen = outputs("convnext")
    output = seen["stages.1"].clone()
    layout_of(module, "stages.1").neurons_last(output)[..., 3] = 7
    assert output[:, 3].unique().tolist() == [7] and len(output[:, 2].unique()) > 1


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((2, 7, 7, 3), 3), ((2, 3, 7, 7), 1), ((2, 7, 7, 7), 1), ((2, 3, 4, 5), 1), ((2, 5, 9), 2), ((2, 5), 1)],
)
def test_shapes_alone(shape, axis):
    assert Layout("layer").axis(shape) == axis


def test_shapes_that_are_no_layers():
    with pytest.raises(SubjectFault, match="--list-layers"):
        Layout("layer").axis((1, 2, 3, 4, 5))


def test_convolutions_over_sequences():
    module = nn.Sequential(nn.Conv1d(3, 8, 3), nn.ReLU())
    for layer in ("0", "1"):
        assert layout_of(module, layer).axis((2, 8, 30)) == 1


def test_concatenated_widths_do_not_mislead():
    """DenseNet at 256 pixels: 64 is both a width inside the block and its output's height."""
    module = timm.create_model("densenet121")
    assert layout_of(module, "features.denseblock1").axis((2, 256, 64, 64)) == 1


def test_a_map_that_is_not_square():
    module = nn.Sequential(nn.Conv2d(3, 12, 1), nn.ReLU())
    assert layout_of(module, "1").axis((2, 12, 12, 20)) == 1, "squareness alone would say 3"


class _TokensFirst(nn.Module):
    """Runs [tokens, batch, dimensions] inside."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, stride=8)
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=False), 1, enable_nested_tensor=False
        )

    def forward(self, x):
        return self.layers(self.patches(x).flatten(2).permute(2, 0, 1)).mean(0)


def test_tokens_before_the_batch_are_not_taken_for_samples():
    module = _TokensFirst().eval()
    layout = layout_of(module, "layers")
    tensor = torch.zeros(4, 4, 8)
    with pytest.raises(SubjectFault, match="batch_first"):
        layout.positions_last(tensor)
    with pytest.raises(SubjectFault, match="batch_first"):
        layout.grid(tensor)


def test_unknown_layer():
    with pytest.raises(UnknownName) as fault:
        layout_of(nn.Sequential(nn.Linear(2, 2)), "9")
    assert "0" in fault.value.hint
