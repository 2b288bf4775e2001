"""The audit as a question: what is sent, and what comes back while the server is at it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lens_client.calls import AUDIT, Call, request_message
from lens_client.errors import LensServerError
from lens_server.report import Report
from lens_server.v1 import audit_service_pb2 as audit
from lens_server.wire import from_message

Given = str | bytes | Path
"""A file by its path, or what it holds."""
MOST_BYTES = 32 * 2**20
"""No server takes more in a request."""
_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class AuditProgress:
    """Where an audit is: a step of a stage, or a note."""

    stage: str
    """Title of the stage; empty for a note."""
    done: int
    total: int
    note: str
    """Empty for a step."""


OnProgress = Callable[[AuditProgress], object]
Event = AuditProgress | Report


@dataclass(frozen=True)
class Material:
    """What an audit is made from, as the caller named it."""

    rulebook: Given
    """A shipped name; a path, when it is a `Path` or ends in .yaml or .yml; or YAML."""
    waivers: Given | None = None
    baseline: Given | None = None
    lock: Given | None = None


def run_audit(index: str, material: Material, presence: str, **options: Any) -> Call[tuple[Event, ...]]:
    """Does the subject keep the rules? Each response of the stream is one event, the last of them the report."""
    parts = {
        **_rulebook(material.rulebook),
        **{name: _content(name, getattr(material, name)) for name in ("waivers", "baseline", "lock")},
        **options,
    }
    chosen = request_message(audit.RunAuditRequest, index=index, presence=_presence(presence), **parts)
    return Call(AUDIT + "RunAudit", chosen, audit.RunAuditResponse, _event)


class Listener:
    """Hears the events of one audit and keeps the report."""

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._report: Report | None = None

    def hear(self, event: Event) -> None:
        """Pass on where it is, or keep what was found."""
        if isinstance(event, Report):
            self._report = event
        elif self._on_progress is not None:
            self._on_progress(event)

    def report(self) -> Report:
        """What was found; raises LensServerError when the server never said."""
        if self._report is None:
            raise LensServerError("The audit ended without a report.", "Ask again.", "INTERNAL")
        return self._report


def _rulebook(given: Given) -> dict[str, Any]:
    if isinstance(given, bytes):
        return {"yaml": given}
    if isinstance(given, Path) or given.endswith(_YAML):
        return {"yaml": _content("rulebook", given), "rulebook_name": str(given)}
    return {"shipped": given}


def _content(what: str, given: Given | None) -> bytes | None:
    if given is None or isinstance(given, bytes):
        return given
    try:
        with Path(given).open("rb") as file:
            found = file.read(MOST_BYTES + 1)
    except OSError as fault:
        raise LensServerError(
            f"The {what} {given} cannot be read: {fault.strerror}.", "", "INVALID_ARGUMENT"
        ) from fault
    if len(found) > MOST_BYTES:
        raise LensServerError(f"The {what} {given} has more than {MOST_BYTES:,} bytes.", "", "INVALID_ARGUMENT")
    return found


def _presence(name: str) -> int:
    known: Iterable[str] = ("columns", "foundation")
    if name not in known:
        hint = f"Known: {', '.join(known)}."
        raise LensServerError(f"No presence named {name!r}.", hint, "INVALID_ARGUMENT")
    return audit.Presence.Value(f"PRESENCE_{name.upper()}")


def _event(response: Any) -> tuple[Event, ...]:
    kind = response.WhichOneof("event")
    if kind == "report":
        return (from_message(response.report, Report),)
    return (from_message(response.progress, AuditProgress),) if kind == "progress" else ()
