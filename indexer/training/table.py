"""Measure every promise about the embedded weights on held-out seeds: python -m indexer.training.table."""

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from indexer.datasets.lesions import ARTEFACTS, CLASSES, COLOURS, CONCEPTS, STRUCTURES
from indexer.foundation_models.tiny_clip import FOLDER
from indexer.subjects.lesion_nets import NAMES, load, weights_file
from indexer.training.pictures import Progress, tensor
from indexer.training.reliance import accuracy, flip_rates
from indexer.training.truth import neuron_truth
from indexer.training.zero_shot import HELD_OUT_PROMPTS, SHORT_QUERIES, Reader, auroc, auroc_of_queries, held_out

RESULTS = Path("benchmarks/results/trained_parts.md")
MEGABYTES = 15.0


@dataclass(frozen=True)
class Line:
    """One figure and, where one was promised, its bar."""

    part: str
    what: str
    figure: float
    least: float | None = None
    most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the figure keeps its bar; a figure without a bar does."""
        above = self.least is None or self.figure >= self.least
        return above and (self.most is None or self.figure <= self.most)

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """The line as text."""
        bar = f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}" if self.most is not None else ""
        return self.part, self.what, f"{self.figure:.3f}", bar, ("✓" if self.kept else "✗") if bar else ""


def zero_shot_lines(reader: Reader, count: int) -> list[Line]:
    """tiny-clip's AUROC by concept, by wordings never trained on, and by what people type."""
    shown = held_out(count)
    strict = {*ARTEFACTS, *COLOURS, "irregular_border", "regular_border"}
    bars = dict.fromkeys(strict, 0.95) | {"asymmetric": 0.85, "symmetric": 0.85}
    prompts = {name: (concept.prompt,) for name, concept in CONCEPTS.items()}
    lines = [
        Line("tiny-clip", f"{name}: “{words}”", value, bars.get(name))
        for name, words, value in _flat(auroc_of_queries(reader, shown, prompts))
    ]
    unseen = auroc_of_queries(reader, shown, HELD_OUT_PROMPTS)
    values = [value for _, _, value in _flat(unseen)]
    lines.append(Line("tiny-clip, unseen wordings", f"mean of {len(values)}", float(np.mean(values)), 0.90))
    lines += [Line("tiny-clip, unseen wordings", f"{name}: “{words}”", value) for name, words, value in _flat(unseen)]
    short = auroc_of_queries(reader, shown, SHORT_QUERIES)
    return lines + [Line("tiny-clip, short queries", f"{n}: “{words}”", value) for n, words, value in _flat(short)]


def subject_lines(count: int) -> list[Line]:
    """Each subject's accuracy and how often each artefact turns its decision."""
    nets, shown = {name: load(name)[0] for name in NAMES}, held_out(count)
    bars = {"clean": 0.85}
    lines = [Line(name, "accuracy", accuracy(net, shown), bars.get(name)) for name, net in nets.items()]
    for artefact_free, base in ((True, "free of artefacts"), (False, "as they come")):
        for name, rates in flip_rates(nets, count, artefact_free=artefact_free).items():
            most = 0.12 if name in ("clean", "encode-only") else None
            own = name.removeprefix("shortcut-")
            lines += [
                Line(name, f"flips by {artefact}, pictures {base}", rate, 0.25 if artefact == own else None, most)
                for artefact, rate in rates.items()
            ]
    return lines


def neuron_lines(count: int) -> list[Line]:
    """Which of the last block's neurons know the patch, and which carry it to the decision."""
    lines = []
    shown = held_out(count)
    truth = np.array(["patch" in lesion.artefacts for lesion in shown.lesions])
    for name in ("shortcut-patch", "encode-only", "clean"):
        net, _, _ = load(name)
        with torch.inference_mode():
            active = net.until("block4", tensor(shown.images)).mean(dim=(2, 3)).numpy()
        areas = np.array([auroc(truth, active[:, neuron]) for neuron in range(active.shape[1])])
        effect = np.sort(neuron_truth(name, "patch", "block4", pairs=min(count, 200)))[::-1]
        lines.append(Line(name, "best single block4 neuron at telling the patch, AUROC", float(areas.max())))
        lines.append(Line(name, "block4 neurons with AUROC ≥ 0.9 for the patch", float((areas >= 0.9).sum())))
        lines.append(Line(name, "largest Δ margin (absolute) of one block4 neuron under the patch", float(effect[0])))
        lines.append(
            Line(
                name,
                "share of the ten largest in the sum of absolute Δ margin",
                float(effect[:10].sum() / effect.sum()),
            )
        )
    return lines


def size_line() -> Line:
    """All committed weights together."""
    files = [*FOLDER.glob("*.safetensors"), *(weights_file(name) for name in NAMES)]
    return Line("all weights", "size in MB", sum(file.stat().st_size for file in files) / 1e6, most=MEGABYTES)


def markdown(lines: list[Line], count: int) -> str:
    """The page of figures."""
    bars = [line for line in lines if line.least is not None or line.most is not None]
    rows = "\n".join("| " + " | ".join(line.cells) + " |" for line in lines)
    return f"""# The trained parts: figures

Bars kept: {sum(line.kept for line in bars)} of {len(bars)}. Measured on {count} pictures of seeds that no training
drew from. A zero-shot score is cos(f(image), g(query) − g("a skin lesion")); an unseen wording is one that the caption
grammar never makes. A flip is a decision that changes when the artefact is laid on, all else equal. Classes:
{", ".join(CLASSES)}. Structures ({", ".join(STRUCTURES)}), colour counts and single queries have no bar.

    python -m indexer.training.tiny_clip
    python -m indexer.training.subjects
    python -m indexer.training.table --count {count}

| part | what | figure | bar | kept |
|---|---|--:|---|---|
{rows}
"""


def _flat(areas: Mapping[str, Mapping[str, float]]) -> Iterable[tuple[str, str, float]]:
    return ((name, words, value) for name, each in areas.items() for words, value in each.items())


def main() -> None:
    """Print the table and write it beside the benchmarks' results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="held-out pictures (default: 1000)")
    parser.add_argument("--out", type=Path, default=RESULTS, help=f"page to write (default: {RESULTS})")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    progress = Progress("table")
    lines = zero_shot_lines(Reader.load(), chosen.count)
    progress.say("tiny-clip measured")
    lines += subject_lines(chosen.count)
    progress.say("subjects measured")
    lines += [*neuron_lines(chosen.count), size_line()]
    page = markdown(lines, chosen.count)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(page, encoding="utf-8")
    sys.stdout.write(page)


if __name__ == "__main__":
    main()
