"""`timm:` names, weights and what it says when there is no hub."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from safetensors.torch import save_file  # noqa: E402

import indexer.subjects.timm as adapter  # noqa: E402
from indexer.errors import InvalidInput, SubjectFault, UnknownName  # noqa: E402
from indexer.subjects.digests import module_digest  # noqa: E402
from indexer.subjects.timm import load  # noqa: E402

NAME = "test_resnet"


def test_random_weights_are_seeded_and_noted() -> None:
    first, second = load(f"{NAME}/random"), load(f"{NAME}/random")
    assert module_digest(first.module) == module_digest(second.module)
    assert "random" in first.notes[0]
    assert first.classes == ()


def test_weights_of_a_file_and_preprocess_of_the_model(tmp_path: Path) -> None:
    trained = timm.create_model(NAME)
    save_file(trained.state_dict(), tmp_path / "w.safetensors")
    subject = load(f"{NAME}/{tmp_path / 'w.safetensors'}")
    assert module_digest(subject.module) == module_digest(trained)
    assert "160" in repr(subject.preprocess)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("resnet50", ("resnet50", "")),
        ("resnet50.a1_in1k/a/b.safetensors", ("resnet50.a1_in1k", "a/b.safetensors")),
        ("hf-hub:org/name", ("hf-hub:org/name", "")),
        ("hf-hub:org/name/random", ("hf-hub:org/name", "random")),
        ("hf-hub:org/name//tmp/w.safetensors", ("hf-hub:org/name", "/tmp/w.safetensors")),
    ],
)
def test_slashes(argument: str, expected: tuple[str, str]) -> None:
    assert adapter._split(argument) == expected


@pytest.mark.parametrize("argument", ["", "/random", "hf-hub:org"])
def test_no_model(argument: str) -> None:
    with pytest.raises(InvalidInput, match="names no model"):
        load(argument)


@pytest.mark.parametrize(
    ("argument", "hint"), [("resnt50", "'resnet50'"), ("resnet18.a1_in2k", "'resnet18.a1_in1k'")], ids=["model", "tag"]
)
def test_unknown_names(argument: str, hint: str) -> None:
    with pytest.raises(UnknownName) as fault:
        load(argument)
    assert hint in fault.value.hint


def test_weights_that_are_neither_file_nor_random() -> None:
    with pytest.raises(InvalidInput, match="'a1_in1k' names no weights") as fault:
        load("resnet18/a1_in1k")
    assert "timm:resnet18.TAG" in fault.value.hint


def test_nothing_published() -> None:
    name = next(name for name in timm.list_models("*botnet*") if not timm.is_model_pretrained(name))
    with pytest.raises(SubjectFault, match="publishes no weights"):
        load(name)


@pytest.mark.parametrize("argument", [NAME, "hf-hub:org/name"])
def test_no_hub(monkeypatch: pytest.MonkeyPatch, argument: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no connection")

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(SubjectFault, match=f"of timm:{argument} could not be fetched: no connection") as fault:
        load(argument)
    assert "FILE.safetensors" in fault.value.hint


def test_published_weights_bring_class_names(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model
    monkeypatch.setattr(timm, "create_model", lambda name, *, pretrained: create(name, pretrained=pretrained and False))
    subject = load(NAME)
    assert len(subject.classes) == 1000
    assert "tench" in subject.classes[0]
