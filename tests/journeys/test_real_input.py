"""Real models, photographs and an open_clip checkpoint (LENS_DATA names their folder); skipped where absent."""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from indexer.config import read_config
from indexer.pipeline import build_index
from lens_server.lens import Lens
from tests.conftest import ROOT

DATA = Path(os.environ.get("LENS_DATA", ROOT.parent / "shared" / "data"))
CATEGORIES = ("accordion", "bonsai", "grand_piano", "panda", "pizza", "stop_sign", "sunflower", "yin_yang")

pytestmark = pytest.mark.skipif(
    not (DATA / "local_clip").is_dir(), reason="no real models and images: set LENS_DATA to the folder that holds them"
)


@pytest.fixture(autouse=True, scope="module")
def factories():
    """The factories beside the data are importable."""
    sys.path.insert(0, str(DATA))
    yield
    sys.path.remove(str(DATA))


def built(out, subject, layers, dataset, **collect):
    settings = {
        "subject": {"name": subject},
        "dataset": {"name": dataset},
        "collect": {"layers": layers, **collect},
        "foundation": {"name": f"open_clip:local-dir:{DATA / 'local_clip'}"},
        "relevance": {"classes": collect.pop("classes", False)},
        "out": out,
    }
    settings["collect"] = {"layers": layers, **collect}
    return Lens.open(build_index(read_config(None, settings)))


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for category in CATEGORIES:
        (folder / category).mkdir()
        for path in sorted((DATA / "caltech101_half" / category).iterdir())[:12]:
            (folder / category / path.name).symlink_to(path)
    return built(
        folder / "index", "python:subjects:mobilenet_imagenet", ("global_pool",), f"folder:{folder}", exemplars=6
    )


def test_categories_are_found_by_name(photographs):
    """The best neuron for a category's name has mostly that category among its exemplars."""
    right = []
    for category, answer in zip(
        CATEGORIES, photographs.search([c.replace("_", " ") for c in CATEGORIES], limit=1), strict=True
    ):
        labels = Counter(each.label for each in photographs.neuron(answer.hits[0].neuron.id, similar=0).exemplars)
        right.append(labels.most_common(1)[0][0] == category)
        assert answer.hits[0].p <= 0.01
    assert sum(right) >= len(CATEGORIES) - 1, dict(zip(CATEGORIES, right, strict=True))


def test_its_own_words_name_them(photographs):
    names = [category.replace("_", " ") for category in CATEGORIES]
    labels = [each for each in photographs.label(names) if each.text]
    assert len(labels) > 100
    agree = [
        each.text.replace(" ", "_")
        == Counter(e.label for e in photographs.neuron(each.neuron.id, similar=0).exemplars).most_common(1)[0][0]
        for each in labels[:200]
    ]
    assert sum(agree) / len(agree) > 0.6, f"{sum(agree)} of {len(agree)}"


def test_dermoscopy_from_a_table_with_relevance(tmp_path):
    table = DATA / "isic2017" / "samples.csv"
    dataset = f"csv:{table},label=malignant,split=validation"
    lens = built(
        tmp_path / "isic", "python:subjects:mobilenet_melanoma", ("global_pool",), dataset, exemplars=10, classes=True
    )
    summary = lens.describe()
    assert summary.samples == 150
    assert summary.classes == ("benign", "malignant")
    samples = lens._index.samples
    assert {"patches", "ruler", "ink", "age", "sex"} <= set(samples.columns)
    card = lens.neuron(lens.search("ruler", limit=1)[0].hits[0].neuron.id)
    assert {each.class_name for each in card.relevance} == {"benign", "malignant"}


def test_a_small_network_of_ones_own(tmp_path):
    dataset = DATA / "cifar10" / "images"
    folder = tmp_path / "images"
    folder.mkdir()
    for path in sorted(dataset.rglob("*.jp*g"))[::20]:
        (folder / f"{path.parent.name}-{path.name}").symlink_to(path)
    lens = built(
        tmp_path / "index", "python:subjects:resnet20_cifar10", ("layer2", "layer3"), f"folder:{folder}", exemplars=5
    )
    assert [layer.units for layer in lens.describe().layers] == [32, 64]
    assert lens.search("a ship")[0].hits
