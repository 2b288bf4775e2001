"""Around every call: limits, errors as status, a request id, one line in the log."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from uuid import uuid4

import grpc

from indexer.errors import Interrupted
from lens_server.rpc.limits import check
from lens_server.rpc.status import REQUEST_ID, code_of, status_of

logger = logging.getLogger("lens_server.rpc")
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
OURS = "/lens_server."
SANE_ID = re.compile(r"[\w.:/-]{1,128}", re.ASCII)


class CallInterceptor(grpc.ServerInterceptor):  # type: ignore[type-arg]  # no generic at run time
    """Wraps our own methods; health and reflection pass as they are."""

    def __init__(self) -> None:
        self._wrapped: dict[str, Handler] = {}

    def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Handler | None]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """The method with all that surrounds it."""
        method = handler_call_details.method
        if method in self._wrapped:
            return self._wrapped[method]
        handler = continuation(handler_call_details)
        if handler is not None and method.startswith(OURS):
            handler = self._wrapped[method] = _around(handler, method.removeprefix("/"))
        return handler


class _Call:
    """One call from its first to its last byte."""

    def __init__(self, method: str, request: Any, context: grpc.ServicerContext) -> None:
        self.method = method
        self.request = request
        self.context = context
        self.id = _request_id(context)
        self.started = time.perf_counter()
        context.set_trailing_metadata(((REQUEST_ID, self.id),))

    def still_wanted(self) -> None:
        """Refuse work that nobody waits for: a call may outlive its deadline in the queue."""
        if not self.context.is_active():
            raise Interrupted("The caller has gone.")

    def fail(self, error: BaseException) -> None:
        """End the call with the error's status."""
        code = code_of(error)
        self.log(code if self.context.is_active() else self.outcome())
        if code is grpc.StatusCode.INTERNAL:
            logger.error("%s failed, request id %s", self.method, self.id, exc_info=error)
        self.context.abort_with_status(status_of(error, self.id))

    def log(self, code: grpc.StatusCode) -> None:
        """Write the call's line: JSON, one object."""
        if not logger.isEnabledFor(logging.INFO):
            return
        line = {
            "method": self.method,
            "index": getattr(self.request, "index", "")[:128],
            "code": code.name,
            "ms": round((time.perf_counter() - self.started) * 1e3, 3),
            "request_id": self.id,
            "peer": self.context.peer(),
        }
        logger.info(json.dumps(line))

    def outcome(self) -> grpc.StatusCode:
        """How a call ended that raised nothing."""
        if self.context.is_active():
            return grpc.StatusCode.OK
        left = self.context.time_remaining()
        return grpc.StatusCode.CANCELLED if left is None or left > 0 else grpc.StatusCode.DEADLINE_EXCEEDED


def _around(handler: Handler, method: str) -> Handler:
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(
            _streaming(handler.unary_stream, method), handler.request_deserializer, handler.response_serializer
        )
    return grpc.unary_unary_rpc_method_handler(
        _unary(handler.unary_unary, method), handler.request_deserializer, handler.response_serializer
    )


def _unary(behaviour: Any, method: str) -> Callable[..., Any]:
    def answer(request: Any, context: grpc.ServicerContext) -> Any:
        call = _Call(method, request, context)
        try:
            call.still_wanted()
            check(request)
            response = behaviour(request, context)
        except Exception as error:
            return call.fail(error)
        call.log(call.outcome())
        return response

    return answer


def _streaming(behaviour: Any, method: str) -> Callable[..., Any]:
    def answer(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        call = _Call(method, request, context)
        try:
            check(request)
            yield from behaviour(request, context)
        except GeneratorExit:
            call.log(call.outcome())
            raise
        except Exception as error:
            call.fail(error)
        call.log(call.outcome())

    return answer


def _request_id(context: grpc.ServicerContext) -> str:
    """The caller's own id where it is a sane one, else a new one."""
    for key, value in context.invocation_metadata():
        if key == REQUEST_ID and isinstance(value, str) and SANE_ID.fullmatch(value):
            return value
    return uuid4().hex
