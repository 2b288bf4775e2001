"""`torchvision:` names, weights and what it says when there is no hub."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from safetensors.torch import save_file  # noqa: E402

from indexer.errors import InvalidInput, SubjectFault, UnknownName  # noqa: E402
from indexer.subjects.digests import module_digest  # noqa: E402
from indexer.subjects.torchvision import load  # noqa: E402

NAME = "squeezenet1_1"


def test_random_weights_are_seeded_and_noted() -> None:
    before = torch.random.get_rng_state()
    first, second = load(f"{NAME}/random"), load(f"{NAME}/random")
    assert module_digest(first.module) == module_digest(second.module)
    assert "random" in first.notes[0]
    assert first.classes == ()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_of_a_file(tmp_path: Path) -> None:
    trained = torchvision.models.squeezenet1_1()
    save_file(trained.state_dict(), tmp_path / "w.safetensors")
    subject = load(f"{NAME}/{tmp_path / 'w.safetensors'}")
    assert module_digest(subject.module) == module_digest(trained)
    assert subject.notes


def test_pickle_needs_trust(tmp_path: Path) -> None:
    torch.save(torchvision.models.squeezenet1_1().state_dict(), tmp_path / "w.pth")
    with pytest.raises(SubjectFault, match="is a pickle"):
        load(f"{NAME}/{tmp_path / 'w.pth'}")
    load(f"{NAME}/{tmp_path / 'w.pth'}", trust_pickle=True)


def test_misfit_names_the_model(tmp_path: Path) -> None:
    save_file(torchvision.models.squeezenet1_1(num_classes=3).state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(SubjectFault, match=r"do not fit torchvision:squeezenet1_1: 2 misshapen: classifier.1.weight"):
        load(f"{NAME}/{tmp_path / 'w.safetensors'}")


def test_published_weights_bring_class_names(monkeypatch: pytest.MonkeyPatch) -> None:
    published = torchvision.models.squeezenet1_1().state_dict()
    enum = torchvision.models.get_model_weights(NAME)
    monkeypatch.setattr(enum, "get_state_dict", lambda *_, **__: published)
    for argument in (NAME, f"{NAME}/IMAGENET1K_V1", f"{NAME}/SqueezeNet1_1_Weights.IMAGENET1K_V1"):
        subject = load(argument)
        assert subject.name == f"torchvision:{argument}"
        assert subject.classes[:2] == ("tench", "goldfish")


def test_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(torchvision.models.get_model_weights(NAME), "get_state_dict", fail)
    with pytest.raises(SubjectFault, match="could not be fetched: Name or service not known") as fault:
        load(NAME)
    assert "FILE.safetensors" in fault.value.hint


def test_unknown_names() -> None:
    with pytest.raises(UnknownName, match="'resnt50'") as fault:
        load("resnt50")
    assert "'resnet50'" in fault.value.hint
    with pytest.raises(UnknownName) as fault:
        load(f"{NAME}/IMAGENET1K_V9")
    assert "'IMAGENET1K_V1'" in fault.value.hint
    with pytest.raises(InvalidInput, match="needs a model"):
        load("")


def test_detectors_are_no_subjects() -> None:
    with pytest.raises(UnknownName):
        load("fasterrcnn_resnet50_fpn/random")
