"""An audit over the wire: what reaches it, what is refused, how it is watched and stopped."""

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from indexer.errors import Untrustworthy
from lens_server.audit.check import AuditOptions
from lens_server.audit.renderers.audit_json import to_json
from lens_server.report import Report
from lens_server.rpc import audits
from lens_server.rpc.server import ServerOptions, serve
from lens_server.v1.audit_service_pb2 import (
    PRESENCE_FOUNDATION,
    DiffIndexesRequest,
    RunAuditRequest,
    RunAuditResponse,
)
from lens_server.v1.audit_service_pb2_grpc import AuditServiceStub
from lens_server.v1.label_pb2 import Vocabulary
from lens_server.wire import from_message
from tests.unit.lens_server.audit.sample_reports import failing_shortcut
from tests.unit.lens_server.audit.sample_rulebooks import GOOD, changed
from tests.unit.lens_server.rpc.fake_lens import FakeLens
from tests.unit.lens_server.rpc.test_status import told

WAIVERS = b"schema: concept-waivers/v1\nwaivers: []\n"
LESIONS = RunAuditRequest(shipped="lesions")


class Desk:
    """Stands in for `run_audit`: says what it was asked, takes as many steps as told, and can be held up."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Any, AuditOptions]] = []
        self.steps = 3
        self.go = threading.Event()
        self.go.set()
        self.running = self.most = self.taken = 0
        self.error: Exception | None = None

    def run(self, lens: Any, rulebook: Any, options: AuditOptions, progress: Any) -> Report:
        """An audit that measures nothing."""
        self.asked.append((lens, rulebook, options))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            progress.note("It begins.")
            with progress.stage("Measuring", self.steps) as stage:
                for _ in range(self.steps):
                    self.go.wait(10)
                    time.sleep(0.02)
                    stage.advance(1)
                    self.taken += 1
            if self.error is not None:
                raise self.error
            return failing_shortcut()
        finally:
            self.running -= 1


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """What the server audits with."""
    made = Desk()
    monkeypatch.setattr(audits, "run_audit", made.run)
    return made


def until(done: Callable[[], object]) -> None:
    """Wait for something that comes within seconds."""
    for _ in range(500):
        if done():
            return
        time.sleep(0.01)
    pytest.fail("it never came")


def refused(call: Iterator[RunAuditResponse]) -> Any:
    """Status, ErrorInfo and BadRequest of a stream that fails."""
    with pytest.raises(grpc.RpcError) as failed:
        list(call)
    status, info, bad = told(failed.value)
    return SimpleNamespace(code=failed.value.code().name, status=status, info=info, bad=bad)


def test_run_audit_tells_where_it_is_then_the_report(audit: AuditServiceStub, desk: Desk) -> None:
    """Notes, the stage's beginning, every step, and the report last."""
    *events, last = audit.RunAudit(LESIONS)
    said = [(each.progress.stage, each.progress.done, each.progress.total, each.progress.note) for each in events]
    assert said == [("", 0, 0, "It begins."), *(("Measuring", done, 3, "") for done in range(4))]
    assert from_message(last.report, Report) == failing_shortcut()


def test_what_is_asked_reaches_the_audit(audit: AuditServiceStub, desk: Desk, lens: FakeLens) -> None:
    """Unset options keep the audit's own defaults."""
    list(audit.RunAudit(LESIONS))
    asked, rulebook, options = desk.asked.pop()
    assert asked is lens
    assert rulebook.ruleset.id == "lesions.abcde"
    assert options == AuditOptions(name="lesions", lines=options.lines)
    assert dict(options.lines)["A-asymmetry"] > 1
    request = RunAuditRequest(
        yaml=GOOD.encode(),
        rulebook_name="own.yaml",
        waivers=WAIVERS,
        baseline=to_json(failing_shortcut()).encode(),
        presence=PRESENCE_FOUNDATION,
        interventions=False,
        images=20,
        warn_only=True,
        strict=True,
        signer="A. Auditor",
    )
    list(audit.RunAudit(request))
    _, _, options = desk.asked.pop()
    assert (options.name, options.baseline, options.read_by) == ("own.yaml", failing_shortcut(), "foundation")
    assert (options.interventions, options.images, options.warn_only) == (False, 20, True)
    assert (options.strict, options.signer) == (True, "A. Auditor")
    assert options.waivers is not None
    assert options.waivers.waivers == ()


@pytest.mark.parametrize(
    ("request_", "field", "limit"),
    [
        (RunAuditRequest(), "rulebook", "shipped, yaml"),
        (RunAuditRequest(shipped=" "), "shipped", "empty"),
        (RunAuditRequest(yaml=b"x" * 1_000_001), "yaml", "1,000,000"),
        (RunAuditRequest(shipped="abcde", waivers=b"x" * 1_000_001), "waivers", "1,000,000"),
        (RunAuditRequest(shipped="abcde", baseline=b"x" * (12 * 2**20 + 1)), "baseline", "12,582,912"),
        (RunAuditRequest(shipped="abcde", lock=b"x" * (12 * 2**20 + 1)), "lock", "12,582,912"),
        (RunAuditRequest(shipped="abcde", images=19), "images", "20 to 2,000"),
        (RunAuditRequest(shipped="abcde", images=2001), "images", "20 to 2,000"),
        (RunAuditRequest(shipped="abcde", signer="x" * 2001), "signer", "2,000"),
        (RunAuditRequest(yaml=b"x", rulebook_name="x" * 2001), "rulebook_name", "2,000"),
        (RunAuditRequest(shipped="abcde", presence=7), "presence", "PRESENCE_FOUNDATION"),  # type: ignore[arg-type]
    ],
    ids=lambda part: str(part)[:24],
)
def test_a_limit_broken(audit: AuditServiceStub, desk: Desk, request_: RunAuditRequest, field: str, limit: str) -> None:
    """INVALID_ARGUMENT with the field; nothing is audited."""
    found = refused(audit.RunAudit(request_))
    assert found.code == "INVALID_ARGUMENT"
    assert [each.field for each in found.bad.field_violations] == [field]
    assert limit in found.bad.field_violations[0].description
    assert not desk.asked


@pytest.mark.parametrize(
    ("request_", "reason", "said"),
    [
        (RunAuditRequest(shipped="/etc/hostname"), "UNKNOWN_NAME", "rulebook"),
        (RunAuditRequest(yaml=b""), "EMPTY_RULEBOOK", "empty"),
        (RunAuditRequest(yaml=b"schema: x\nodd: 1\n"), "RULEBOOK_FAULT", "faults"),
        (RunAuditRequest(shipped="abcde", waivers=b"odd: 1\n"), "WAIVERS_FAULT", "faults"),
        (RunAuditRequest(shipped="abcde", baseline=b"\xff"), "INVALID_INPUT", "UTF-8"),
        (RunAuditRequest(shipped="abcde", baseline=b"{}"), "INVALID_INPUT", "schema"),
        (RunAuditRequest(shipped="abcde", lock=b"{}"), "INVALID_INPUT", "no lock"),
    ],
    ids=lambda part: str(part)[:24],
)
def test_bad_material_is_refused(
    audit: AuditServiceStub, desk: Desk, request_: RunAuditRequest, reason: str, said: str
) -> None:
    """Before anything is audited, in the reader's own words."""
    found = refused(audit.RunAudit(request_))
    assert (found.code, found.info.reason) == ("INVALID_ARGUMENT", reason)
    assert said in found.status.message
    assert not desk.asked


def test_a_rulebook_may_not_name_the_servers_files(audit: AuditServiceStub, desk: Desk) -> None:
    """Pictures by path are for those who can open them anyway."""
    spying = changed('kind: spurious, prompts: ["gel"]', 'kind: spurious, prompts: ["gel"], image_probes: ["/etc"]')
    found = refused(audit.RunAudit(RunAuditRequest(yaml=spying)))
    assert found.code == "INVALID_ARGUMENT"
    assert "image_probes" in found.status.message
    assert "prompts" in found.info.metadata["hint"]
    assert not desk.asked


def test_what_cannot_be_trusted(audit: AuditServiceStub, desk: Desk) -> None:
    """It ends the audit with FAILED_PRECONDITION, after the progress."""
    desk.error = Untrustworthy("A foreign space.", hint="Build again.")
    found = refused(audit.RunAudit(LESIONS))
    assert (found.code, found.info.reason, found.info.metadata["hint"]) == (
        "FAILED_PRECONDITION",
        "UNTRUSTWORTHY",
        "Build again.",
    )


def test_cancelling_ends_the_work(audit: AuditServiceStub, desk: Desk) -> None:
    """At its next step; the next audit can run."""
    desk.steps = 500
    call = audit.RunAudit(LESIONS)
    next(call)
    call.cancel()
    until(lambda: desk.asked and not desk.running)
    assert desk.taken < 400
    desk.steps = 1
    assert list(audit.RunAudit(LESIONS))[-1].HasField("report")


def test_a_deadline_ends_the_work(audit: AuditServiceStub, desk: Desk) -> None:
    """Likewise."""
    desk.steps = 500
    with pytest.raises(grpc.RpcError) as failed:
        list(audit.RunAudit(LESIONS, timeout=0.3))
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    until(lambda: not desk.running)
    assert desk.taken < 400


def test_one_audit_at_a_time(audit: AuditServiceStub, desk: Desk) -> None:
    """The second waits, and says so; a waiting one can be cancelled."""
    desk.go.clear()
    first = audit.RunAudit(LESIONS)
    next(first)
    second, third = audit.RunAudit(LESIONS), audit.RunAudit(LESIONS)
    assert "waits for it" in next(second).progress.note
    next(third)
    third.cancel()
    until(lambda: sum(each.name == "lens-audit" for each in threading.enumerate()) == 2)
    assert len(desk.asked) == 1
    desk.go.set()
    assert list(first)[-1].HasField("report")
    assert list(second)[-1].HasField("report")
    assert (desk.most, len(desk.asked)) == (1, 2)


def test_audits_take_the_slots_of_streams(desk: Desk, lens: FakeLens) -> None:
    """Two workers have one slot: a second audit is refused."""
    desk.go.clear()
    with serve({"fake": lens}, "127.0.0.1:0", options=ServerOptions(workers=2)) as running:
        with grpc.insecure_channel(f"127.0.0.1:{running.port}") as channel:
            stub = AuditServiceStub(channel)
            first = stub.RunAudit(LESIONS)
            next(first)
            assert refused(stub.RunAudit(LESIONS)).code == "UNAVAILABLE"
            desk.go.set()
            assert list(first)[-1].HasField("report")


def test_diff_by_concepts(audit: AuditServiceStub, lens: FakeLens) -> None:
    """Beside the comparison where a vocabulary is given; alone on request."""
    words = Vocabulary(entries=["ruler", "hair"])
    both = audit.DiffIndexes(DiffIndexesRequest(other_index="fake", vocabulary=words))
    assert both.HasField("comparison")
    assert [each.text for each in both.concepts.concepts] == ["ruler", "hair"]
    alone = audit.DiffIndexes(DiffIndexesRequest(other_index="fake", vocabulary=words, alpha=0.1, concepts_only=True))
    assert not alone.HasField("comparison")
    assert alone.concepts == both.concepts
    assert lens.asked[-1] == ("diff_concepts", {"vocabulary": ("ruler", "hair"), "alpha": 0.1})
    assert not audit.DiffIndexes(DiffIndexesRequest(other_index="fake")).HasField("concepts")
    with pytest.raises(grpc.RpcError) as failed:
        audit.DiffIndexes(DiffIndexesRequest(other_index="fake", concepts_only=True))
    assert told(failed.value)[2].field_violations[0].field == "vocabulary"
