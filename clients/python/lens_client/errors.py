"""What a call can end with: one exception, whatever went wrong."""

from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

D = TypeVar("D", bound=Message)
DETAILS = "grpc-status-details-bin"


class LensServerError(Exception):
    """A fault the server told of, or that kept it from being asked."""

    def __init__(self, message: str, hint: str, code: str, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """How to cure it; empty where nobody knows."""
        self.code = code
        """Name of the gRPC status code, e.g. `NOT_FOUND`."""
        self.reason = reason
        """Which of the server's errors it is, e.g. `UNTRUSTWORTHY`; empty where the server said nothing."""

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


def server_error(failure: grpc.RpcError, target: str, timeout: float | None) -> LensServerError:
    """What a failed call means to its caller."""
    code: grpc.StatusCode = failure.code()
    text: str = failure.details() or ""
    told = _told(failure)
    if told is not None:
        info = _detail(told, ErrorInfo())
        return LensServerError(_message(told), info.metadata.get("hint", ""), code.name, info.reason)
    if code is grpc.StatusCode.UNAVAILABLE:
        hint = f"Start one with: lens serve INDEX --grpc {target} (one that speaks TLS wants credentials)"
        return LensServerError(f"No Lens server answers at {target}.", hint, code.name)
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        message = f"{target} gave no answer within {timeout:g} s." if timeout else f"{target} gave no answer in time."
        return LensServerError(message, "Give the client a longer timeout.", code.name)
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return LensServerError(
            f"{target} does not know this question: {text}",
            "Is it a Lens server, and as new as this client?",
            code.name,
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return LensServerError(
            f"{target} refused the call: {text}", "Ask for less at once, or again shortly.", code.name
        )
    return LensServerError(f"{target}: {text}", "", code.name)


def _told(failure: grpc.RpcError) -> Status | None:
    """The server's own words, where it sent some."""
    metadata: Any = failure.trailing_metadata() or ()
    for key, value in metadata:
        if key == DETAILS:
            try:
                return Status.FromString(value)
            except DecodeError:
                return None
    return None


def _message(status: Status) -> str:
    """The message, and the faults that it had no room for."""
    lines = [f"{each.field}: {each.description}" for each in _detail(status, BadRequest()).field_violations]
    return "\n".join([status.message, *(line for line in lines if line not in status.message)])


def _detail(status: Status, wanted: D) -> D:
    """The detail of this kind; empty where there is none."""
    for detail in status.details:
        if detail.Unpack(wanted):
            break
    return wanted
