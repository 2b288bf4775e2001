"""A small index of texts written by hand: what its graphs say is written below, so that tests can tell."""

import numpy as np
import pandas as pd
import pyarrow as pa
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from indexer.domain.embeddings import concept_vector, normalise
from indexer.domain.token_graphs import WILDCARD, Observation, TokenGraph
from indexer.index import files
from indexer.index.graphs import graph_table, write_graphs
from indexer.index.manifest import DatasetOrigin, LayerOrigin, Manifest, SpaceOrigin, SubjectOrigin
from indexer.index.writer import Tables, TextTables, write_manifest, write_tables
from indexer.subjects.digests import reading_digest
from indexer.subjects.json_tokenizer import JsonTokenizer

PASSAGES = (
    "from os import path\nimport sys\n",
    "def open(path):\n    return (path)\n",
    "import re\nfrom sys import path\n",
    "for each in path: import os\n",
    "return Import(sys)\n",
    "# caf\u00e9 \u2014 na\u00efve\n",
)
EXEMPLARS, HELD_OUT = 3, 2
LAYERS = {"mlp0": 4, "mlp1": 3}
"""Layer → units; the last unit of `mlp1` is dead."""

# Of each neuron its observations: (activating token, what comes before it backwards; None is a wildcard), activation.
GRAPHS = {
    "mlp0/0": [((" import",), 1.0), (("import",), 0.8), (("import", "\n"), 0.9)],
    "mlp0/1": [((" import", None, "from"), 0.9), ((" import", " sys", "from"), 0.7), ((" path",), 0.6)],
    "mlp0/2": [((")",), 1.0), ((" path", "("), 0.5), (("path", ")"), 0.5)],
    "mlp0/3": [(("import",), 0.6), ((" Import",), 0.5)],
    "mlp1/0": [((")", "path"), 0.8), (("path", "("), 0.6), (("(",), 0.9)],
}
FAILED = {"mlp1/1": "no example fires"}


def tokenizer():
    """Byte-level BPE in which the words above are a token each."""
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<begin>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=1,
    )
    words = "import import path path from from sys Import each os"
    library.train_from_iterator([*PASSAGES[:5], words, f" {words}"], trainer)
    return JsonTokenizer(library, mask=1, prefix=(0,))


def token_of(text):
    """Number of the token that is exactly this text."""
    return list(tokenizer().pieces).index(text.encode())


def graphs_by_row():
    """Row of neurons.parquet → graph."""
    numbers = {piece.decode("utf-8", "replace"): number for number, piece in enumerate(tokenizer().pieces)}
    rows = rows_by_name()
    return {
        rows[name]: TokenGraph.of(
            Observation(
                tuple(WILDCARD if text is None else numbers[text] for text in path),
                tuple(1.0 if at == 0 else 0.0 if text is None else 0.75 for at, text in enumerate(path)),
                activation,
            )
            for path, activation in paths
        )
        for name, paths in GRAPHS.items()
    }


def rows_by_name():
    names = [f"{layer}/{unit}" for layer, units in LAYERS.items() for unit in range(units)]
    return {name: row for row, name in enumerate(names)}


def write_text_index(
    out, *, graphs=True, subject="tiny-text:stdlib", subject_digest="0" * 64, stored=True, words=False
):
    """Write the index; returns its folder. `graphs` false: as a build leaves it; `words`: they can be searched for."""
    space = SpaceOrigin(name="tiny-clip", digest="0" * 64, dimension=8)
    if words:
        from indexer.catalogue import FOUNDATION_MODELS

        real = FOUNDATION_MODELS.load("tiny-clip").space
        space = SpaceOrigin(name=real.name, digest=real.digest, dimension=real.dimension)
    reader = tokenizer()
    encoded = [reader.encode(text) for text in PASSAGES]
    generator = np.random.default_rng(5)
    vectors = normalise(generator.normal(size=(len(PASSAGES), space.dimension)).astype(np.float32))
    names = list(rows_by_name())
    dead = names[-1]
    examples, heat, concepts, first = [], [], [], 0
    neurons = {name: [] for name in files.NEURON_TABLE.names}
    for row, name in enumerate(names):
        layer, unit = name.split("/")
        samples = [] if name == dead else [(row + rank) % 4 for rank in range(EXEMPLARS)]
        for rank, sample in enumerate(samples):
            token = (row + rank) % len(encoded[sample])
            start, stop = max(0, token - 4), min(len(encoded[sample]), token + 3)
            activation = 4.0 / (rank + 1)
            examples.append(
                (row, rank, sample, activation, None, 1, sample, None, None, None, None, start, stop, token)
            )
            heat.append([activation if at == token else activation / 8 for at in range(start, stop)])
        concepts.append(concept_vector(vectors[samples]) if samples else np.zeros(space.dimension, dtype=np.float32))
        values = (
            layer, int(unit), 1, "alive" if samples else "dead", 0.3 if samples else 0.0, 0.1, 0.1,
            4.0 if samples else 0.0, 0.4 if samples else None, None, None, first, len(samples),
        )  # fmt: skip
        for column, value in zip(neurons, values, strict=True):
            neurons[column].append(value)
        first += len(samples)
    held = [(row, rank, 4, 2.0, rank, 4) for row in range(len(names) - 1) for rank in range(HELD_OUT)]
    columns = list(zip(*examples, strict=True))
    tables = Tables(
        neurons=pa.table({name: pa.array(column) for name, column in neurons.items()}),
        exemplars=pa.table(
            {each.name: pa.array(column, each.type) for each, column in zip(files.EXEMPLAR_TABLE, columns, strict=True)}
        ),
        samples=pd.DataFrame(
            {"key": [f"passage-{number}" for number in range(len(PASSAGES))], "content": "c", "status": "ok"}
        ),
        concept_vectors=np.stack(concepts),
        exemplar_vectors=vectors,
        thumbnails=None,
        logits=None,
        relevance=None,
        texts=TextTables(
            passages=pa.table([list(range(len(encoded))), encoded], schema=files.PASSAGE_TABLE),
            heat=pa.table([heat], schema=files.HEAT_TABLE),
            held_out=pa.table(
                {
                    each.name: pa.array(column, each.type)
                    for each, column in zip(files.HELD_OUT_TABLE, zip(*held, strict=True), strict=True)
                }
            ),
            tokens=pa.table(
                [list(reader.pieces), [number in reader.special for number in range(len(reader.pieces))]],
                schema=files.TOKEN_TABLE,
            ),
            tokenizer=reader.stored() if stored else None,
            survey=pa.table([[4, 5], [0, 1], [4, 5]], schema=files.TEXT_SURVEY_TABLE),
            survey_activations=np.zeros((2, len(names)), dtype=np.float16),
        ),
    )
    staging = out.with_name(f"{out.name}.made")
    staging.mkdir()
    finished = write_tables(staging, tables)
    write_manifest(finished, _manifest(space, subject, subject_digest))
    finished.rename(out)
    staging.rmdir()
    if graphs:
        store_graphs(out, graphs_by_row())
    return out


def store_graphs(folder, graphs):
    """Graphs with made-up scores, and the neurons that failed."""
    rows = rows_by_name()
    failed = {rows[name]: why for name, why in FAILED.items()}
    scores = [
        (row, *((0.0,) * 6 if row in failed else (0.5, 1.0, 2 / 3, 0.75, 0.5, 0.25)), 2, failed.get(row, ""))
        for row in sorted({*graphs, *failed})
    ]
    columns = zip(*scores, strict=True)
    table = {
        each.name: pa.array(column, each.type) for each, column in zip(files.GRAPH_SCORE_TABLE, columns, strict=True)
    }
    write_graphs(folder, graph_table(graphs), pa.table(table))


def _manifest(space, subject, digest):
    reading = reading_digest(load_known("")) if subject == "known:" else "0" * 64
    layers = tuple(
        LayerOrigin(
            name=name, units=units, signed=False, aggregation="max", collector="activation", crop="none",
            concept_vector="mean",
        )
        for name, units in LAYERS.items()
    )  # fmt: skip
    return Manifest(
        format=files.FORMAT,
        kind="text",
        created="2026-01-01T00:00:00+00:00",
        subject=SubjectOrigin(name=subject, digest=digest, preprocessing=reading, classes=(), notes=()),
        dataset=DatasetOrigin(
            name="text:passages", digest="d", samples=len(PASSAGES), duplicates=0, unreadable=(), described={}
        ),
        foundation_model=space,
        layers=layers,
        exemplars=EXEMPLARS,
        engine="exact",
        seed=0,
        versions={},
        settings={},
        files={},
    )


def load_known(argument, *, trust_pickle=False):
    """A subject that takes nine tokens; unit n of `mlp0` is 2 on tokens whose number is n more than a multiple of 7."""
    import torch
    from torch import nn

    from indexer.subjects.text_subject import TextSubject

    class Units(nn.Module):
        def forward(self, tokens):
            return 2.0 * (tokens[..., None] % 7 == torch.arange(4)).float()

    torch.manual_seed(0)
    net = nn.Sequential()
    net.add_module("mlp0", Units())
    net.add_module("head", nn.Linear(4, 303))
    return TextSubject("known:", net.eval(), tokenizer(), context=9, causal=True)
