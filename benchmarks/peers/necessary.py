"""What an image must cost: from the file to the subject's output, and from the file to its embedding. A program."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import open_clip
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.models import ResNet18_Weights, resnet18

from benchmarks.peers.inputs import CLIP

BATCH = 32


def main(folder: Path, subject: Path, clip: Path, count: int) -> None:
    """Print the CPU seconds an image takes, batch by batch, both kinds in turn."""
    module = resnet18().eval()
    module.load_state_dict(load_file(subject))
    model, _, prepare = open_clip.create_model_and_transforms(CLIP, pretrained=str(clip))
    files = sorted(folder.iterdir())[:count]
    forward, embedding = [], []
    with torch.inference_mode():
        for start in range(0, len(files), BATCH):
            batch = files[start : start + BATCH]
            forward.append(_seconds(batch, ResNet18_Weights.DEFAULT.transforms(), module))
            embedding.append(_seconds(batch, prepare, model.eval().encode_image))
    # The first batch of each warms libraries and caches up.
    print(json.dumps({"forward": forward[1:], "embedding": embedding[1:]}))


def _seconds(files: list[Path], prepare: Callable[[Image.Image], torch.Tensor], run: Callable[..., object]) -> float:
    begun = time.process_time()
    inputs = []
    for file in files:
        with Image.open(file) as image:
            inputs.append(prepare(image.convert("RGB")))
    run(torch.stack(inputs))
    return (time.process_time() - begun) / len(files)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), int(sys.argv[4]))
