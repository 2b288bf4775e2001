"""Every subject adapter keeps the contract of `indexer/subjects/subject.py`."""

import os
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from indexer.catalogue import SUBJECTS  # noqa: E402
from indexer.subjects.digests import module_digest, preprocess_digest, probe_images  # noqa: E402
from indexer.subjects.subject import Subject  # noqa: E402

DATA = Path(os.environ.get("LENS_DATA", Path(__file__).parents[2] / "../shared/data"))
SPECS = {
    "torchvision": "torchvision:mobilenet_v3_small/random",
    "timm": "timm:test_resnet.r160_in1k/random",
    "python": "python:torchvision.models:squeezenet1_1",
    "lesion": "lesion:clean",
}
REAL = "python:subjects:mobilenet_imagenet"


@pytest.fixture(params=[*SPECS.values(), REAL])
def spec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == REAL:
        if not (DATA / "subjects.py").is_file():
            pytest.skip(f"No real subjects: LENS_DATA is not set and {DATA} is absent.")
        monkeypatch.setattr(sys, "path", [str(DATA), *sys.path])
    torch.manual_seed(0)
    return str(request.param)


@pytest.fixture
def subject(spec: str) -> Subject:
    loaded: Subject = SUBJECTS.load(spec, trust_pickle=False)
    return loaded


def test_every_adapter_is_here() -> None:
    assert set(SPECS) == set(SUBJECTS.entries)


def test_is_named_as_on_the_command_line(spec: str, subject: Subject) -> None:
    assert subject.name == spec


def test_images_become_logits(subject: Subject) -> None:
    batch = torch.stack([subject.preprocess(image) for image in probe_images()])
    assert batch.dtype == torch.float32
    assert batch.ndim == 4
    with torch.inference_mode():
        logits = subject.module.eval()(batch)
    assert logits.ndim == 2
    assert torch.isfinite(logits).all()
    assert len(subject.classes) in (0, logits.shape[1])


def test_notes_are_sentences(subject: Subject) -> None:
    assert isinstance(subject.classes, tuple)
    assert all(note.endswith(".") for note in subject.notes)


def test_a_second_load_is_the_same_subject(spec: str, subject: Subject) -> None:
    torch.manual_seed(0)
    again: Subject = SUBJECTS.load(spec)
    assert module_digest(again.module) == module_digest(subject.module)
    assert preprocess_digest(again.preprocess) == preprocess_digest(subject.preprocess)
    assert again.classes == subject.classes
