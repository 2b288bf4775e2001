"""How well do the graphs of each layer predict their neurons?"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import stdtrit

from indexer.errors import NotFound
from indexer.index.texts import Texts
from lens_server.text_answers import Estimate, GraphLayer

CONFIDENCE = 0.95


def graph_scores(texts: Texts) -> tuple[GraphLayer, ...]:
    """Mean scores of each layer that has graphs, in the order of the index; what failed counts as 0.

    Dead neurons are left out: they never fire, so that there is nothing to predict.
    Raises NotFound where no graphs were made.
    """
    if texts.graph_tables is None:
        raise NotFound(f"No graphs were made of {texts.index.folder}.", hint=f"lens graph {texts.index.folder} --all")
    table, rows = texts.graph_tables[1], np.asarray(texts.graph_tables[1]["neuron"])
    layers: dict[str, list[int]] = {}
    for at, row in enumerate(rows.tolist()):
        layers.setdefault(texts.index.neurons.id(row).layer, []).append(at)
    dead = texts.index.neurons.exemplar_count[rows] == 0
    return tuple(_layer(name, table, np.array(places), dead) for name, places in layers.items())


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Mean of values [neurons], and its interval of Student's t; without one for fewer than two neurons."""
    mean = float(values.mean()) if len(values) else 0.0
    if len(values) < 2:
        return Estimate(mean, None, None)
    margin = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return Estimate(mean, mean - margin, mean + margin)


def _layer(name: str, table: pa.Table, places: NDArray[np.int64], dead: NDArray[np.bool_]) -> GraphLayer:
    scores = table.take(pa.array(places[~dead[places]]))
    found = {
        column: np.nan_to_num(np.asarray(scores[column], dtype=np.float64))
        for column in ("f1", "baseline_f1", "pearson", "baseline_pearson")
    }
    return GraphLayer(
        layer=name,
        neurons=len(scores),
        dead=int(dead[places].sum()),
        failed=sum(bool(each) for each in scores["failed"].to_pylist()),
        f1=estimate(found["f1"]),
        baseline_f1=estimate(found["baseline_f1"]),
        gain=estimate(found["f1"] - found["baseline_f1"]),
        pearson=estimate(found["pearson"]),
        baseline_pearson=estimate(found["baseline_pearson"]),
    )
