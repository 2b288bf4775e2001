"""What the command line says of text subjects, and of corpora that are none."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("tokenizers")

STDLIB = ("build", "--subject", "tiny-text:stdlib")


def test_layers_are_listed(lens_command):
    status, out, _ = lens_command(*STDLIB, "--list-layers", "--layers", "blocks.*.mlp.act")
    assert status == 0 and out.count("512 neurons") == 3 and "blocks.2.mlp.act" in out
    status, out, _ = lens_command(*STDLIB, "--list-layers")
    assert "blocks.0.mlp_norm.in" in out, "the residual stream between attention and MLP"


def test_a_layer_that_is_none(lens_command):
    status, _, err = lens_command(*STDLIB, "--list-layers", "--layers", "blocks.0.mlp.akt")
    assert status and "No layer named 'blocks.0.mlp.akt'" in err and "blocks.0.mlp.act" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ("parquet:{folder}/texts.parquet,text=bodi", "Did you mean 'body'"),
        ("parquet:{folder}/text.parquet,text=body", "texts.parquet"),
        ("parquet:{folder}/texts.parquet,text=number", "not texts"),
        ("text:{folder}/nothing", "There is nothing at"),
        ("text:{folder}", "No texts below"),
        ("stdlib:3.11", "takes no argument"),
    ],
)
def test_corpora_that_are_none(lens_command, tmp_path, dataset, said):
    pq.write_table(pa.table({"body": ["a text"], "number": [1]}), tmp_path / "texts.parquet")
    asked = ("--layers", "blocks.2.mlp.act", "--foundation", "tiny-clip", "--out", tmp_path / "index")
    status, out, err = lens_command(*STDLIB, "--dataset", dataset.format(folder=tmp_path), *asked)
    assert status and said.lower() in (out + err).replace("\n", " ").lower()
    assert "Traceback" not in out + err and not (tmp_path / "index").exists()
