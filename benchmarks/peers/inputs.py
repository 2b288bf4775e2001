"""What both sides are given: distinct photographs in one folder a size, and the same two sets of random weights."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import ResNet18_Weights, resnet18

from indexer.catalogue import DATASETS
from indexer.datasets.batches import content_of
from indexer.errors import DatasetFault

PHOTOGRAPHS = ("caltech101_half", "isic2017")
CLIP = "ViT-B-32"


def photographs(data: Path, work: Path, count: int) -> Path:
    """A folder of links to `count` photographs no two of which have the same pixels; smaller folders are subsets."""
    folder = work / f"photographs-{count}"
    if folder.is_dir():
        return folder
    chosen = _distinct(data, work)
    if len(chosen) < count:
        raise SystemExit(f"LENS_DATA holds {len(chosen)} distinct photographs, fewer than {count}.")
    beside = folder.with_suffix(".part")
    beside.mkdir(parents=True)
    for number, path in enumerate(chosen[:count]):
        (beside / f"{number:05d}.jpg").symlink_to(path)
    beside.replace(folder)
    return folder


def weights(work: Path) -> tuple[Path, Path]:
    """ResNet-18 and ViT-B/32 at random (seed 0), each drawn once and stored."""
    subject, clip = work / "resnet18.safetensors", work / f"{CLIP}.safetensors"
    work.mkdir(parents=True, exist_ok=True)
    for file, make in ((subject, resnet18), (clip, lambda: open_clip.create_model(CLIP, pretrained=None))):
        if not file.is_file():
            torch.manual_seed(0)
            save_file({name: value.contiguous() for name, value in make().state_dict().items()}, file)
    return subject, clip


def random_resnet18() -> tuple[torch.nn.Module, Callable[[Image.Image], torch.Tensor]]:
    """ResNet-18 with random weights (seed 0) and its usual preprocessing, for `python:`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return resnet18().eval(), ResNet18_Weights.DEFAULT.transforms()


def _distinct(data: Path, work: Path) -> list[Path]:
    """Paths in an order drawn with seed 0; the list is kept, as it takes a look at every picture."""
    kept = work / "distinct.txt"
    if not kept.is_file():
        seen: dict[str, Path] = {}
        for name in PHOTOGRAPHS:
            dataset = DATASETS.load(f"folder:{data / name}")
            for number, key in enumerate(dataset.keys):
                try:
                    seen.setdefault(content_of(dataset.load(number)), data / name / key)
                except DatasetFault:
                    continue
        order = np.random.default_rng(0).permutation(len(seen))
        paths = list(seen.values())
        work.mkdir(parents=True, exist_ok=True)
        kept.write_text("\n".join(str(paths[number]) for number in order), encoding="utf-8")
    return [Path(line) for line in kept.read_text(encoding="utf-8").splitlines()]
