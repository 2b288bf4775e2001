"""Cards of an index with all that can be asked for: relevance, places, ranges, contrastive vectors."""

import io

import numpy as np
import pytest
from PIL import Image

from indexer.config import ConceptConfig
from indexer.index.files import RANGE
from lens_client import LensClient
from lens_server.cli import output
from lens_server.lens import Lens
from lens_server.pictures import card_picture
from lens_server.rpc.server import serve
from tests.conftest import build_config

PERCENTILES = (100.0, 50.0, 0.0)


def build(out, layers=("act",), *, add=False, vector="contrastive", **collect):
    from indexer.pipeline import build_index

    config = build_config(out, layers=layers, exemplars=4, survey=20, **collect)
    concept = ConceptConfig(vector=vector)
    return Lens.open(build_index(config.model_copy(update={"concept": concept}), add=add))


@pytest.fixture(scope="module")
def rich(tmp_path_factory):
    out = tmp_path_factory.mktemp("rich") / "index"
    asked = {"collector": "relevance", "crop": "activation", "percentiles": PERCENTILES}
    return build(out, ("block4",), subject="lesion:clean", **asked)


def card(lens, **options):
    alive = next(each for each in lens.neurons().neurons if each.exemplar_count)
    return lens.neuron(alive.id, similar=0, **options)


def test_a_card_tells_what_ranked_and_where(rich):
    shown = card(rich).exemplars
    assert [each.relevance for each in shown] == sorted((each.relevance for each in shown), reverse=True)
    boxes = [each.box for each in shown if each.box]
    assert boxes
    assert all(0 <= each.left < each.right <= 1 for each in boxes)


def test_a_card_tells_the_whole_range(rich):
    found = card(rich).range
    assert tuple(each.percentile for each in found) == PERCENTILES
    assert found[0].activation > found[2].activation
    assert found[0].activation >= found[1].activation >= found[2].activation
    assert all(each.thumbnail is None for each in found)
    assert Image.open(io.BytesIO(card(rich, thumbnails=True).range[0].thumbnail)).size


def test_a_plain_index_has_neither(opened_lens):
    plain = card(opened_lens)
    assert plain.range == ()
    assert {(each.relevance, each.box) for each in plain.exemplars} == {(None, None)}


def test_the_client_is_told_the_same(rich):
    with serve({"rich": rich}, "127.0.0.1:0") as running, LensClient(f"grpc://127.0.0.1:{running.port}/rich") as client:
        assert card(client, thumbnails=True) == card(rich, thumbnails=True)
        assert client.describe().layers == rich.describe().layers


def test_the_layers_tell_how_they_were_made(rich, capsys):
    (layer,) = rich.describe().layers
    assert (layer.collector, layer.crop, layer.concept_vector) == ("relevance", "activation", "contrastive, gamma 0.5")
    output.print_index(rich.describe())
    assert "block4: exemplars by relevance; the part of each that its activation points at" in capsys.readouterr().out


def test_the_terminal_shows_them(rich, capsys):
    output.print_card(card(rich))
    shown = capsys.readouterr().out
    assert "relevance" in shown and "part of the image" in shown and "Over its whole range" in shown


def test_the_picture_has_a_row_for_the_range(rich):
    from dataclasses import replace

    full = card(rich, thumbnails=True)
    with_range, without = card_picture(full), card_picture(replace(full, range=()))
    assert with_range.height > without.height
    assert np.asarray(with_range)[without.height :].std() > 10, "pictures are drawn there"


def test_dead_neurons_have_no_range(tmp_path):
    lens = build(
        tmp_path / "index", subject="python:tests.nets:signs", layers=("units",), percentiles=(50,), vector="mean"
    )
    assert lens.neuron("units/0").range
    for dead in ("units/1", "units/3", "units/4", "units/1-"):
        assert lens.neuron(dead).range == ()


def test_ranges_grow_with_the_layers(tmp_path):
    from indexer.index.reader import Index

    asked = {"percentiles": (90, 10), "vector": "contrastive"}
    build(tmp_path / "index", **asked)
    before = Index.open(tmp_path / "index")
    lens = build(tmp_path / "index", layers=("norm", "conv"), add=True, **asked)
    index = Index.open(tmp_path / "index")
    assert (index.folder / RANGE).exists()
    for neuron in lens.neurons().neurons:
        if neuron.exemplar_count and neuron.polarity > 0:
            assert tuple(each.percentile for each in lens.neuron(neuron.id).range) == (90.0, 10.0), neuron.id
    stored = index.ranges("sample", "embedding").to_pandas()
    assert stored.groupby("sample")["embedding"].nunique().max() == 1, "a whole image is embedded once"
    assert index.survey.equals(before.survey), "the same samples drew the lowest lots"
