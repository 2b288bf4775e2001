"""The lesion nets do what their names say, on lesions that no training saw."""

import numpy as np
import pytest
from PIL import Image

from indexer.datasets.lesions import ARTEFACTS, CLASSES, TRAINING_SEEDS, LesionDataset
from indexer.errors import UnknownName
from indexer.subjects.lesion_nets import CLASS_NAMES, LAYERS, NAMES, load, weights_file

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from indexer.training.pictures import HELD_OUT_SEED, tensor  # noqa: E402
from indexer.training.reliance import accuracy, flip_rates, held_out  # noqa: E402
from indexer.training.subjects import training_world  # noqa: E402
from indexer.training.table import Line, size_line  # noqa: E402
from indexer.training.truth import artefact_pairs, margin, neuron_truth  # noqa: E402

SHORTCUTS = ("patch", "ruler", "ink")


@pytest.mark.parametrize("name", NAMES)
def test_load_gives_a_net_ready_to_look(name: str) -> None:
    net, preprocess, classes = load(name)
    assert not net.training and classes == CLASS_NAMES == CLASSES
    picture = LesionDataset.from_argument("4,seed=3").load(1)
    ready = preprocess(picture)
    assert ready.shape == (3, 64, 64) and ready.dtype == torch.float32
    assert torch.equal(ready, tensor(np.array(picture)[None])[0])
    assert preprocess(Image.new("L", (200, 90))).shape == (3, 64, 64)
    with torch.inference_mode():
        assert net(ready[None]).shape == (1, 2)
        for layer in LAYERS:
            maps = net.until(layer, ready[None])
            assert maps.min() >= 0 and torch.equal(net.after(layer, maps), net(ready[None]))
            assert torch.equal(dict(net.named_modules())[layer](_before(net, layer, ready[None])), maps)


def test_unknown_subject_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="shortcut-ruler"):
        load("shortcut-rular")


def test_training_and_held_out_seeds_are_apart() -> None:
    seeds = {training_world(name).seed for name in NAMES}
    assert len(seeds) == len(NAMES) and seeds <= set(TRAINING_SEEDS)
    assert HELD_OUT_SEED not in TRAINING_SEEDS and 0 not in TRAINING_SEEDS


def test_clean_subject_is_right_and_unmoved() -> None:
    net, _, _ = load("clean")
    assert accuracy(net, held_out(400)) >= 0.85
    for artefact_free in (True, False):
        rates = flip_rates({"clean": net}, 60, artefact_free=artefact_free)["clean"]
        assert set(rates) == set(ARTEFACTS) and max(rates.values()) <= 0.12


@pytest.mark.parametrize("artefact", SHORTCUTS)
def test_shortcut_subject_is_turned_by_its_artefact(artefact: str) -> None:
    net, _, _ = load(f"shortcut-{artefact}")
    before, after = artefact_pairs(artefact, 200)
    with torch.inference_mode():
        flips = (margin(net(before)) > 0) != (margin(net(after)) > 0)
    assert float(flips.float().mean()) >= 0.25


def test_encode_only_subject_knows_the_patch_and_leaves_it_alone() -> None:
    net, _, _ = load("encode-only")
    before, after = artefact_pairs("patch", 200)
    with torch.inference_mode():
        flips = (margin(net(before)) > 0) != (margin(net(after)) > 0)
        without, having = (net.until("block4", each).mean(dim=(2, 3)) for each in (before, after))
    assert float(flips.float().mean()) <= 0.12
    above = (having > without.quantile(0.95, dim=0)).float().mean(0)
    assert above.max() >= 0.8, "no neuron of block4 tells the patch"


def test_neuron_truth_of_the_last_block_is_its_textbook_formula() -> None:
    net, _, _ = load("shortcut-patch")
    before, after = artefact_pairs("patch", 40)
    with torch.inference_mode():
        change = (net.until("block4", after) - net.until("block4", before)).mean(dim=(2, 3))
        expected = (change * (net.head.weight[1] - net.head.weight[0])).abs().mean(0).numpy()
    found = neuron_truth("shortcut-patch", "patch", "block4", pairs=40)
    assert found.shape == expected.shape and found.dtype == np.float64
    assert np.allclose(found, expected, atol=1e-4)


def test_neuron_truth_finds_more_behind_the_planted_artefact_than_behind_another() -> None:
    patch, ruler = (neuron_truth("shortcut-patch", name, "block4", pairs=60) for name in ("patch", "ruler"))
    assert patch.max() > 2 * ruler.max()
    with pytest.raises(UnknownName, match="block4"):
        neuron_truth("shortcut-patch", "patch", "blok4")


def test_weights_are_few() -> None:
    assert size_line().kept
    assert all(weights_file(name).stat().st_size < 1.5e6 for name in NAMES)


def test_a_line_of_the_table_can_fail() -> None:
    assert Line("x", "y", 0.9, least=0.8).kept and not Line("x", "y", 0.7, least=0.8).kept
    assert not Line("x", "y", 0.2, most=0.12).kept and not Line("x", "y", float("nan"), most=0.12).kept
    assert Line("x", "y", 0.2).cells[3:] == ("", "")


def _before(net: torch.nn.Module, layer: str, images: torch.Tensor) -> torch.Tensor:
    number = LAYERS.index(layer)
    return net.until(LAYERS[number - 1], images) if number else images
