"""What an audit refuses, and with which exit status."""

import shutil

import numpy as np
import pytest

from indexer.index.files import LOGITS
from indexer.index.manifest import file_record, read_manifest
from indexer.pipeline import build_index
from tests.conftest import build_config
from tests.journeys.conftest import PROBES, QUICK


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("malignant: 1", "malignant: 7", "output 7"),
        ("malignant: 1", "malignant: 0, benign: 1", "subject says"),
        ("{benign: 0, malignant: 1}}", "{benign: 0, malignant: 1}, layers: [block9]}", "block9"),
        ("label_column: patch", "label_column: pach", "'patch'"),
        ("{benign: 0, malignant: 1}}", "{benign: 0, malignant: 1}, group_by: patient}", "patient"),
    ],
)
def test_what_the_index_has_not_is_bad_input(audit, tmp_path, old, new, said):
    book = tmp_path / "wrong.yaml"
    text = QUICK.replace(old, new)
    if "malignant: 0, benign" in new:
        text = QUICK.replace("{benign: 0, malignant: 1}", "{malignant: 0, benign: 1}")
    book.write_text(text)
    status, out, err = audit("clean", book)
    assert status == 2, out
    assert said in err and "Traceback" not in err


def test_an_empty_rulebook_is_five(audit, tmp_path):
    (tmp_path / "empty.yaml").write_text("")
    assert audit("clean", tmp_path / "empty.yaml")[0] == 5
    (tmp_path / "norules.yaml").write_text(
        QUICK[: QUICK.index("rules:\n")].replace("  - {id: diameter", "#") + "rules: []\n"
    )
    status, out, err = audit("clean", tmp_path / "norules.yaml")
    assert status == 5, out + err


def test_a_foreign_space_is_four(audit, tmp_path):
    (tmp_path / "foreign.yaml").write_text(QUICK.replace("{name: index}", "{name: 'open_clip:ViT-B-32/openai'}"))
    status, _, err = audit("clean", tmp_path / "foreign.yaml")
    assert status == 4 and "ViT-B-32" in err
    digest = "0" * 64
    (tmp_path / "foreign.yaml").write_text(
        QUICK.replace("{name: index}", f"{{name: index, weights_sha256: '{digest}'}}")
    )
    assert audit("clean", tmp_path / "foreign.yaml")[0] == 4


def test_a_tampered_index_is_four(audit, shelf, tmp_path):
    shutil.copytree(shelf / "clean", tmp_path / "tampered")
    logits = np.load(tmp_path / "tampered" / LOGITS)
    logits[0] += 1
    np.save(tmp_path / "tampered" / LOGITS, logits)
    status, _, err = audit(tmp_path / "tampered", "quick.yaml")
    assert status == 4 and LOGITS in err


def test_logits_that_are_not_finite_are_four(audit, shelf, tmp_path):
    """As a broken subject would have left them: the digests agree."""
    folder = tmp_path / "broken"
    shutil.copytree(shelf / "clean", folder)
    logits = np.load(folder / LOGITS)
    logits[3] = np.inf
    np.save(folder / LOGITS, logits)
    manifest = read_manifest(folder)
    files = {**manifest.files, LOGITS: file_record(folder / LOGITS)}
    manifest.model_copy(update={"files": files}).sealed().write(folder)
    status, _, err = audit(folder, "quick.yaml")
    assert status == 4 and "not finite" in err


def test_an_overlap_with_the_training_set_is_four(audit):
    status, _, err = audit("clean", "quick.yaml", "--training", "lesions:30,seed=22001,photos=1")
    assert status == 4 and "training" in err
    assert audit("clean", "quick.yaml", "--no-interventions", "--training", "lesions:30,seed=22002,photos=1")[0] == 3


def test_a_small_probe_set_is_inconclusive_not_a_crash(lens_command, shelf, tmp_path):
    build_index(
        build_config(
            tmp_path / "small", subject="lesion:clean", layers=("block4",), dataset="lesions:40,seed=5", classes=True
        )
    )
    status, out, err = lens_command("audit", tmp_path / "small", shelf / "quick.yaml", "--quiet")
    assert status == 3, out + err
    assert "INCONCLUSIVE" in out


def test_dead_neurons_are_no_crash(lens_command, shelf, tmp_path):
    build_index(
        build_config(
            tmp_path / "dead",
            subject="python:tests.nets:dead_classifier",
            layers=("act",),
            dataset=PROBES,
            classes=True,
        )
    )
    status, out, err = lens_command("audit", tmp_path / "dead", shelf / "quick.yaml", "--quiet")
    assert status == 3, out + err
    assert "0 neurons of act" in out and "Traceback" not in err


def test_an_internal_error_is_seventy(audit, monkeypatch):
    def broken(*_):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("lens_server.cli.audit.run_audit", broken)
    status, _, err = audit("clean", "quick.yaml")
    assert status == 70 and "internal error" in err
