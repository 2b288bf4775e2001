"""Scores of an index's token graphs as lines of a report: means over neurons, with what chance would make of them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.reporting import Report
from indexer.index.reader import Index
from indexer.index.texts import Texts

DRAWS, SEED, LEVEL = 10_000, 0, 0.95


class Neurons(NamedTuple):
    """Of some neurons, each a number per neuron; 0 where there is no graph."""

    f1: NDArray[np.float64]
    baseline_f1: NDArray[np.float64]
    pearson: NDArray[np.float64]
    baseline_pearson: NDArray[np.float64]
    failed: NDArray[np.str_]
    """Why there is no graph or none that could be scored; empty where there is."""


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Of a mean over neurons: 95 % of the means of neurons drawn anew, 10,000 times, seeded."""
    chance = np.random.default_rng(SEED)
    means = [values[chance.integers(0, len(values), len(values))].mean() for _ in range(DRAWS)]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def scores_by_layer(folder: Path) -> dict[str, Neurons]:
    """Every neuron that has a score, by layer."""
    texts = Texts(Index.open(folder))
    assert texts.graph_tables is not None
    table = texts.graph_tables[1]
    layers = np.array([texts.index.neurons.id(row).layer for row in table["neuron"].to_pylist()])
    columns = [np.asarray(table[name], dtype=np.float64) for name in Neurons._fields[:-1]]
    failed = np.array([each or "" for each in table["failed"].to_pylist()])
    return {
        name: Neurons(*(each[layers == name] for each in columns), failed[layers == name])
        for name in dict.fromkeys(layers.tolist())
    }


def tell(report: Report, folder: Path, *, bars: bool, least: float | None = None) -> None:
    """A line for every layer, one for all neurons; `bars`: each layer must be above its baseline."""
    found = scores_by_layer(folder)
    for layer, neurons in found.items():
        _line(report, layer, neurons, bar=bars)
    every = Neurons(*(np.concatenate(parts) for parts in zip(*found.values(), strict=True)))
    _line(report, "all layers", every, bar=bars)
    if least is not None:
        mean = float(every.f1.mean())
        report.row("mean F1 of all neurons", f"**{mean:.3f}**", f"≥ {least}", mean >= least, f1=mean)


def _line(report: Report, name: str, neurons: Neurons, *, bar: bool) -> None:
    beyond = neurons.f1 - neurons.baseline_f1
    low, high = interval(beyond)
    reasons = {str(why): int((neurons.failed == why).sum()) for why in sorted(set(neurons.failed.tolist())) if why}
    f1_low, f1_high = interval(neurons.f1)
    told = (
        f"F1 **{neurons.f1.mean():.3f}** ({f1_low:.3f} to {f1_high:.3f}), baseline {neurons.baseline_f1.mean():.3f}, "
        f"difference **{beyond.mean():+.3f}** ({low:+.3f} to {high:+.3f}); Pearson {neurons.pearson.mean():.3f}, "
        f"baseline {neurons.baseline_pearson.mean():.3f}; {sum(reasons.values())} of {len(beyond)} failed"
    )
    report.row(
        name,
        told,
        "above the baseline" if bar else "–",
        low > 0 if bar else None,
        f1=float(neurons.f1.mean()),
        f1_interval=(f1_low, f1_high),
        baseline_f1=float(neurons.baseline_f1.mean()),
        difference=float(beyond.mean()),
        difference_interval=(low, high),
        pearson=float(neurons.pearson.mean()),
        baseline_pearson=float(neurons.baseline_pearson.mean()),
        neurons=len(beyond),
        failures=reasons,
    )


def told_how() -> str:
    """What the columns are."""
    return (
        "F1: of firing (at least half of the neuron's highest activation), token by token over its 10 strongest "
        "held-out passages, mean over neurons; in brackets 95 % of bootstrap means over neurons. Graphs are made from "
        "the 10 strongest passages of the other half. Baseline: the highest activation that each token had in those. A "
        "neuron without a graph, a dead one too, counts as 0."
    )
