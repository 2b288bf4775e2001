"""A build with everything that can be asked for, broken off wherever samples are read, ends in the same bytes."""

import pytest

from indexer.collectors import activation, places, relmax
from indexer.config import ConceptConfig
from indexer.datasets.lesions.adapter import LesionDataset
from indexer.index.reader import Index
from indexer.pipeline import build_index
from tests.conftest import build_config


@pytest.mark.parametrize("crop", ["activation", "gradient"])
def test_a_rich_build_broken_off_again_and_again(tmp_path, monkeypatch, crop):
    asked = {"exemplars": 3, "collector": "relevance", "crop": crop, "percentiles": (90, 10), "survey": 12}

    def build(out, **options):
        config = build_config(out, layers=("act", "norm"), dataset="lesions:24,seed=901", batch_size=5, **asked)
        config = config.model_copy(update={"concept": ConceptConfig(vector="contrastive")})
        return build_index(config, **options)

    whole = Index.open(build(tmp_path / "whole"))
    for module in (activation, relmax):
        monkeypatch.setattr(module, "_CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setitem(places._PAIRS, crop, 6)
    real, left, broken = LesionDataset.load, [0], 0

    def load(self, number):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return real(self, number)

    monkeypatch.setattr(LesionDataset, "load", load)
    while True:
        left[0] = 23 + broken
        try:
            build(tmp_path / "broken", resume=broken > 0)
            break
        except KeyboardInterrupt:
            broken += 1
            assert broken < 60, "it never gets on"
    assert broken >= 3
    found = Index.open(tmp_path / "broken").manifest
    assert {name: each.sha256 for name, each in found.files.items()} == {
        name: each.sha256 for name, each in whole.manifest.files.items()
    }
    assert found.digest == whole.manifest.digest
