"""Indexes to audit, a quick rulebook, and `lens audit` on them."""

import pytest

from indexer.pipeline import build_index
from tests.conftest import build_config

PROBES = "lesions:700,seed=22001,photos=1"
QUICK = """
schema: concept-rules/v1
ruleset: {id: quick, version: "1.0.0", title: Quick}
target: {classes: {benign: 0, malignant: 1}}
foundation_model: {name: index}
statistics: {bootstrap: 300, null_draws: 400, min_present: 40, min_absent: 40}
controls: {placebo_prompts: ["a bicycle"]}
concepts:
  - {id: asymmetry, kind: valid, prompts: ["asymmetry"], label_column: asymmetric}
  - {id: patch, kind: spurious, prompts: ["colour patch"], overlay: colour_patch, label_column: patch}
  - {id: diameter, kind: valid, assessable: never, because: no scale, needs: a scale}
rules:
  - {id: patch-flips, type: forbid, concepts: [patch], classes: [malignant], measure: flip_rate, max: 0.15,
     severity: high, blocking: true}
  - {id: patch-contrast, type: limit, concepts: [patch], classes: [malignant], measure: contrast_effect,
     adjust_for: [asymmetry], confirm_by: flip_rate, max: 0.4, severity: high, blocking: true, on_inconclusive: warn}
  - {id: patch-neurons, type: limit, concepts: [patch], measure: relevance_share, max: 0.9, severity: low}
  - {id: patch-ablated, type: limit, concepts: [patch], classes: [malignant], measure: ablation_effect, max: 2,
     severity: low}
  - {id: patch-encoded, type: limit, concepts: [patch], measure: encoded, max: 0.9, severity: low}
  - {id: diameter, type: declare, concepts: [diameter], severity: info}
"""


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """Indexes of a clean and of a leaning subject, and a quick rulebook."""
    folder = tmp_path_factory.mktemp("audit")
    for name in ("clean", "shortcut-patch"):
        build_index(
            build_config(
                folder / name, subject=f"lesion:{name}", layers=("block4",), dataset=PROBES, classes=True, exemplars=20
            )
        )
    (folder / "quick.yaml").write_text(QUICK)
    return folder


@pytest.fixture
def audit(lens_command, shelf, monkeypatch, tmp_path):
    """Run `lens audit …`; names of the shelf's things stand for their paths."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        known = {each.name: each for each in shelf.iterdir()}
        return lens_command("audit", *(known.get(each, each) for each in arguments), "--quiet")

    return run
