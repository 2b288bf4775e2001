"""Every subject adapter keeps the contract of `indexer/subjects/subject.py`."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from indexer.catalogue import SUBJECTS  # noqa: E402
from indexer.collectors.shapes import layer_shapes  # noqa: E402
from indexer.collectors.taps import Taps  # noqa: E402
from indexer.foundation_models.tiny_clip import FOLDER  # noqa: E402
from indexer.subjects.digests import module_digest, preprocess_digest, probe_images  # noqa: E402
from indexer.subjects.inputs import run, stacked  # noqa: E402
from indexer.subjects.layers import logits_of  # noqa: E402
from indexer.subjects.subject import Subject  # noqa: E402
from tests import nets  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
DATA = Path(os.environ.get("LENS_DATA", Path(__file__).parents[2] / "../shared/data"))
BARE = "open_clip"
"""Gives no class logits."""


def _transformers(folder: Path) -> str:
    import transformers

    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48}
    torch.manual_seed(0)
    module = transformers.ViTForImageClassification(transformers.ViTConfig(image_size=32, patch_size=8, **small))
    module.save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return f"transformers:{folder}"


def _exported(folder: Path) -> str:
    program = torch.export.export(nets.Net().eval(), (torch.randn(2, 3, 16, 16),))
    torch.export.save(program, folder / "net.pt2")
    return f"exported:{folder / 'net.pt2'}"


def _torchscript(folder: Path) -> str:
    torch.jit.save(torch.jit.script(nets.Net().eval()), str(folder / "net.pt"))
    return f"torchscript:{folder / 'net.pt'},size=16"


def _named(spec: str) -> Callable[[Path], str]:
    return lambda _folder: spec


SPECS = {
    "torchvision": _named("torchvision:mobilenet_v3_small/random"),
    "timm": _named("timm:test_resnet.r160_in1k/random"),
    "transformers": _transformers,
    "open_clip": _named(f"open_clip:local-dir:{FOLDER}"),
    "exported": _exported,
    "torchscript": _torchscript,
    "python": _named("python:torchvision.models:squeezenet1_1"),
    "lesion": _named("lesion:clean"),
}
REAL = "python:subjects:mobilenet_imagenet"
TEXTS = {"tiny-text"}
"""Of texts alone: test_text_subjects.py."""


@pytest.fixture(scope="module", params=[*SPECS, REAL])
def spec(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param != REAL:
        return SPECS[request.param](tmp_path_factory.mktemp("saved"))
    if not (DATA / "subjects.py").is_file():
        pytest.skip(f"No real subjects: LENS_DATA is not set and {DATA} is absent.")
    return REAL


@pytest.fixture
def subject(spec: str, monkeypatch: pytest.MonkeyPatch) -> Subject:
    monkeypatch.setattr(sys, "path", [str(DATA), *sys.path])
    torch.manual_seed(0)
    loaded: Subject = SUBJECTS.load(spec, trust_pickle=spec.startswith("exported"))
    return loaded


def _batch(subject: Subject) -> object:
    return stacked([subject.preprocess(image) for image in probe_images()], "cpu")


def test_every_adapter_is_here() -> None:
    assert set(SPECS) | TEXTS == set(SUBJECTS.entries)


def test_is_named_as_on_the_command_line(spec: str, subject: Subject) -> None:
    assert subject.name == spec


def test_images_become_logits(spec: str, subject: Subject) -> None:
    batch = _batch(subject)
    assert batch.dtype == torch.float32
    assert batch.ndim == 4
    with torch.inference_mode():
        logits = logits_of(run(subject.module.eval(), batch))
    if spec.startswith(BARE):
        assert logits is None and any("no classes" in note for note in subject.notes)
        return
    assert logits.shape[0] == len(batch)
    assert torch.isfinite(logits).all()
    assert len(subject.classes) in (0, logits.shape[1])


def test_notes_are_sentences(subject: Subject) -> None:
    assert isinstance(subject.classes, tuple)
    assert all(note.endswith(".") for note in subject.notes)


def test_layers_are_read_sample_by_sample(subject: Subject) -> None:
    """What a sample does to a layer does not depend on the batch it comes in, nor on its size."""
    names = [each.name for each in layer_shapes(subject)]
    assert names, "a subject has layers"
    layers, batch = [names[0], names[len(names) // 2], names[-1]], _batch(subject)
    taps = Taps(subject.module, list(dict.fromkeys(layers)), "mean")
    with torch.inference_mode():
        run(subject.module.eval(), batch)
        together = taps.take(2)
        run(subject.module, batch[1:])
        alone = taps.take(1)
    taps.close()
    for layer in together:
        torch.testing.assert_close(
            torch.from_numpy(together[layer][0][1:]), torch.from_numpy(alone[layer][0]), atol=1e-4, rtol=1e-4
        )


def test_a_second_load_is_the_same_subject(spec: str, subject: Subject) -> None:
    torch.manual_seed(0)
    again: Subject = SUBJECTS.load(spec, trust_pickle=spec.startswith("exported"))
    assert module_digest(again.module) == module_digest(subject.module)
    assert preprocess_digest(again.preprocess) == preprocess_digest(subject.preprocess)
    assert again.classes == subject.classes
