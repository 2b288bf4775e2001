"""Cases in which exemplars have been seen to go wrong silently, and what is right: a brute force in float64."""

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from indexer.catalogue import DATASETS
from indexer.config import read_config
from indexer.datasets.batches import content_of
from indexer.datasets.images import read_image
from indexer.index.reader import Index
from indexer.pipeline import build_index

NETS = "benchmarks.peers.nets"
EXEMPLARS, PICTURES = 5, 40
ROUNDING = 1e-5
"""Of a neuron's greatest activation: what float32 may get wrong in these nets; a step of bfloat16 is 4e-3."""

Chosen = list[list[int]]
"""Sample numbers of each neuron's exemplars."""


class Case(NamedTuple):
    """A subject, pictures, and how exemplars are asked for."""

    name: str
    says: str
    """What is special, for the table."""
    factory: str = f"{NETS}:plain"
    layer: str = "units"
    pictures: str = "plain"
    """plain, twice (each picture in two files), others (of another seed), or photographs."""
    batch: int = 16
    exemplars: int = EXEMPLARS
    before: str = ""
    """again: the same was collected before; cached: so were the exemplars of `plain`, with the same cache."""
    also: str = ""
    """A layer asked for besides, which the earlier run did not have."""


CASES = (
    Case("plain", "nothing special"),
    Case("incomplete", "a last batch that is not full (40 samples in batches of 7)", batch=7),
    Case("negative", "half of the neurons have only negative activations", f"{NETS}:only_negative"),
    Case("rare", "neurons active on fewer samples than exemplars are asked for", f"{NETS}:rarely_active"),
    Case("signed", "a layer of both signs", f"{NETS}:signed"),
    Case("close", "activations closer together than bfloat16 resolves", f"{NETS}:nearly_equal"),
    Case("wide", "2,048 neurons at random", f"{NETS}:wide"),
    Case("duplicates", "every picture twice in the dataset", pictures="twice"),
    Case("training", "the module in training mode, as constructors leave it", f"{NETS}:in_training_mode"),
    Case("twice", "a module that is called twice in a forward pass", f"{NETS}:called_twice", "first"),
    Case("again", "exemplars collected, then the concepts computed, without a cache", before="again"),
    Case("layer", "a layer in the cache, read back after another was added", before="cached", also="later"),
    Case("weights", "the same architecture with other weights, same cache", f"{NETS}:other_weights", before="cached"),
    Case("prepared", "another preprocessing, same cache", f"{NETS}:other_preprocessing", before="cached"),
    Case("others", "other pictures under the same name, same cache", pictures="others", before="cached"),
)
OVERFLOW = Case("overflow", "activations that are not finite", f"{NETS}:not_finite")
REAL = (
    Case(
        "resnet18",
        "ResNet-18 with random weights, `layer4` (512 neurons), 500 photographs",
        "benchmarks.peers.inputs:random_resnet18",
        "layer4",
        "photographs",
        32,
        20,
    ),
    Case(
        "mobilenet",
        "MobileNetV2 trained on ImageNet, `bn2` (1,280 neurons), 500 photographs",
        "subjects:mobilenet_imagenet",
        "bn2",
        "photographs",
        32,
        20,
    ),
)


def draw_pictures(folder: Path, kind: str) -> Path:
    """A folder of small pictures; raises KeyError for a kind that is not one."""
    seed, copies = {"plain": (901, 1), "twice": (901, 2), "others": (902, 1)}[kind]
    out = folder / kind
    if not out.is_dir():
        out.mkdir(parents=True)
        dataset = DATASETS.load(f"lesions:{PICTURES},seed={seed}")
        for number in range(PICTURES):
            for copy in range(copies):
                dataset.load(number).save(out / f"{number:03d}-{copy}.png")
    return out


def factory(name: str) -> tuple[torch.nn.Module, object]:
    """The module and the preprocessing of `MODULE:FACTORY`."""
    module, _, made = name.partition(":")
    subject = getattr(import_module(module), made)()
    return subject[0], subject[1]


def brute_force(case: Case, pictures: Path) -> tuple[NDArray[np.float64], list[int]]:
    """Activations [samples, neurons] in float64, an image at a time; and the first sample of the same pixels, of each.

    Means over positions, and over the calls where the layer is called more than once.
    """
    module, prepare = factory(case.factory)
    module = module.double().eval()
    calls: list[torch.Tensor] = []
    handle = module.get_submodule(case.layer).register_forward_hook(
        lambda _m, _i, out: calls.append(out.mean((2, 3))[0])
    )
    rows, originals, first = [], [], {}
    with torch.inference_mode():
        for number, file in enumerate(sorted(pictures.iterdir())):
            image = read_image(file, file.name)
            originals.append(first.setdefault(content_of(image), number))
            module(prepare(image).double()[None])
            rows.append(torch.stack(calls).mean(0).numpy())
            calls.clear()
    handle.remove()
    return np.stack(rows), originals


def right(activations: NDArray[np.float64], originals: Sequence[int], chosen: Chosen, k: int) -> NDArray[np.bool_]:
    """Which neurons [neurons] have the k strongest distinct samples, up to float32's rounding.

    Where fewer than k samples are active at all, these alone are right too; where all samples are alike, so is none.
    """
    return np.array([_right(activations[:, unit], originals, each, k) for unit, each in enumerate(chosen)])


def _right(values: NDArray[np.float64], originals: Sequence[int], chosen: Iterable[int], k: int) -> bool:
    samples = list(chosen)
    if any(not 0 <= sample < len(values) for sample in samples):
        return False
    if len({originals[sample] for sample in samples}) < len(samples):
        return False
    distinct = np.sort(values[sorted(set(originals))])[::-1]
    found = np.sort(values[samples])[::-1]
    rounding = ROUNDING * np.abs(values).max()
    active = 0 if distinct[0] == distinct[-1] else int((distinct > 0).sum())
    return any(
        len(found) == len(best) and bool((np.abs(found - best) <= rounding).all())
        for best in (distinct[:k], distinct[: min(k, active)])
    )


def chosen_by_lens(case: Case, pictures: Path, folder: Path) -> dict[int, Chosen]:
    """Polarity → exemplars, in the order of units."""
    return exemplars_of(Index.open(lens_index(case, pictures, folder)), case.layer)


def lens_index(case: Case, pictures: Path, folder: Path) -> Path:
    """The index that Lens builds below `folder`, after what is done before; embeddings are shared between builds."""
    out, cache = folder / case.name, folder / "cache"
    if case.before == "again":
        _build(case, pictures, out, cache)
    if case.before == "cached":
        earlier = case._replace(factory=f"{NETS}:plain", also="")
        _build(earlier, pictures.with_name("plain"), out, cache)
    if case.also:
        _build(case._replace(layer=case.also), pictures, out, cache, add=True)
    else:
        _build(case, pictures, out, cache)
    return out


def exemplars_of(index: Index, layer: str) -> dict[int, Chosen]:
    """Polarity → exemplars of a layer's neurons, in the order of units."""
    names = [index.neurons.id(row) for row in range(len(index.neurons))]
    rows = sorted((-name.polarity, name.unit, row) for row, name in enumerate(names) if name.layer == layer)
    found: dict[int, Chosen] = {}
    for polarity, _, row in rows:
        found.setdefault(-polarity, []).append(index.exemplars(row)["sample"].to_pylist())
    return found


def _build(case: Case, pictures: Path, out: Path, cache: Path, *, add: bool = False) -> None:
    config = {
        "subject": {"name": f"python:{case.factory}", "device": "cpu"},
        "dataset": {"name": f"folder:{pictures}"},
        "collect": {"layers": (case.layer,), "batch_size": case.batch, "exemplars": case.exemplars},
        "foundation": {"name": "tiny-clip"},
        "out": out,
    }
    build_index(read_config(None, config), replace=not add and out.exists(), add=add, cache=cache)


def importable(data: Path | None) -> None:
    """Make the factories of LENS_DATA importable."""
    if data is not None and str(data) not in sys.path:
        sys.path.insert(0, str(data))
