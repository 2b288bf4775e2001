"""What a call can end with: one exception, whatever went wrong."""

from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

DETAILS = "grpc-status-details-bin"


class LensServerError(Exception):
    """A fault the server told of, or that kept it from being asked."""

    def __init__(self, message: str, hint: str, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """How to cure it; empty where nobody knows."""
        self.code = code
        """Name of the gRPC status code, e.g. `NOT_FOUND`."""

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


def server_error(failure: grpc.RpcError, target: str, timeout: float | None) -> LensServerError:
    """What a failed call means to its caller."""
    code: grpc.StatusCode = failure.code()
    text: str = failure.details() or ""
    told = _told(failure)
    if told is not None:
        return LensServerError(told.message, _hint(told), code.name)
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


def _hint(status: Status) -> str:
    info = ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            return str(info.metadata.get("hint", ""))
    return ""
