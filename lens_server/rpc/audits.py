"""Audits over the wire: one at a time, in a thread of its own, watched through a queue."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

import grpc

from indexer.errors import Interrupted, InvalidInput, UnknownName
from lens_server.audit.check import AuditOptions, run_audit
from lens_server.audit.lock import Lock, parse_lock
from lens_server.audit.reading import SHIPPED, ReadRulebook, parse_rulebook, read_rulebook
from lens_server.audit.renderers.audit_json import from_json
from lens_server.audit.rulebook import Rulebook
from lens_server.audit.scene import COLUMNS, FOUNDATION
from lens_server.audit.waiver_reading import parse_waivers
from lens_server.lens import Lens
from lens_server.report import Report
from lens_server.rpc.limits import RequestFault, Violation
from lens_server.v1 import audit_pb2
from lens_server.v1.audit_service_pb2 import (
    PRESENCE_COLUMNS,
    PRESENCE_FOUNDATION,
    PRESENCE_UNSPECIFIED,
    AuditProgress,
    RunAuditRequest,
    RunAuditResponse,
)
from lens_server.wire import to_message

_PRESENCE = {PRESENCE_UNSPECIFIED: COLUMNS, PRESENCE_COLUMNS: COLUMNS, PRESENCE_FOUNDATION: FOUNDATION}
_TURN_SECONDS = 0.2


class AuditRuns:
    """The audits of a server: they share its cores and its foundation model, so each waits for the one before."""

    def __init__(self) -> None:
        self._turn = threading.Lock()

    def events(self, lens: Lens, request: RunAuditRequest, context: grpc.ServicerContext) -> Iterator[RunAuditResponse]:
        """Progress, then the report; ends early, and the work with it, when the caller has gone."""
        read = _rulebook(request)
        options = _options(request, read)
        watched = _Watched(context)
        thread = threading.Thread(
            target=self._work, args=(lens, read, options, watched), name="lens-audit", daemon=True
        )
        thread.start()
        try:
            yield from watched.responses()
        finally:
            watched.stop()
            thread.join()

    def _work(self, lens: Lens, read: ReadRulebook, options: AuditOptions, watched: "_Watched") -> None:
        try:
            with self._my_turn(watched):
                for warning in read.warnings:
                    watched.note(warning)
                watched.tell(run_audit(lens, read.rulebook, options, watched))
        except BaseException as fault:  # the thread that answers raises it again
            watched.tell(fault)

    @contextmanager
    def _my_turn(self, watched: "_Watched") -> Iterator[None]:
        if not self._turn.acquire(blocking=False):
            watched.note("Another audit is under way on this server; this one waits for it.")
            while not self._turn.acquire(timeout=_TURN_SECONDS):
                watched.go_on()
        try:
            watched.go_on()
            yield
        finally:
            self._turn.release()


class _Watched:
    """A `Progress` that queues what it is told, and raises Interrupted once the caller has gone."""

    def __init__(self, context: grpc.ServicerContext) -> None:
        self._told: SimpleQueue[Any] = SimpleQueue()
        self._gone = threading.Event()
        if not context.add_callback(self.stop):
            self.stop()

    def stage(self, title: str, total: int, done: int = 0) -> "_Stage":
        """A stage that tells every step."""
        return _Stage(self, title, total, done)

    def note(self, text: str) -> None:
        """A remark."""
        self.step(AuditProgress(note=text))

    def step(self, progress: AuditProgress) -> None:
        """Tell where the audit is; the place where an unwanted one ends."""
        self.go_on()
        self._told.put(progress)

    def tell(self, outcome: Report | BaseException) -> None:
        """Tell how it ended."""
        self._told.put(outcome)

    def go_on(self) -> None:
        """Raise Interrupted once the caller has gone."""
        if self._gone.is_set():
            raise Interrupted("The caller has gone.")

    def stop(self) -> None:
        """The caller has gone: end the work at its next step, and whoever waits for it now."""
        self._gone.set()
        self._told.put(None)

    def responses(self) -> Iterator[RunAuditResponse]:
        """What is told, as it comes, until the report; raises what ended the audit."""
        while (told := self._told.get()) is not None and not self._gone.is_set():
            if isinstance(told, AuditProgress):
                yield RunAuditResponse(progress=told)
            elif isinstance(told, Report):
                yield RunAuditResponse(report=to_message(told, audit_pb2.Report))
                return
            else:
                raise told


class _Stage:
    """A stage under way: its own context manager."""

    def __init__(self, watched: _Watched, title: str, total: int, done: int) -> None:
        self._watched, self._title, self._total, self._done = watched, title, total, done

    def advance(self, steps: int) -> None:
        """So many more are done."""
        self._done += steps
        self._tell()

    def __enter__(self) -> "_Stage":
        self._tell()
        return self

    def __exit__(self, *fault: object) -> None:
        pass

    def _tell(self) -> None:
        self._watched.step(AuditProgress(stage=self._title, done=self._done, total=self._total))


def _rulebook(request: RunAuditRequest) -> ReadRulebook:
    if request.HasField("shipped"):
        if request.shipped not in SHIPPED:  # the library takes a path here; a caller may not read the server's files
            raise UnknownName("rulebook", request.shipped, SHIPPED)
        return read_rulebook(request.shipped)
    read = parse_rulebook(request.yaml, request.rulebook_name or "rulebook")
    _refuse_paths(read.rulebook)
    return read


def _refuse_paths(rulebook: Rulebook) -> None:
    """A caller may not make the server open its files."""
    named = [each.id for each in rulebook.concepts if each.image_probes]
    if named:
        raise InvalidInput(
            f"The rulebook names image_probes for {', '.join(named)}: "
            "files of the server, which a caller may not choose.",
            hint="Describe the concepts with prompts, or run lens audit where the index lies.",
        )


def _options(request: RunAuditRequest, read: ReadRulebook) -> AuditOptions:
    """The options that are set; the others keep the defaults, which the fields' comments repeat."""
    given: dict[str, Any] = {
        name: getattr(request, name) for name in ("interventions", "images") if request.HasField(name)
    }
    if request.presence not in _PRESENCE:
        raise RequestFault(Violation("presence", "must be PRESENCE_COLUMNS or PRESENCE_FOUNDATION"))
    return AuditOptions(
        name=request.rulebook_name or read.path,
        lines=tuple(read.lines.items()),
        waivers=parse_waivers(request.waivers, "waivers") if request.HasField("waivers") else None,
        baseline=from_json(_text(request.baseline)) if request.HasField("baseline") else None,
        lock=_lock(request),
        read_by=_PRESENCE[request.presence],
        strict=request.strict,
        warn_only=request.warn_only,
        signer=request.signer,
        **given,
    )


def _lock(request: RunAuditRequest) -> Lock | None:
    return parse_lock(request.lock, "lock") if request.HasField("lock") else None


def _text(baseline: bytes) -> str:
    try:
        return baseline.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise InvalidInput("The baseline is not UTF-8.", hint="Give an audit.json as Lens wrote it.") from fault
