"""A real server on a real port, over lenses with made-up answers."""

from collections.abc import Iterator
from types import SimpleNamespace

import grpc
import pytest

from lens_server.rpc.server import RunningServer, serve
from lens_server.v1.audit_service_pb2_grpc import AuditServiceStub
from lens_server.v1.lens_service_pb2_grpc import LensServiceStub
from tests.unit.lens_server.rpc.fake_lens import FakeLens


@pytest.fixture
def lens() -> FakeLens:
    """What the server answers from."""
    return FakeLens()


@pytest.fixture
def server(lens: FakeLens) -> Iterator[RunningServer]:
    """A server of one index."""
    with serve({lens.name: lens}, "127.0.0.1:0") as running:
        yield running


@pytest.fixture
def channel(server: RunningServer) -> Iterator[grpc.Channel]:
    """A plain channel to it."""
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as opened:
        yield opened


@pytest.fixture
def stub(channel: grpc.Channel) -> LensServiceStub:
    """LensService, as another language would see it."""
    return LensServiceStub(channel)


@pytest.fixture
def audit(channel: grpc.Channel) -> AuditServiceStub:
    """AuditService, likewise."""
    return AuditServiceStub(channel)


@pytest.fixture
def two_indexes() -> Iterator[SimpleNamespace]:
    """A server of two indexes, `before` and `after`."""
    lenses = {name: FakeLens(name) for name in ("before", "after")}
    with serve(lenses, "127.0.0.1:0") as running, grpc.insecure_channel(f"127.0.0.1:{running.port}") as opened:
        yield SimpleNamespace(
            lenses=lenses, server=running, stub=LensServiceStub(opened), audit=AuditServiceStub(opened)
        )
