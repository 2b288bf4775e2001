"""Token graphs as tables, and tables as token graphs."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from indexer.domain.token_graphs import GraphPath, TokenGraph
from indexer.index.annotations import read_annotation, write_annotations
from indexer.index.files import GRAPH_SCORE_TABLE, GRAPH_SCORES, GRAPH_TABLE, GRAPHS
from indexer.index.manifest import Manifest


def graph_table(graphs: Mapping[int, TokenGraph]) -> pa.Table:
    """Paths of graphs by the neurons' rows, ascending."""
    listed = [(row, path) for row, graph in sorted(graphs.items()) for path in graph.paths]
    columns: dict[str, Iterable[object]] = {
        "neuron": [row for row, _ in listed],
        "tokens": [path.tokens for _, path in listed],
        "importances": [path.importances for _, path in listed],
        "count": [path.count for _, path in listed],
        "maximum": [path.maximum for _, path in listed],
        "mean": [path.mean for _, path in listed],
        "absorbed": [[{"place": place, "token": token} for place, token in path.absorbed] for _, path in listed],
    }
    return pa.table({name: pa.array(column, GRAPH_TABLE.field(name).type) for name, column in columns.items()})


def graphs_of(table: pa.Table, first: int, last: int) -> dict[int, TokenGraph]:
    """Graphs of the neurons in rows first to last, the last included, of those that have paths."""
    neurons = np.asarray(table["neuron"])
    part = table.slice(
        int(np.searchsorted(neurons, first)), int(np.searchsorted(neurons, last + 1) - np.searchsorted(neurons, first))
    )
    paths: dict[int, list[GraphPath]] = {}
    for entry in part.to_pylist():
        absorbed = tuple((each["place"], each["token"]) for each in entry["absorbed"])
        path = GraphPath(
            tuple(entry["tokens"]),
            tuple(entry["importances"]),
            entry["count"],
            entry["maximum"],
            entry["mean"],
            absorbed,
        )
        paths.setdefault(entry["neuron"], []).append(path)
    return {row: TokenGraph(tuple(listed)) for row, listed in paths.items()}


def write_graphs(folder: Path, graphs: pa.Table, scores: pa.Table) -> None:
    """Store graphs and their scores in place of those before. Raises IndexUnusable, DiskFull."""
    write_annotations(folder, {GRAPHS: graphs.cast(GRAPH_TABLE), GRAPH_SCORES: scores.cast(GRAPH_SCORE_TABLE)})


def read_graphs(folder: Path, manifest: Manifest) -> tuple[pa.Table, pa.Table] | None:
    """Graphs and scores of an opened index; None where there are none. Raises Untrustworthy."""
    cure = f"lens graph {folder} --all makes them anew."
    graphs = read_annotation(folder, manifest, GRAPHS, cure)
    scores = read_annotation(folder, manifest, GRAPH_SCORES, cure)
    return None if graphs is None or scores is None else (graphs, scores)
