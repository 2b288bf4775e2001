"""The ten nearest of many vectors, by the peer's function and by the exact engine of Lens. A program, see the package.

`turns FILE ROUNDS`: both in turn in one process. `memory FILE lens|peer`: one side, and what it takes besides vectors.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from semanticlens.scores import similarity_score

from benchmarks.measuring import interleaved, memory
from indexer.engines.exact import ExactEngine

LIMIT = 10


def turns(file: Path, rounds: int) -> None:
    """Print the times of both, and how many of a few probes they answer alike."""
    probes = _probes(np.load(file, mmap_mode="r"))
    sides = {name: make(file) for name, make in SIDES.items()}
    alike = [set(sides["lens"](probe)) == set(sides["peer"](probe)) for probe in probes]
    turn = iter(range(10**9))
    paired = interleaved(
        lambda: sides["lens"](probes[next(turn) % len(probes)]),
        lambda: sides["peer"](probes[next(turn) % len(probes)]),
        rounds,
        warm=2,
    )
    print(json.dumps({**paired.details(), "said": paired.said(), "alike": sum(alike), "probes": len(alike)}))


def alone(file: Path, side: str) -> None:
    """Print the resident memory before a search, with every vector resident, and at its peak."""
    probes = _probes(np.load(file, mmap_mode="r"))
    search = SIDES[side](file)
    before = memory("VmRSS")
    search(probes[0])
    print(json.dumps({"before": before, "peak": memory("VmHWM")}))


def _lens(file: Path) -> Callable[[NDArray[np.float32]], list[int]]:
    vectors = np.load(file, mmap_mode="r")
    vectors.sum()
    engine = ExactEngine("", vectors=vectors)
    return lambda probe: engine.search(probe, LIMIT).rows.tolist()  # type: ignore[no-any-return]


def _peer(file: Path) -> Callable[[NDArray[np.float32]], list[int]]:
    vectors = torch.from_numpy(np.load(file))

    def search(probe: NDArray[np.float32]) -> list[int]:
        scores = similarity_score(torch.from_numpy(probe)[None], vectors)
        return scores[0].topk(LIMIT).indices.tolist()  # type: ignore[no-any-return]

    return search


def _probes(vectors: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Near to a row each, as a word is to a neuron."""
    rng = np.random.default_rng(1)
    near = vectors[:: max(1, len(vectors) // 8)][:8] + rng.normal(0, 0.05, (8, vectors.shape[1]))
    return [np.float32(each / np.linalg.norm(each)) for each in near]


SIDES = {"lens": _lens, "peer": _peer}


if __name__ == "__main__":
    if sys.argv[1] == "turns":
        turns(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        alone(Path(sys.argv[2]), sys.argv[3])
