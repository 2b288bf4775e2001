"""A whole build by the peer: its visualizer finds the exemplars, its lens embeds them. A program, see the package."""

import argparse
import json
import logging
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from semanticlens import Lens
from semanticlens.component_visualization import ActivationComponentVisualizer
from semanticlens.foundation_models.clip import OpenClip
from torchvision.models import ResNet18_Weights, resnet18

from benchmarks.peers.inputs import CLIP


class Photographs(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Files of a folder in the order of their names, as RGB, then as `prepare` makes of them."""

    def __init__(self, folder: Path, prepare: torch.nn.Module | None) -> None:
        self.name = folder.name
        self._files = sorted(folder.iterdir())
        self._prepare = prepare

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, number: int) -> tuple[object, int]:
        with Image.open(self._files[number]) as image:
            picture = image.convert("RGB")
        return (self._prepare(picture) if self._prepare else picture), 0


def main() -> None:
    """Build, and say how many embeddings were made and in how many seconds of what."""
    parser = argparse.ArgumentParser()
    for name in ("photographs", "subject", "clip", "cache", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--layers", required=True)
    parser.add_argument("--exemplars", type=int, required=True)
    parser.add_argument("--scores", action="store_true", help="clarity, polysemanticity and redundancy too")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)

    module = resnet18().eval()
    module.load_state_dict(load_file(asked.subject))
    module.name = "resnet18"
    prepare = ResNet18_Weights.DEFAULT.transforms()
    layers = asked.layers.split(",")
    visualizer = ActivationComponentVisualizer(
        module,
        Photographs(asked.photographs, prepare),
        Photographs(asked.photographs, None),
        layers,
        asked.exemplars,
        cache_dir=str(asked.cache),
    )
    model = OpenClip(CLIP, pretrained=str(asked.clip))
    lens = Lens(model)
    passed = _counted(model)
    concepts = lens.compute_concept_db(visualizer)
    begun = time.process_time()
    if asked.scores:
        lens.eval_clarity(concepts), lens.eval_polysemanticity(concepts)
        lens.eval_redundancy({name: each.mean(1) for name, each in concepts.items()})
    np.savez(asked.out, **{name: visualizer.get_max_reference(name).numpy() for name in layers})
    print(json.dumps({"embedded": sum(passed), "scores": time.process_time() - begun}))


def _counted(model: OpenClip) -> list[int]:
    passed: list[int] = []
    encode = model.encode_image

    def encode_image(images: torch.Tensor) -> torch.Tensor:
        passed.append(len(images))
        return encode(images)

    model.encode_image = encode_image
    return passed


if __name__ == "__main__":
    main()
