"""A real server for the clients to ask."""

from collections.abc import Iterator

import pytest

from lens_server.rpc.server import RunningServer, serve
from tests.unit.lens_server.rpc.fake_lens import FakeLens


@pytest.fixture
def lens() -> FakeLens:
    """What the server answers from."""
    return FakeLens()


@pytest.fixture
def server(lens: FakeLens) -> Iterator[RunningServer]:
    """A server of two indexes; `fake` is the one under test."""
    with serve({"fake": lens, "other": FakeLens("other")}, "127.0.0.1:0") as running:
        yield running


@pytest.fixture
def target(server: RunningServer) -> str:
    """Its host and port."""
    return f"127.0.0.1:{server.port}"
