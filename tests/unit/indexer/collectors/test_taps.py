"""What taps read of layers of every layout, and how several goes at a batch go together."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from torch import nn  # noqa: E402

from indexer.collectors.aggregation import aggregate  # noqa: E402
from indexer.collectors.taps import Taps, joined_rows  # noqa: E402
from indexer.errors import SubjectFault  # noqa: E402
from indexer.interventions.ablation import Ablation, _holding  # noqa: E402
from indexer.interventions.edits import edited  # noqa: E402
from indexer.subjects.layouts import layout_of  # noqa: E402
from tests import nets  # noqa: E402


@pytest.fixture(scope="module")
def swin():
    torch.manual_seed(0)
    shape = {"depths": (1, 1, 1, 1), "embed_dim": 24, "num_heads": (1, 1, 2, 2)}
    return timm.create_model("swin_tiny_patch4_window7_224", **shape).eval()


def taken(module, layers, inputs, kind="mean"):
    taps = Taps(module, layers, kind)
    try:
        with torch.inference_mode():
            module(inputs)
        return taps.take(len(inputs))
    finally:
        taps.close()


def image(count, size=224):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", ["mean", "max", "absmean", "absmax"])
def test_channels_last_maps(swin, kind):
    seen = []
    handle = swin.layers[1].register_forward_hook(lambda _m, _i, output: seen.append(output.clone().numpy()))
    values, centre = taken(swin, ["layers.1"], image(2), kind)["layers.1"]
    handle.remove()
    maps = np.abs(seen[0]) if kind.startswith("abs") else seen[0]
    assert maps.shape == (2, 28, 28, 48)
    expected = maps.mean((1, 2)) if kind.endswith("mean") else maps.max((1, 2))
    np.testing.assert_allclose(values, expected, atol=1e-5)
    np.testing.assert_allclose(centre, seen[0].mean((1, 2)).sum(0), atol=1e-4)


def test_units_of_channels_last_maps_are_held(swin):
    units, values = np.array([3, 40]), np.array([0.5, -1.0], dtype=np.float32)
    hold = _holding(Ablation({"layers.1": units}, {"layers.1": values}), layout_of(swin, "layers.1"))
    seen = []
    with edited(swin, {"layers.1": hold}), torch.inference_mode():
        handle = swin.layers[2].register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0].clone()))
        swin(image(1))
        handle.remove()
    assert seen[0][..., 3].unique().tolist() == [0.5] and seen[0][..., 40].unique().tolist() == [-1.0]
    assert len(seen[0][..., 4].unique()) > 100


def test_no_special_token_where_the_subject_has_none():
    module = timm.create_model(
        "vit_tiny_patch16_224", depth=1, img_size=32, class_token=False, global_pool="avg"
    ).eval()
    with pytest.raises(SubjectFault, match="is a piece of the image"):
        taken(module, ["blocks.0"], image(2, 32), "special")
    with_one = timm.create_model("vit_tiny_patch16_224", depth=1, img_size=32).eval()
    assert taken(with_one, ["blocks.0"], image(2, 32), "special")["blocks.0"][0].shape == (2, 192)


def test_as_many_tokens_as_samples_are_refused_where_the_batch_may_be_second():
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=False).eval()
    with pytest.raises(SubjectFault, match="batch_first=False"):
        taken(nn.Sequential(encoder), ["0"], torch.rand(4, 4, 8))
    with pytest.raises(SubjectFault, match="cannot be told apart"):
        taps = Taps(nn.Sequential(encoder), ["0"], "mean")
        encoder(torch.rand(6, 4, 8))
        taps.take(4)


def test_modules_that_return_more_than_a_tensor():
    class Several(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.kind = kind

        def forward(self, x):
            return {"dict": {"count": 3, "out": x}, "tuple": (None, x, x * 0), "list": [x, x * 0]}[self.kind]

    for kind in ("dict", "tuple", "list"):
        found = taken(nn.Sequential(Several(kind)), ["0"], torch.rand(2, 5))
        assert found["0"][0].shape == (2, 5) and found["0"][0].any()


def rows(*sizes):
    """Calls of these rows, numbered on."""
    numbers = iter(range(1000))
    return [(torch.tensor([[float(next(numbers))] for _ in range(size)]),) for size in sizes]


@pytest.mark.parametrize(
    ("sizes", "pieces", "sliced", "expected"),
    [
        ([4], [4], False, [[0, 1, 2, 3]]),
        ([4, 4], [4], False, [[0, 1, 2, 3], [4, 5, 6, 7]]),  # two calls
        ([2, 2, 1], [2, 2, 1], False, [[0, 1, 2, 3, 4]]),  # three passes
        ([2, 2, 1, 1], [2, 1], False, [[0, 1, 4], [2, 3, 5]]),  # two passes of two calls
        ([3, 1], [4], True, [[0, 1, 2, 3]]),
        ([3, 1, 3, 1], [4], True, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        ([1, 1, 1, 1, 1, 1], [2, 1], True, [[0, 1, 4], [2, 3, 5]]),
        ([3, 1], [4], False, None),  # rows that are no samples
        ([12], [4], False, None),
        ([3], [4], False, None),
        ([3, 3, 2], [4], True, None),
        ([16], [4], True, None),
    ],
)
def test_goes_at_a_batch(sizes, pieces, sliced, expected):
    found = joined_rows(rows(*sizes), pieces, sliced=sliced)
    assert (found if found is None else [call[0].flatten().tolist() for call in found]) == expected


def test_without_a_layout_shapes_decide():
    maps = torch.rand(2, 7, 7, 3)
    assert torch.equal(aggregate(maps, "mean", "layer"), maps.mean((1, 2)))
    assert aggregate(maps.permute(0, 3, 1, 2), "mean", "layer").shape == (2, 3)


def test_a_failed_pass_is_forgotten():
    module = nets.Net().eval()
    taps = Taps(module, ["conv"], "mean")
    with torch.inference_mode():
        module(image(3, 16))
        taps.clear()
        module(image(2, 16))
    assert taps.take(2)["conv"][0].shape == (2, 8)
