"""Does a description tell the places it is true of from all others? AUROC on files that training never saw."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from indexer.foundation_models.tiny_code.network import Towers
from indexer.foundation_models.tiny_code.reading import Reader
from indexer.training.code_places import Places

FEWEST = 20
"""True places that a fact needs to be measured."""


@torch.inference_mode()
def told(
    towers: Towers,
    reader: Reader,
    places: Places,
    wordings: Mapping[str, Sequence[str]],
    paraphrases: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """Lines with the mean AUROC of first wordings, of all, and of paraphrases, then the worst facts."""
    parts = [reader.snippets(places.snippets[at : at + 512]) for at in range(0, len(places.snippets), 512)]
    vectors = torch.cat([towers.snippets(part) for part in parts])
    kinds: dict[str, list[float]] = {"first wordings": [], "all wordings": [], "paraphrases": []}
    worst: list[tuple[float, str]] = []
    for number, (name, said) in enumerate(wordings.items()):
        true = places.facts[:, number]
        if not FEWEST <= true.sum() <= len(true) - FEWEST:
            continue
        texts = [*said, *paraphrases.get(name, ())]
        probes = towers.texts(reader.texts(["", *texts]))
        aligned = (vectors @ torch.nn.functional.normalize(probes[1:] - probes[:1], dim=-1).T).numpy()
        areas = [area(aligned[:, at], true) for at in range(len(texts))]
        kinds["first wordings"].append(areas[0])
        kinds["all wordings"] += areas[: len(said)]
        kinds["paraphrases"] += areas[len(said) :]
        worst += [(value, f"{name}: {text}") for value, text in zip(areas, texts, strict=True)]
    for kind, found in kinds.items():
        low = np.quantile(found, 0.1)
        yield f"AUROC of {len(found)} {kind}: mean {np.mean(found):.4f}, median {np.median(found):.4f}, 10 % {low:.4f}"
    for value, text in sorted(worst)[:25]:
        yield f"  {value:.3f} {text}"


def area(scores: NDArray[np.float32], true: NDArray[np.bool_]) -> float:
    """AUROC; ties count half."""
    ranks = rankdata(scores)
    positives = int(true.sum())
    return float((ranks[true].sum() - positives * (positives + 1) / 2) / (positives * (len(true) - positives)))
