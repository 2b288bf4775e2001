"""Errors as google.rpc.Status: the one place that knows both the error classes and gRPC's codes."""

from collections.abc import Iterator

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from indexer.errors import (
    DatasetFault,
    DiskFull,
    IndexUnusable,
    Interrupted,
    InvalidInput,
    LensError,
    MissingExtra,
    NotFound,
    OutOfMemory,
    SampleLost,
    SubjectFault,
    Unavailable,
    Untrustworthy,
)
from lens_server.audit.strict_yaml import DocumentFault
from lens_server.rpc.limits import RequestFault
from lens_server.wire import Unreadable

CODES: dict[type[Exception], grpc.StatusCode] = {
    InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    Unreadable: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    MissingExtra: grpc.StatusCode.FAILED_PRECONDITION,
    SubjectFault: grpc.StatusCode.FAILED_PRECONDITION,
    OutOfMemory: grpc.StatusCode.RESOURCE_EXHAUSTED,
    DatasetFault: grpc.StatusCode.FAILED_PRECONDITION,
    SampleLost: grpc.StatusCode.FAILED_PRECONDITION,
    IndexUnusable: grpc.StatusCode.FAILED_PRECONDITION,
    Untrustworthy: grpc.StatusCode.FAILED_PRECONDITION,
    DiskFull: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    Interrupted: grpc.StatusCode.ABORTED,
    LensError: grpc.StatusCode.UNKNOWN,
}
"""Error class → code; a subclass without a row has its parent's."""

DOMAIN = "lens"
REQUEST_ID = "x-request-id"
# A status travels in HTTP/2 headers, of which gRPC takes 8 KiB in all: a long name must not lose the answer.
TEXT_BYTES = 480
FIELD_BYTES = 160
DESCRIPTION_BYTES = 320
VIOLATIONS_BYTES = 2_400


def code_of(error: BaseException) -> grpc.StatusCode:
    """The code of an error; INTERNAL for one that nobody meant."""
    return next((CODES[each] for each in type(error).__mro__ if each in CODES), grpc.StatusCode.INTERNAL)


def status_of(error: BaseException, request_id: str) -> grpc.Status:
    """What the caller is told of an error: never a traceback."""
    code = code_of(error)
    if code is grpc.StatusCode.INTERNAL:
        message = f"Internal error; the server's log tells more under request id {request_id}."
        return _status(code, message, request_id, ErrorInfo(reason="INTERNAL", domain=DOMAIN))
    message = error.message if isinstance(error, LensError) else str(error)
    if isinstance(error, DocumentFault):
        message = _whole_lines(message)
    return _status(code, message, request_id, *_details(error))


def _details(error: BaseException) -> Iterator[Message]:
    hint = getattr(error, "hint", "")
    yield ErrorInfo(
        reason=_reason(type(error)), domain=DOMAIN, metadata={"hint": _clip(hint, TEXT_BYTES)} if hint else {}
    )
    if violations := list(_fitting(_violations(error))):
        yield BadRequest(field_violations=violations)


def _violations(error: BaseException) -> Iterator[tuple[str, str]]:
    """Every faulty field of a request, every faulty line of a document."""
    if isinstance(error, RequestFault):
        yield from ((each.field, each.description) for each in error.violations)
    elif isinstance(error, DocumentFault):
        yield from ((f"{error.name}:{each.line}", f"{each.message} {each.hint}".rstrip()) for each in error.faults)


def _fitting(violations: Iterator[tuple[str, str]]) -> Iterator[BadRequest.FieldViolation]:
    """As many as a status holds."""
    left = VIOLATIONS_BYTES
    for field, description in violations:
        made = BadRequest.FieldViolation(
            field=_clip(field, FIELD_BYTES), description=_clip(description, DESCRIPTION_BYTES)
        )
        left -= made.ByteSize() + 4
        if left < 0:
            return
        yield made


def _reason(kind: type) -> str:
    """UNKNOWN_NAME of UnknownName."""
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in kind.__name__).lstrip("_")


def _status(code: grpc.StatusCode, message: str, request_id: str, *details: Message) -> grpc.Status:
    packed = []
    for each in details:
        packed.append(AnyMessage())
        packed[-1].Pack(each)
    rich = Status(code=code.value[0], message=_clip(message, TEXT_BYTES), details=packed)
    made = rpc_status.to_status(rich)
    return _Status(made.code, made.details, (*made.trailing_metadata, (REQUEST_ID, request_id)))


def _clip(text: str, size: int) -> str:
    """The text in at most `size` bytes of UTF-8, an ellipsis for what is left out."""
    encoded = text.encode(errors="replace")
    shown = encoded if len(encoded) <= size else encoded[: size - 3] + "…".encode()
    return shown.decode(errors="ignore")


def _whole_lines(text: str) -> str:
    """The lines that fit; the faults on the others are the violations."""
    kept = text.splitlines()
    while len(kept) > 1 and len("\n".join(kept).encode()) > TEXT_BYTES:
        kept.pop()
    return "\n".join(kept)


class _Status(grpc.Status):
    """A status as gRPC wants it."""

    def __init__(
        self, code: grpc.StatusCode, details: str, trailing_metadata: tuple[tuple[str, str | bytes], ...]
    ) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = trailing_metadata
