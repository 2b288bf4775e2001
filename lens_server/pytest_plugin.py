"""Rules as tests: `pytest --lens-index INDEX --lens-rulebook RULEBOOK` gives each rule of a rulebook a test id.

A broken rule fails when it is blocking and warns when it is not; a blocking one that must not stay undecided fails as
such; whatever else is undecided, not assessable or waived is skipped with its reason. One more test holds the controls:
together they fail where `lens audit` does not end with 0. The audit runs once, when the first of them does; without the
options nothing is collected and nothing imported.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lens_server.audit.reading import ReadRulebook
    from lens_server.lens import Lens
    from lens_server.report import Finding, Report

CONTROLS = "controls"
_OPTIONS = {
    "--lens-index": "Judge this index (a folder, or grpc://host:port/index): a test for each rule of --lens-rulebook.",
    "--lens-rulebook": "The rulebook: a YAML file, or a shipped one (abcde, seven-point, backgrounds, lesions).",
    "--lens-baseline": "An earlier audit.json to compare with.",
    "--lens-waivers": "A YAML file of waivers.",
}
_NOTHING = 5
"""Exit status of an audit that evaluated nothing."""


class RuleWarning(pytest.PytestWarning):
    """A rule that does not block is broken."""


class RuleBroken(Exception):
    """A rule is not kept, or cannot be said to be."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; all of them are off by default."""
    group = parser.getgroup("lens", "audit of an index by a rulebook")
    for name, help_ in _OPTIONS.items():
        group.addoption(name, metavar=name.rpartition("-")[2].upper(), default=None, help=help_)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse half of what an audit needs."""
    given = [name for name in _OPTIONS if config.getoption(name) is not None]
    missing = [name for name in ("--lens-index", "--lens-rulebook") if name not in given]
    if given and missing:
        raise pytest.UsageError(f"{given[0]} needs {' and '.join(missing)}.")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test for each rule and one for the controls; raises UsageError for a rulebook that cannot be taken."""
    if config.getoption("--lens-index") is not None:
        items.extend(_tests(session, _Audit(config)))


def _tests(session: pytest.Session, audit: "_Audit") -> "Iterator[_Test]":
    for rule in audit.read.rulebook.rules:
        yield _RuleTest.of(session, audit, rule.id)
    yield _ControlsTest.of(session, audit, CONTROLS)


class _Audit:
    """One audit, made when first asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self.index, self.rulebook = config.getoption("--lens-index"), config.getoption("--lens-rulebook")
        self.baseline, self.waivers = (_path(config.getoption(f"--lens-{each}")) for each in ("baseline", "waivers"))
        self.read = self._read()
        self.lens = self._opened()

    def _read(self) -> "ReadRulebook":
        from indexer.errors import LensError
        from lens_server.audit.reading import read_rulebook

        try:
            return read_rulebook(self.rulebook)
        except LensError as fault:
            raise pytest.UsageError(str(fault)) from None

    def _opened(self) -> "Lens | None":
        """The index, where it is a folder."""
        from indexer.errors import LensError
        from lens_server.lens import Lens

        if self.index.startswith("grpc://"):
            return None
        try:
            return Lens.open(self.index)
        except LensError as fault:
            raise pytest.UsageError(str(fault)) from None

    @cached_property
    def outcome(self) -> "Report | Exception":
        """The report, or why there is none; the audit is not tried again."""
        try:
            return self._asked_here(self.lens) if self.lens is not None else self._asked_there()
        except Exception as fault:
            return fault

    @property
    def report(self) -> "Report":
        """The report; raises what kept the audit from making one."""
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def _asked_here(self, lens: "Lens") -> "Report":
        from lens_server.audit.baseline import read_baseline
        from lens_server.audit.check import AuditOptions, run_audit
        from lens_server.audit.lock import held_lock
        from lens_server.audit.waivers import read_waivers

        options = AuditOptions(
            name=self.read.path,
            lines=tuple(self.read.lines.items()),
            waivers=read_waivers(self.waivers) if self.waivers is not None else None,
            baseline=read_baseline(self.baseline, self.read.rulebook),
            lock=held_lock(self.rulebook),
        )
        return run_audit(lens, self.read.rulebook, options)

    def _asked_there(self) -> "Report":
        from lens_client import LensClient
        from lens_server.audit.lock import lock_path
        from lens_server.audit.reading import SHIPPED

        held = lock_path(self.rulebook)
        lock = held if held.is_file() else None
        source = self.rulebook if self.rulebook in SHIPPED else Path(self.rulebook)
        with LensClient(self.index) as client:
            return client.audit(source, waivers=self.waivers, baseline=self.baseline, lock=lock)


class _Test(pytest.Item):
    """A part of the audit as a test."""

    audit: _Audit

    @classmethod
    def of(cls, session: pytest.Session, audit: _Audit, name: str) -> "_Test":
        """The test `lens::RULEBOOK::NAME`."""
        made: _Test = cls.from_parent(session, name=name, nodeid=f"lens::{audit.rulebook}::{name}")
        made.audit = audit
        return made

    def repr_failure(  # type: ignore[override]  # a text is enough
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> object:
        """The finding in words; a traceback only for what nobody meant."""
        from indexer.errors import LensError
        from lens_client import LensServerError

        if isinstance(excinfo.value, RuleBroken | LensError | LensServerError | OSError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the rule stands."""
        path = Path(self.audit.rulebook)
        line = self.audit.read.lines.get(self.name)
        return (
            (path if path.is_file() else self.path),
            (line - 1 if line else None),
            f"{self.audit.rulebook}: {self.name}",
        )


class _RuleTest(_Test):
    def runtest(self) -> None:
        """Judge by the finding."""
        from lens_server.report import Verdict

        finding = next(each for each in self.audit.report.findings if each.rule == self.name)
        if finding.verdict is Verdict.PASS:
            return
        if finding.verdict is Verdict.FAIL:
            if finding.blocking:
                raise RuleBroken(_told(finding))
            self.warn(RuleWarning(f"{self.nodeid}: {finding.sentence}"))
        elif finding.verdict is not Verdict.WAIVED and finding.blocking and finding.on_inconclusive == "fail":
            raise RuleBroken(_told(finding))  # as the exit status has it: absence of evidence is no pass
        else:
            pytest.skip(f"{finding.verdict.value}: {finding.sentence}")


class _ControlsTest(_Test):
    def runtest(self) -> None:
        """Fail when a control did, or when nothing was evaluated: such an audit proves nothing."""
        from lens_server.audit.renderers.wording import failed_controls

        report = self.audit.report
        if failed := failed_controls(report):
            raise RuleBroken("\n".join(f"control {each.name}: {each.sentence}" for each in failed))
        if report.exit_status == _NOTHING:
            raise RuleBroken(report.sentence)


def _told(finding: "Finding") -> str:
    """The verdict in words, and the numbers of every claim, the worst first."""
    from lens_server.audit.renderers import wording

    lines = [f"{wording.word(finding.verdict)}: {finding.sentence}", wording.kind(finding)]
    for result in wording.ranked_results(finding):
        lines.append(
            f"  {wording.word(result.verdict)} {wording.claim(result)}: {wording.interval(result)}, "
            f"limit {wording.limit(finding, result)} ({wording.sample(result)})"
        )
        lines += [f"    {each}" for each in wording.caveats(result, finding)]
        if result.witnesses:
            lines.append("    neurons: " + ", ".join(each.neuron for each in result.witnesses))
        flipped = [each.key for each in result.pairs if each.flipped]
        if flipped:
            lines.append("    decisions that change: " + ", ".join(flipped))
    lines += [f"Why: {finding.rationale}"] if finding.rationale else []
    lines += [f"Remedy: {finding.remediation}"] if finding.remediation else []
    return "\n".join(lines)


def _path(given: str | None) -> Path | None:
    return None if given is None else Path(given)
