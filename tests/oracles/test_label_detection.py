"""Labels of text neurons: each one's detection, counted pair by pair from the stored tables."""

import numpy as np
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch")

from indexer.catalogue import FOUNDATION_MODELS
from indexer.config import BuildConfig
from indexer.domain.embeddings import text_probes
from indexer.domain.neurons import NeuronId
from indexer.index import files
from indexer.pipeline import build_index
from lens_server.lens import Lens
from tests.oracles import textbook

WORDS = ("comma", "closing bracket", "import statement", "number", "function name")


@pytest.fixture(scope="module")
def lens(tmp_path_factory):
    stages = {
        "subject": {"name": "tiny-text:grammar"},
        "dataset": {"name": "grammar:150,seed=3"},
        "collect": {"layers": ["blocks.0.mlp.act", "blocks.0.mlp.up"], "exemplars": 6, "polarity": "both"},
        "foundation": {"name": "tiny-code"},
        "out": tmp_path_factory.mktemp("texts") / "index",
    }
    return Lens.open(build_index(BuildConfig.model_validate(stages)))


def test_every_name_is_scored_on_held_out_text(lens):
    folder = lens.index.folder
    held = pq.read_table(folder / files.HELD_OUT).to_pylist()
    survey = pq.read_table(folder / files.TEXT_SURVEY)["embedding"].to_pylist()
    surveyed = np.load(folder / files.TEXT_SURVEY_ACTIVATIONS)
    vectors, table = lens.index.exemplar_vectors, lens.index.neurons
    model = FOUNDATION_MODELS.load("tiny-code")
    probes = dict(zip(WORDS, text_probes(WORDS, ("{}",), model.embed_texts), strict=True))
    scored = 0
    for label in lens.label(WORDS, alpha=0.99, min_clarity=-1.0):
        if label.text is None:
            assert label.detection is None
            continue
        row = table.row(NeuronId.parse(label.neuron.id))
        sign, highest = int(table.polarity[row]), abs(float(table.strongest[row]))
        firing = [e["embedding"] for e in held if e["neuron"] == row and sign * e["activation"] >= highest / 2]
        silent = [e for e, value in zip(survey, surveyed[:, row], strict=True) if sign * value < highest / 2]
        if min(len(firing), len(silent)) < 3:
            assert label.detection is None
            continue
        positive, negative = (vectors[numbers] @ probes[label.text] for numbers in (firing, silent))
        # Products in other company may break ties otherwise.
        assert label.detection == pytest.approx(textbook.detection_area(positive, negative), abs=0.02)
        scored += 1
    assert scored >= 10


def test_a_neuron_that_nothing_is_said_of_is_left_unnamed(lens):
    found = list(lens.label(WORDS))
    assert {each.abstained for each in found} - {None}
    assert all((each.text is None) == (each.abstained is not None) for each in found)
