"""The audit as an engineer, an auditor and CI run it: real indexes, the command line, its reports."""

import json
import subprocess
import sys

import pytest

from tests.journeys.conftest import QUICK


def test_a_clean_subject_passes_and_a_leaning_one_fails(audit, tmp_path):
    status, out, err = audit("clean", "quick.yaml", "--out", tmp_path / "clean.json")
    assert status == 0, out + err
    status, out, err = audit(
        "shortcut-patch", "quick.yaml", "--out", tmp_path / "bad.json", "--out", tmp_path / "b.html"
    )
    assert status == 1, out + err
    report = json.loads((tmp_path / "bad.json").read_text())
    failing = {each["rule"] for each in report["findings"] if each["verdict"] == "fail"}
    assert failing == {"patch-flips", "patch-contrast"}
    deciding = next(each for each in report["findings"] if each["rule"] == "patch-flips")["results"][0]
    assert deciding["estimate"] > 0.2 and deciding["lower"] > 0.15
    assert deciding["pairs"][0]["flipped"] and deciding["witnesses"]
    assert [each["strength"] for each in deciding["doses"]] == [0.25, 0.5, 0.75, 1.0]
    assert "<html" in (tmp_path / "b.html").read_text()
    contrast = next(each for each in report["findings"] if each["rule"] == "patch-contrast")["results"][0]
    assert contrast["confirmation"]["outcome"] == "confirmed"


def test_two_runs_give_the_same_bytes_but_for_the_times(audit, tmp_path):
    texts = []
    for name in ("one.json", "two.json"):
        audit("shortcut-patch", "quick.yaml", "--out", tmp_path / name)
        report = json.loads((tmp_path / name).read_text())
        report["provenance"]["started"] = report["provenance"]["finished"] = ""
        texts.append(json.dumps(report))
    assert texts[0] == texts[1]


def test_presence_read_by_the_foundation_model_agrees(audit):
    assert audit("shortcut-patch", "quick.yaml", "--presence", "foundation")[0] == 1
    assert audit("clean", "quick.yaml", "--presence", "foundation")[0] == 0


def test_warn_only_maps_one_and_says_so(audit, tmp_path):
    status, out, _ = audit("shortcut-patch", "quick.yaml", "--warn-only", "--out", tmp_path / "r.json")
    assert status == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["exit_status"] == 1 and report["verdict"] == "fail" and report["warn_only"]
    assert "warn" in out.lower()


def test_without_interventions_nothing_that_needs_them_passes(audit, tmp_path):
    status, _, _ = audit("clean", "quick.yaml", "--no-interventions", "--out", tmp_path / "r.json")
    assert status == 3
    report = json.loads((tmp_path / "r.json").read_text())
    verdicts = {each["rule"]: each["verdict"] for each in report["findings"]}
    assert verdicts["patch-flips"] == verdicts["patch-ablated"] == "inconclusive"
    assert verdicts["patch-contrast"] == "pass"


def test_a_lock_answers_without_torch_and_a_stale_one_is_refused(audit, shelf, tmp_path):
    book = tmp_path / "locked.yaml"
    book.write_text(QUICK)
    assert audit("clean", book, "--lock")[0] == 0
    code = (
        "import sys\nfrom lens_server.cli.main import main\n"
        f"sys.argv = ['lens', 'audit', {str(shelf / 'shortcut-patch')!r}, {str(book)!r}, '--no-interventions', '-q']\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    print('ended', ended.code, 'torch' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert ran.stdout.endswith("ended 1 False\n"), ran.stdout[-600:] + ran.stderr
    book.write_text(QUICK.replace("colour patch", "sticker"))
    status, _, err = audit("clean", book)
    assert status == 4 and "stale" in err and "--lock" in err
    book.write_text(QUICK.replace("max: 0.9, severity: low", "max: 0.8, severity: low"))
    assert audit("clean", book, "--no-interventions")[0] == 3  # limits may change under a lock
    (tmp_path / "locked.yaml.lock").write_text("{}")
    assert audit("clean", book)[0] == 2


def test_a_baseline_tells_new_from_known(audit, tmp_path):
    audit("clean", "quick.yaml", "--out", tmp_path / "before.json")
    audit("shortcut-patch", "quick.yaml", "--baseline", tmp_path / "before.json", "--out", tmp_path / "after.json")
    after = json.loads((tmp_path / "after.json").read_text())
    assert {each["rule"]: each["change"] for each in after["findings"]}["patch-flips"] == "new"
    audit("clean", "quick.yaml", "--baseline", tmp_path / "after.json", "--out", tmp_path / "fixed.json")
    assert "patch-flips" in json.loads((tmp_path / "fixed.json").read_text())["fixed"]


COMPARE = QUICK + (
    "  - {id: not-worse, type: compare, concepts: [patch], classes: [malignant], measure: intervention_effect,\n"
    "     baseline: 'file:none.json', max_increase: 0.2, severity: high, blocking: true}\n"
    "  - {id: patch-effect, type: forbid, concepts: [patch], classes: [malignant], measure: intervention_effect,\n"
    "     max: 9, severity: low}\n"
)


def test_a_comparison_fails_when_a_model_leans_more_and_refuses_what_cannot_be_compared(audit, tmp_path):
    book = tmp_path / "compare.yaml"
    book.write_text(COMPARE)
    assert audit("clean", book, "--out", tmp_path / "before.json")[0] == 3  # nothing to compare with
    status, out, _ = audit("shortcut-patch", book, "--baseline", tmp_path / "before.json", "--out", tmp_path / "r.json")
    assert status == 1
    report = json.loads((tmp_path / "r.json").read_text())
    assert {each["rule"]: each["verdict"] for each in report["findings"]}["not-worse"] == "fail"
    before = json.loads((tmp_path / "before.json").read_text())
    before["provenance"]["probe_set_digest"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(before))
    status, _, err = audit("clean", book, "--baseline", tmp_path / "other.json")
    assert status == 4 and "probe set" in err


def test_a_waiver_covers_a_failure_until_it_expires(audit, tmp_path):
    waiver = """
schema: concept-waivers/v1
waivers:
  - {{id: W-1, rule: patch-flips, concepts: [patch], classes: [malignant], model: any, reason: known, ticket: T-1,
     accepted: {{measure: flip_rate, upper_bound: 0.9}}, approved_by: a@example.org,
     created: "{created}", expires: "{expires}"}}
  - {{id: W-2, rule: patch-contrast, concepts: [patch], classes: [malignant], model: any, reason: known, ticket: T-1,
     accepted: {{measure: contrast_effect, upper_bound: 3}}, approved_by: a@example.org,
     created: "{created}", expires: "{expires}"}}
"""
    path = tmp_path / "waivers.yaml"
    path.write_text(waiver.format(created="2099-01-01", expires="2099-02-01"))
    assert audit("shortcut-patch", "quick.yaml", "--waivers", path)[0] == 1  # not valid yet
    from datetime import UTC, datetime, timedelta

    today = datetime.now(UTC).date()
    path.write_text(waiver.format(created=today, expires=today + timedelta(days=30)))
    status, out, err = audit("shortcut-patch", "quick.yaml", "--waivers", path)
    assert status == 0 and "WAIVED" in out, out + err
    path.write_text(waiver.format(created=today - timedelta(days=60), expires=today - timedelta(days=1)))
    assert audit("shortcut-patch", "quick.yaml", "--waivers", path)[0] == 1


def test_explain_lint_and_mistyped_names(lens_command, shelf):
    status, out, _ = lens_command("audit", shelf / "quick.yaml", "--explain", "patch-flips")
    assert status == 0 and "pasted" in out
    status, _, err = lens_command("audit", shelf / "quick.yaml", "--explain", "patch-flip")
    assert status == 2 and "patch-flips" in err
    assert lens_command("audit", "lesions", "--lint")[0] == 0
    status, _, err = lens_command("audit", shelf / "clean", "lesion")
    assert status == 2 and "lesions" in err
    status, _, err = lens_command("audit", shelf / "nothing", "lesions")
    assert status == 2 and "lens build" in err


@pytest.mark.parametrize("format", ["text", "json", "junit", "sarif", "md", "github", "html"])
def test_every_format_is_printed(audit, format):
    status, out, err = audit("shortcut-patch", "quick.yaml", "--no-interventions", "--format", format)
    assert status == 1, err
    assert "patch-contrast" in out
