"""One lens, three doors: asked here, by the client, and by the asyncio client."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from lens_client import AsyncLensClient, LensClient
from lens_server.rpc.server import serve


@pytest.fixture(scope="session")
def lens(opened_lens: Any) -> Any:
    """The lens the doors lead to: a real index."""
    return opened_lens


@pytest.fixture(scope="session")
def address(lens: Any) -> Iterator[str]:
    """Where it is served."""
    with serve({lens.name: lens}, "127.0.0.1:0") as running:
        yield f"grpc://127.0.0.1:{running.port}/{lens.name}"


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[LensClient]:
    """The second door."""
    with LensClient(address) as opened:
        yield opened


@pytest.fixture
def ask_async(address: str) -> Callable[..., Any]:
    """The third: ask a verb of the asyncio client; a stream is gathered."""

    async def ask(question: Callable[[Any], Any]) -> Any:
        async with AsyncLensClient(address) as opened:
            found = question(opened)
            if isinstance(found, AsyncIterator):
                return tuple([each async for each in found])
            return await found

    return ask
