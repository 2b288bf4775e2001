"""Rules as tests: what becomes of each verdict, what is said, what is refused, and what it costs when it is off."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points

import pytest

from indexer.errors import Untrustworthy
from lens_server.audit import check
from lens_server.audit.renderers.audit_json import to_json
from lens_server.report import Control, Verdict
from lens_server.rpc.server import serve
from tests.conftest import ROOT
from tests.unit.lens_server.audit.sample_parts import finding, report, result
from tests.unit.lens_server.audit.sample_rulebooks import GOOD

pytest_plugins = ["pytester"]

INSTALLED = any(each.value == "lens_server.pytest_plugin" for each in entry_points(group="pytest11"))
BARE = ["-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:cacheprovider"]
LOADED = BARE if INSTALLED else [*BARE, "-p", "lens_server.pytest_plugin"]
RULES = ("use-shape", "no-flip", "no-gel", "share", "not-worse", "named", "no-diameter")
TINY = """\
schema: concept-rules/v1
ruleset: {id: tiny.rules, version: "1.0.0", title: Two rules}
target: {classes: {benign: 0, malignant: 1}}
foundation_model: {name: index}
statistics: {null_draws: 200, bootstrap: 200, min_present: 5, min_absent: 5}
concepts:
  - {id: patch, kind: spurious, prompts: ["colour patch"], overlay: colour_patch, label_column: patch}
  - {id: scale, kind: valid, assessable: never, because: no scale is known, needs: millimetres}
rules:
  - {id: share, type: limit, concepts: [patch], measure: relevance_share, max: 1.0, aggregate: sum, severity: low}
  - {id: no-scale, type: declare, concepts: [scale], severity: info}
"""


def found(verdicts, **parts):
    """A report with these verdicts for the rules of the good rulebook; the others pass."""
    findings = []
    for rule in RULES:
        verdict, changes = verdicts.get(rule, (Verdict.PASS, {}))
        made = finding(rule, verdict, f"What is said of {rule}.", (result("patch", verdict),))
        findings.append(replace(made, **{"blocking": True, "on_inconclusive": "warn", **changes}))
    return report(findings, **parts)


@pytest.fixture
def audited(pytester, opened_lens, monkeypatch):
    """Run pytest on an audit that ends in a given report or fault; counts how often it is asked."""
    pytester.makefile(".yaml", own=GOOD)
    asked = []

    def run(outcome, *arguments):
        def made(lens, rulebook, options, progress=None):
            asked.append(options)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(check, "run_audit", made)
        options = [f"--lens-index={opened_lens.index.folder}", "--lens-rulebook=own.yaml"]
        return pytester.runpytest_inprocess(*LOADED, *options, *arguments), asked

    return run


def test_every_rule_is_a_test_and_the_audit_runs_once(audited):
    ended, asked = audited(found({}), "-v")
    ended.assert_outcomes(passed=len(RULES) + 1)
    ended.stdout.fnmatch_lines([*(f"lens::own.yaml::{rule} PASSED*" for rule in (*RULES, "controls"))])
    assert ended.ret == 0
    assert len(asked) == 1
    assert dict(asked[0].lines)["use-shape"] > 1


def test_every_verdict(audited):
    """Failed, warned of, undecided, skipped: as the exit status of the audit has it."""
    verdicts = {
        "use-shape": (Verdict.FAIL, {}),
        "no-flip": (Verdict.INCONCLUSIVE, {"on_inconclusive": "fail"}),
        "no-gel": (Verdict.INCONCLUSIVE, {}),
        "share": (Verdict.FAIL, {"blocking": False}),
        "not-worse": (Verdict.WAIVED, {"on_inconclusive": "fail"}),
        "named": (Verdict.NOT_ASSESSABLE, {"on_inconclusive": "fail"}),
        "no-diameter": (Verdict.NOT_ASSESSABLE, {"blocking": False}),
    }
    ended, _ = audited(found(verdicts), "-v", "-rs")
    ended.assert_outcomes(passed=2, failed=3, skipped=3, warnings=1)
    assert ended.ret == 1
    lines = ended.outlines
    for rule, word in (("use-shape", "FAILED"), ("no-flip", "FAILED"), ("no-gel", "SKIPPED"), ("share", "PASSED")):
        assert any(line.startswith(f"lens::own.yaml::{rule} {word}") for line in lines), rule
    ended.stdout.fnmatch_lines_random(
        [
            "FAIL: What is said of use-shape.",
            "INCONCLUSIVE: What is said of no-flip.",
            "NOT ASSESSABLE: What is said of named.",
            "*waived: What is said of not-worse.",
            "*inconclusive: What is said of no-gel.",
            "*RuleWarning: lens::own.yaml::share: What is said of share.",
        ]
    )
    assert "Traceback" not in ended.stdout.str()
    assert "pytest_plugin.py" not in "".join(line for line in lines if "Error" in line)


def test_a_failure_says_the_numbers(audited):
    """Each claim with its interval, its limit and what it rests on."""
    ended, _ = audited(found({"use-shape": (Verdict.FAIL, {"remediation": "Retrain."})}))
    ended.stdout.fnmatch_lines(["  FAIL patch *, limit *", "Remedy: Retrain."])


def test_a_failed_control_fails(audited):
    """But not a concept that nobody can see: that is not assessable."""
    seen = Control("competence", "gel", False, 0.5, 0.8, "The foundation model cannot see gel.")
    ended, _ = audited(found({}, controls=(seen,)))
    assert ended.ret == 0
    placebo = Control("placebo", "a bicycle", False, 4.0, 0.0, "4 neurons are flagged for a bicycle.")
    ended, _ = audited(found({}, controls=(placebo, seen)))
    ended.assert_outcomes(passed=len(RULES), failed=1)
    ended.stdout.fnmatch_lines(["control a bicycle: 4 neurons are flagged for a bicycle."])


def test_nothing_evaluated_is_no_pass(audited):
    """All skipped would look green."""
    verdicts = {rule: (Verdict.NOT_ASSESSABLE, {}) for rule in RULES}
    ended, _ = audited(found(verdicts, exit_status=5, sentence="Nothing was evaluated."))
    ended.assert_outcomes(skipped=len(RULES), failed=1)
    ended.stdout.fnmatch_lines(["Nothing was evaluated."])


def test_an_audit_that_cannot_be_made_fails_every_rule(audited):
    """With its cure, once asked."""
    ended, asked = audited(Untrustworthy("A foreign space.", hint="Build it again."))
    ended.assert_outcomes(failed=len(RULES) + 1)
    ended.stdout.fnmatch_lines(["A foreign space.", "  Build it again."])
    assert len(asked) == 1


def test_an_internal_fault_keeps_its_traceback(audited):
    """It is ours to mend."""
    ended, _ = audited(RuntimeError("odd"), "-k", "use-shape")
    ended.stdout.fnmatch_lines(["*RuntimeError: odd"])


def test_rules_are_chosen_like_tests(audited, pytester):
    """By -k, beside tests of the project's own."""
    pytester.makepyfile("def test_own(): pass")
    ended, _ = audited(found({}), "-v", "-k", "own or no-flip")
    ended.stdout.fnmatch_lines(["test_*::test_own PASSED*", "lens::own.yaml::no-flip PASSED*"])
    ended, asked = audited(found({}), "--collect-only", "-q")
    ended.stdout.fnmatch_lines(["lens::own.yaml::controls"])
    assert len(asked) == 1, "collecting audits nothing"


def test_baseline_and_waivers_reach_the_audit(audited, pytester):
    """As files."""
    earlier = found({})
    pytester.makefile(".json", earlier=to_json(earlier))
    pytester.makefile(".yaml", waivers="schema: concept-waivers/v1\nwaivers: []\n")
    _, asked = audited(found({}), "--lens-baseline", "earlier.json", "--lens-waivers", "waivers.yaml")
    assert asked[0].baseline == earlier
    assert asked[0].waivers.waivers == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lens-index", "clean"], "--lens-index needs --lens-rulebook"),
        (["--lens-waivers", "w.yaml"], "needs --lens-index and --lens-rulebook"),
        (["--lens-index", "clean", "--lens-rulebook", "abcd"], "Did you mean 'abcde'"),
        (["--lens-index", "clean", "--lens-rulebook", "bad.yaml"], "bad.yaml has 6 faults"),
        (["--lens-index", "clean", "--lens-rulebook", "abcde"], "clean"),
    ],
    ids=["no-rulebook", "no-index", "unknown-rulebook", "bad-rulebook", "no-such-index"],
)
def test_bad_usage(pytester, arguments, said):
    """Exit 4, pytest's own for usage, and the message."""
    pytester.makefile(".yaml", bad="schema: x\n")
    ended = pytester.runpytest_inprocess(*LOADED, *arguments)
    assert ended.ret == pytest.ExitCode.USAGE_ERROR
    assert said in ended.stderr.str() + ended.stdout.str()


def test_a_real_audit_of_a_folder_and_of_a_server(pytester, opened_lens):
    """Both doors, the same tests."""
    pytester.makefile(".yaml", tiny=TINY)
    with serve({"clean": opened_lens}, "127.0.0.1:0") as running:
        for index in (str(opened_lens.index.folder), f"grpc://127.0.0.1:{running.port}/clean"):
            arguments = (f"--lens-index={index}", "--lens-rulebook=tiny.yaml", "-v")
            ended = pytester.run(sys.executable, "-m", "pytest", *LOADED, *arguments, timeout=120)
            ended.assert_outcomes(passed=2, skipped=1)
            ended.stdout.fnmatch_lines(["lens::tiny.yaml::share PASSED*", "lens::tiny.yaml::no-scale SKIPPED*"])


def test_it_is_light_when_it_is_off():
    """Every pytest run of the environment imports it."""
    code = (
        "import sys, lens_server.pytest_plugin; heavy = {'numpy', 'grpc', 'google.protobuf', 'ruamel', 'pydantic'}; "
        "print(sorted(heavy & set(sys.modules)), [each for each in sys.modules if each.startswith('lens_server.')])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[] ['lens_server.pytest_plugin']"


def test_without_options_nothing_is_collected(pytester):
    """As if it were not there."""
    ended = pytester.runpytest_inprocess(*LOADED)
    ended.assert_outcomes()
    assert ended.ret == pytest.ExitCode.NO_TESTS_COLLECTED
