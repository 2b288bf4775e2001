"""A digest changes with whatever changes a result, and with nothing else."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

from indexer.errors import SubjectFault  # noqa: E402
from indexer.subjects.digests import module_digest, preprocess_digest  # noqa: E402


def _net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


def _transform(
    size: int = 224, crop: int = 224, mean: float = 0.5, how: object = v2.InterpolationMode.BICUBIC
) -> v2.Compose:
    scale = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([mean] * 3, [0.5] * 3)]
    return v2.Compose([v2.Resize(size, how), v2.CenterCrop(crop), *scale])


def test_same_weights_same_digest() -> None:
    assert module_digest(_net()) == module_digest(_net())


def test_mode_gradients_and_memory_layout_do_not_count() -> None:
    changed = _net().eval().requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)
    assert module_digest(changed) == module_digest(_net())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="No GPU.")
def test_device_does_not_count() -> None:
    assert module_digest(_net().to("cuda")) == module_digest(_net())


def test_weights_buffers_dtype_and_architecture_count() -> None:
    weights, buffers = _net(), _net()
    with torch.no_grad():
        weights[0].weight[0, 0, 0, 0] += 1e-6
        buffers[1].running_mean[0] += 1e-6
    architecture = nn.Sequential(*list(_net())[:2], nn.GELU())
    digests = {
        module_digest(each) for each in (_net(), weights, buffers, _net().half(), _net().bfloat16(), architecture)
    }
    assert len(digests) == 6


def test_buffers_that_are_not_saved_count() -> None:
    nets = []
    for value in (0.0, 1.0):
        net = _net()
        net.register_buffer("shift", torch.tensor(value), persistent=False)
        nets.append(net)
    assert module_digest(nets[0]) != module_digest(nets[1])


def test_order_of_registration_does_not_count() -> None:
    class Two(nn.Module):
        def __init__(self, names: str) -> None:
            super().__init__()
            for name in names:
                self.register_buffer(name, torch.tensor(float(ord(name))))

    assert list(Two("ab").state_dict()) != list(Two("ba").state_dict())
    assert module_digest(Two("ab")) == module_digest(Two("ba"))


def test_names_count() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    before = module_digest(net)
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    net.load_state_dict({"0.weight": state["1.weight"], "1.weight": state["0.weight"]}, strict=False)
    assert module_digest(net) != before


def test_addresses_in_the_print_do_not_count() -> None:
    class Odd(nn.Module):
        def extra_repr(self) -> str:
            return f"{object()}"

    kept = [Odd(), Odd()]
    assert module_digest(kept[0]) == module_digest(kept[1])


def test_preprocessing_counts() -> None:
    variants = [
        _transform(),
        _transform(mean=0.485),
        _transform(size=256),
        _transform(crop=192),
        _transform(how=v2.InterpolationMode.BILINEAR),
    ]
    assert len({preprocess_digest(each) for each in variants}) == 5
    assert preprocess_digest(_transform()) == preprocess_digest(_transform())


def test_random_preprocessing_is_refused() -> None:
    with pytest.raises(SubjectFault, match="another result each time"):
        preprocess_digest(v2.Compose([v2.RandomCrop(32), v2.ToImage(), v2.ToDtype(torch.float32)]))


def test_several_inputs_count_one_by_one() -> None:
    def several(scale: float, name: str = "mask", kind: type = dict) -> object:
        def prepare(image: object) -> object:
            made = {"pixels": _transform()(image), name: torch.full((4,), scale)}
            return made if kind is dict else tuple(made.values())

        return prepare

    variants = [several(1.0), several(2.0), several(1.0, "weights"), several(1.0, kind=tuple), _transform()]
    assert len({preprocess_digest(each) for each in variants}) == 5
    assert preprocess_digest(several(1.0)) == preprocess_digest(several(1.0))
