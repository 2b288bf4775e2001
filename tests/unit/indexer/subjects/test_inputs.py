"""One input or several: stacked, called, split."""

import pytest

torch = pytest.importorskip("torch")

from indexer.errors import SubjectFault  # noqa: E402
from indexer.subjects.inputs import attributable, copied, parts_of, rows, run, split, stacked  # noqa: E402

IMAGES = [torch.full((3, 2, 2), float(number)) for number in range(5)]
MASKS = [torch.tensor([number, 1]) for number in range(5)]


def several(kind, number):
    if kind == "tensor":
        return IMAGES[number]
    return {"pixels": IMAGES[number], "mask": MASKS[number]} if kind == "dict" else (IMAGES[number], MASKS[number])


def tensors(inputs):
    return [value for _, value in parts_of(inputs)]


@pytest.fixture(params=["tensor", "dict", "tuple"])
def inputs(request):
    return stacked([several(request.param, number) for number in range(5)], "cpu")


def test_stacked(inputs):
    assert rows(inputs) == 5
    assert torch.equal(tensors(inputs)[0], torch.stack(IMAGES))
    for given, made in zip(tensors(inputs)[1:], [torch.stack(MASKS)], strict=False):
        assert torch.equal(given, made) and given.dtype == torch.int64


def test_called_as_the_module_wants_them(inputs):
    def module(pixels, mask=None):
        return pixels.shape, mask is not None

    assert run(module, inputs) == ((5, 3, 2, 2), not isinstance(inputs, torch.Tensor))


def test_split_keeps_order_and_form(inputs):
    parts = split(inputs, 2)
    assert [rows(part) for part in parts] == [3, 2]
    assert {type(part) for part in parts} == {type(inputs)}
    for number, whole in enumerate(tensors(inputs)):
        assert torch.equal(torch.cat([tensors(part)[number] for part in parts]), whole)
    assert len(split(inputs, 9)) == 5, "no empty part"


def test_gradients_are_asked_of_what_has_them(inputs):
    asked = attributable(inputs)
    assert [each.requires_grad for each in tensors(asked)] == [each.is_floating_point() for each in tensors(inputs)]
    assert not any(each.requires_grad for each in tensors(inputs)), "the batch itself is left alone"


def test_copies_have_their_own_memory(inputs):
    tensors(copied(inputs))[0].zero_()
    assert tensors(inputs)[0].any()


def test_mappings_of_any_class_become_dicts():
    from transformers import BatchFeature

    stacks = stacked([BatchFeature({"pixels": image}) for image in IMAGES], "cpu")
    assert type(stacks) is dict and stacks["pixels"].shape == (5, 3, 2, 2)


def test_shapes_that_differ():
    with pytest.raises(SubjectFault, match="of different shapes"):
        stacked([torch.zeros(3, 2, 2), torch.zeros(3, 2, 3)], "cpu")
    with pytest.raises(SubjectFault, match="'mask' of different shapes"):
        stacked([{"mask": torch.zeros(3)}, {"mask": torch.zeros(2)}], "cpu")
    with pytest.raises(SubjectFault, match="from image to image"):
        stacked([{"mask": torch.zeros(3)}, {"pixels": torch.zeros(3)}], "cpu")
