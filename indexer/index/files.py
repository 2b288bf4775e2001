"""The files of an index: their names, their tables and the format's number. Paths to files are made here only."""

from pathlib import Path

import pyarrow as pa

FORMAT = 3

MANIFEST = "manifest.json"
NEURONS = "neurons.parquet"
EXEMPLARS = "exemplars.parquet"
RANGE = "range.parquet"
SURVEY = "survey.parquet"
SAMPLES = "samples.parquet"
CONCEPT_VECTORS = "concept_vectors.npy"
EXEMPLAR_VECTORS = "exemplar_vectors.npy"
LOGITS = "logits.npy"
RELEVANCE = "relevance.parquet"
THUMBNAILS = "thumbnails.arrow"
LABELS = "labels.parquet"
PASSAGES = "passages.parquet"
HEAT = "heat.parquet"
HELD_OUT = "held_out.parquet"
TOKENS = "tokens.parquet"
TOKENIZER = "tokenizer.json"
TEXT_SURVEY = "text_survey.parquet"
TEXT_SURVEY_ACTIVATIONS = "text_survey.npy"
GRAPHS = "graphs.parquet"
GRAPH_SCORES = "graph_scores.parquet"
ENGINE = "engine"
FINISHED = "finished"
"""Where a build gathers the files inside its staging folder."""

ANNOTATIONS = (LABELS, GRAPHS, GRAPH_SCORES)
"""Files that may come and change after the build."""

REQUIRED = (NEURONS, EXEMPLARS, SAMPLES, CONCEPT_VECTORS, EXEMPLAR_VECTORS)
OF_IMAGES = (THUMBNAILS,)
OF_TEXTS = (PASSAGES, HEAT, HELD_OUT, TOKENS, TEXT_SURVEY, TEXT_SURVEY_ACTIVATIONS)
"""Required too, of an index of that kind."""

NEURON_TABLE = pa.schema(
    [
        ("layer", pa.dictionary(pa.int32(), pa.string())),
        ("unit", pa.int32()),
        ("polarity", pa.int8()),
        ("state", pa.dictionary(pa.int8(), pa.string())),
        ("active_share", pa.float32()),
        ("mean", pa.float32()),
        ("centre", pa.float32()),
        ("strongest", pa.float32()),
        ("clarity", pa.float32()),
        ("polysemanticity", pa.float32()),
        ("redundancy", pa.float32()),
        ("first_exemplar", pa.int64()),
        ("exemplar_count", pa.int32()),
    ]
)
"""One row per neuron and polarity, layer by layer, the positive ends of a layer before its negative ends. `mean` is
over samples of what was aggregated, `centre` over samples and positions: what relevance is measured against."""

EXEMPLAR_TABLE = pa.schema(
    [
        ("neuron", pa.int32()),
        ("rank", pa.int16()),
        ("sample", pa.int32()),
        ("activation", pa.float32()),
        ("relevance", pa.float32()),
        ("polarity", pa.int8()),
        ("embedding", pa.int32()),
        ("left", pa.float32()),
        ("top", pa.float32()),
        ("right", pa.float32()),
        ("bottom", pa.float32()),
        ("token_start", pa.int32()),
        ("token_stop", pa.int32()),
        ("token", pa.int32()),
    ]
)
"""Sorted by neuron and rank. A place is a box (fractions of an image) or a token span (text); null: the whole sample.
`token` is where in its passage a text neuron's activation is; the span is what was embedded around it.
`relevance` is what the exemplars were ranked by where they were collected so; null otherwise."""

RANGE_TABLE = pa.schema(
    [
        ("neuron", pa.int32()),
        ("percentile", pa.float32()),
        ("sample", pa.int32()),
        ("activation", pa.float32()),
        ("embedding", pa.int32()),
    ]
)
"""Samples over a neuron's whole range, highest percentile first; on the positive ends only. Absent unless asked for."""

SURVEY_TABLE = pa.schema([("sample", pa.int32()), ("embedding", pa.int32())])
"""Samples that contrastive concept vectors took their contrasts from, whole, in the order of their lots; those of a
layer are the first `size_for(rows, units)` (domain.survey). Absent unless asked for."""

RELEVANCE_TABLE = pa.schema(
    [
        ("neuron", pa.int32()),
        ("class", pa.dictionary(pa.int32(), pa.string())),
        ("signed", pa.float32()),
        ("absolute", pa.float32()),
    ]
)

LABEL_TABLE = pa.schema(
    [
        ("neuron", pa.int32()),
        ("label", pa.string()),
        ("alignment", pa.float32()),
        ("margin", pa.float32()),
        ("p_corrected", pa.float64()),
        ("abstained", pa.string()),
        ("detection", pa.float64()),
        ("alternatives", pa.list_(pa.struct([("text", pa.string()), ("alignment", pa.float32())]))),
    ]
)
"""What neurons are called: no label where `abstained` says why. `detection` is how well the label tells a text neuron's
firing from other held-out text (AUROC). Not covered by the index's digest (labels.py)."""

THUMBNAIL_TABLE = pa.schema([("jpeg", pa.binary())])
"""Row n is the picture of row n of the exemplar vectors."""

PASSAGE_TABLE = pa.schema([("sample", pa.int32()), ("tokens", pa.list_(pa.int32()))])
"""Tokens of every passage that an exemplar, a held-out example or the survey is of, by sample."""

HEAT_TABLE = pa.schema([("activations", pa.list_(pa.float32()))])
"""Row n: the activation of each token in the span of row n of the exemplars."""

HELD_OUT_TABLE = pa.schema(
    [
        ("neuron", pa.int32()),
        ("rank", pa.int16()),
        ("sample", pa.int32()),
        ("activation", pa.float32()),
        ("token", pa.int32()),
        ("embedding", pa.int32()),
    ]
)
"""The strongest examples among passages that no exemplar is of, by neuron and rank: graphs and labels are scored on
them."""

TOKEN_TABLE = pa.schema([("piece", pa.binary()), ("special", pa.bool_())])
"""The subject's vocabulary: what row n's token stands for in a text."""

TEXT_SURVEY_TABLE = pa.schema([("sample", pa.int32()), ("token", pa.int32()), ("embedding", pa.int32())])
"""Places drawn uniformly from held-out passages; row n of text_survey.npy holds, for every neuron, the highest
activation in the span around place n, of the neuron's polarity."""

GRAPH_TABLE = pa.schema(
    [
        ("neuron", pa.int32()),
        ("tokens", pa.list_(pa.int32())),
        ("importances", pa.list_(pa.float32())),
        ("count", pa.int32()),
        ("maximum", pa.float32()),
        ("mean", pa.float32()),
        ("absorbed", pa.list_(pa.struct([("place", pa.int32()), ("token", pa.int32())]))),
    ]
)
"""A row per path of a token graph (domain.token_graphs), by neuron; −1 stands for any token, −2 for the
beginning of a text. `mean` is what is predicted at the path's end."""

GRAPH_SCORE_TABLE = pa.schema(
    [
        ("neuron", pa.int32()),
        ("precision", pa.float32()),
        ("recall", pa.float32()),
        ("f1", pa.float32()),
        ("pearson", pa.float32()),
        ("baseline_f1", pa.float32()),
        ("baseline_pearson", pa.float32()),
        ("examples", pa.int32()),
        ("failed", pa.string()),
    ]
)
"""A row per neuron that a graph was asked for: scores of firing on held-out examples, or 0 with the reason in `failed`,
which is empty otherwise. A graph whose neuron fires in none of those has paths, and fails."""

NOTHING_STORED = -1
"""Stands for 'no embedding' in the exemplars' `embedding` column."""


def staging(out: Path) -> Path:
    """Where a build works before it is renamed to `out`."""
    return _beside(out, ".building")


def retired(out: Path) -> Path:
    """Where the index that is being replaced waits until the new one stands."""
    return _beside(out, ".replaced")


def discarded(out: Path) -> Path:
    """Where a folder goes to be removed, so that it is never seen half-removed."""
    return _beside(out, ".discarded")


def graphing(out: Path) -> Path:
    """Where finished token graphs wait until all that were asked for are there."""
    return _beside(out, ".graphing")


def _beside(out: Path, ending: str) -> Path:
    named = out if out.name not in ("", "..") else out.resolve()
    return named.with_name(named.name + ending)
