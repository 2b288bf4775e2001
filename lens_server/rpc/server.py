"""The gRPC server: lenses in, a running server out."""

import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from indexer.errors import InvalidInput, Unavailable
from lens_server.lens import Lens
from lens_server.rpc.cache import AnswerCache
from lens_server.rpc.interceptors import CallInterceptor
from lens_server.rpc.limits import REQUEST_BYTES
from lens_server.rpc.served import Served, open_lenses
from lens_server.rpc.servicers import AuditServicer, LensServicer
from lens_server.rpc.streams import StreamSlots
from lens_server.v1 import audit_service_pb2, audit_service_pb2_grpc, lens_service_pb2, lens_service_pb2_grpc

SERVICES = (
    lens_service_pb2.DESCRIPTOR.services_by_name["LensService"].full_name,
    audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"].full_name,
)


@dataclass(frozen=True)
class ServerOptions:
    """How much a server takes on."""

    workers: int = 8
    """Calls answered at once; half of them may be streams: labels, audits."""
    max_concurrent: int = 256
    """Calls answered or waiting; one more is refused with RESOURCE_EXHAUSTED."""
    max_request_bytes: int = REQUEST_BYTES
    cache_bytes: int = 64 * 2**20
    """Total size of the search answers kept."""
    credentials: grpc.ServerCredentials | None = None
    """TLS; without it the port is plain."""


class RunningServer:
    """A server that answers; stop it, or use it as a context manager."""

    def __init__(self, server: grpc.Server, port: int, served: Served, vitals: health.HealthServicer) -> None:
        self.port = port
        """The port bound; that of `HOST:0` is known only here."""
        self.served = served
        """The lenses; `served.replace(name, lens)` swaps one while the server runs."""
        self._server = server
        self._health = vitals

    def stop(self, grace: float = 10.0) -> None:
        """Take no more calls, let the running ones finish for `grace` seconds, then cancel what is left."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace).wait()

    def wait_for_signal(self, grace: float = 10.0) -> None:
        """Block until SIGTERM or SIGINT, then stop; a second signal cuts the grace short. Main thread only."""
        asked = threading.Event()
        before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}

        def on_signal(number: int, frame: FrameType | None) -> None:
            if asked.is_set():
                self._server.stop(0)
            asked.set()

        for each in before:
            signal.signal(each, on_signal)
        try:
            asked.wait()
            self.stop(grace)
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def __enter__(self) -> "RunningServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(
    lenses: Mapping[str, Lens] | Sequence[str | Path],
    address: str = "127.0.0.1:50051",
    *,
    options: ServerOptions = ServerOptions(),
) -> RunningServer:
    """Answer questions about these lenses, or index folders, on HOST:PORT; port 0 takes a free one."""
    served = Served(lenses if isinstance(lenses, Mapping) else open_lenses(lenses))
    server = _server(options)
    port = _bind(server, address, options.credentials)
    slots = StreamSlots(max(1, options.workers // 2))
    lens_servicer = LensServicer(served, AnswerCache(options.cache_bytes), slots)
    lens_service_pb2_grpc.add_LensServiceServicer_to_server(lens_servicer, server)
    audit_service_pb2_grpc.add_AuditServiceServicer_to_server(AuditServicer(served, slots), server)
    vitals = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(vitals, server)
    reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    server.start()
    for name in ("", *SERVICES):
        vitals.set(name, health_pb2.HealthCheckResponse.SERVING)
    return RunningServer(server, port, served, vitals)


def _server(options: ServerOptions) -> grpc.Server:
    return grpc.server(
        ThreadPoolExecutor(options.workers, thread_name_prefix="lens-rpc"),
        interceptors=[CallInterceptor()],
        maximum_concurrent_rpcs=options.max_concurrent,
        options=[
            ("grpc.max_receive_message_length", options.max_request_bytes),
            ("grpc.so_reuseport", 0),  # else a second server shares the port in silence
        ],
    )


def _bind(server: grpc.Server, address: str, credentials: grpc.ServerCredentials | None) -> int:
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isdigit() and int(port) < 65536):
        raise InvalidInput(f"{address!r} is no address to serve on.", hint="Write HOST:PORT, e.g. 127.0.0.1:50051")
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as refused:
        raise Unavailable(
            f"{address} cannot be served on: the port is taken or the host is not this machine's.",
            hint=f"Choose another port, or {host}:0 for any free one.",
        ) from refused
