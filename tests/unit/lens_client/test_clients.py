"""What the clients add to the protocol: addresses, errors, streams. Answers: see tests/congruence."""

import asyncio
import inspect
import subprocess
import sys
from typing import Any

import pytest

from indexer.errors import LensError, Unavailable
from lens_client import AsyncLensClient, LensClient, LensServerError
from lens_client.address import Address, parse
from lens_client.texts import AsyncTextVerbs, TextVerbs
from lens_server.answers import Query, Where
from lens_server.lens import Lens
from lens_server.rpc.server import serve
from lens_server.text_lens import TextLens
from tests.unit.lens_server.rpc.fake_lens import FakeLens


@pytest.mark.parametrize(
    ("address", "index", "expected"),
    [
        ("localhost:5", "", Address("localhost:5", "")),
        ("grpc://localhost:5", "", Address("localhost:5", "")),
        ("grpc://localhost:5/", "", Address("localhost:5", "")),
        ("grpc://localhost:5/mine", "", Address("localhost:5", "mine")),
        ("localhost:5/mine", "mine", Address("localhost:5", "mine")),
        ("grpc://localhost:5", "mine", Address("localhost:5", "mine")),
        ("grpc://[::1]:5/mine", "", Address("[::1]:5", "mine")),
    ],
)
def test_addresses(address: str, index: str, expected: Address) -> None:
    """Every way to write one."""
    assert parse(address, index) == expected


@pytest.mark.parametrize("address", ["", "localhost", "grpc://", "grpc://host/index", "http://host:5", "host:port"])
def test_no_address(address: str) -> None:
    """What is none is refused at once, with the form."""
    with pytest.raises(LensServerError, match="grpc://host:port/index"):
        LensClient(address)


def test_two_names_for_the_index() -> None:
    """They must agree."""
    with pytest.raises(LensServerError, match="Name it once"):
        LensClient("localhost:5/a", "b")


def test_nobody_there() -> None:
    """The error names the address and how to start a server."""
    with LensClient("127.0.0.1:1") as client, pytest.raises(LensServerError) as failed:
        client.describe()
    assert failed.value.code == "UNAVAILABLE"
    assert "127.0.0.1:1" in failed.value.message
    assert "lens serve INDEX --grpc 127.0.0.1:1" in failed.value.hint

    async def ask() -> None:
        async with AsyncLensClient("127.0.0.1:1") as other:
            await other.describe()

    with pytest.raises(LensServerError) as failed_too:
        asyncio.run(ask())
    assert str(failed_too.value) == str(failed.value)


def test_the_server_itself_says_unavailable(target: str, lens: FakeLens) -> None:
    """Its own words count, and not the advice to start one."""
    lens.error = Unavailable("All busy.", hint="Ask again.")
    with LensClient(target, "fake") as client, pytest.raises(LensServerError) as failed:
        client.search("ruler")
    assert (failed.value.message, failed.value.hint, failed.value.code) == ("All busy.", "Ask again.", "UNAVAILABLE")


def test_no_answer_in_time(target: str, lens: FakeLens) -> None:
    """The time-out is told."""
    lens.open_gate.clear()
    with LensClient(target, "fake", timeout=0.2) as client, pytest.raises(LensServerError) as failed:
        client.search("ruler")
    lens.open_gate.set()
    assert failed.value.code == "DEADLINE_EXCEEDED"
    assert "0.2 s" in failed.value.message


def test_an_index_must_be_named_among_several(target: str) -> None:
    """The names are in the hint."""
    with LensClient(target) as client:
        assert [each.name for each in client.indexes()] == ["fake", "other"]
        with pytest.raises(LensServerError, match="Known: fake, other"):
            client.describe()


def test_a_query_with_two_probes_is_refused_here(target: str) -> None:
    """Before anything is sent, as INVALID_ARGUMENT."""
    with LensClient(target, "fake") as client, pytest.raises(LensServerError, match="text and neuron") as failed:
        client.search(Query(text="a", neuron="conv/1"))
    assert failed.value.code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("wrong", [{"limit": "ten"}, {"limit": 2**40}, {"where": Where(layers=(3,))}], ids=str)  # type: ignore[arg-type]
def test_an_argument_of_the_wrong_type_is_refused_here(target: str, wrong: dict[str, Any]) -> None:
    """Nothing but LensServerError leaves a client."""
    with LensClient(target, "fake") as client, pytest.raises(LensServerError, match="cannot be sent"):
        client.search("ruler", **wrong)


def test_an_empty_vocabulary_is_not_the_servers_own(target: str) -> None:
    """It is refused, and None is not."""
    with LensClient(target, "fake") as client:
        assert client.unexpected(None)
        with pytest.raises(LensServerError, match="vocabulary"):
            client.unexpected([])


def test_leaving_the_stream_cancels_it(target: str, lens: FakeLens) -> None:
    """The server stops working when the loop is left."""
    lens.label_pause = 0.05
    with LensClient(target, "fake") as client:
        labels = client.label()
        next(labels)
        labels.close()  # type: ignore[attr-defined]
        assert lens.labels_closed.wait(5)
    assert lens.labels_made < 15


def test_leaving_the_asynchronous_stream_cancels_it(target: str, lens: FakeLens) -> None:
    """Likewise."""
    lens.label_pause = 0.05

    async def ask() -> None:
        async with AsyncLensClient(target, "fake") as client:
            labels = client.label()
            await anext(labels)
            await labels.aclose()  # type: ignore[attr-defined]
            assert await asyncio.to_thread(lens.labels_closed.wait, 5)

    asyncio.run(ask())
    assert lens.labels_made < 15


def test_a_stream_ends_in_the_servers_words(target: str, lens: FakeLens) -> None:
    """An error of a stream is the same exception."""
    lens.error = LensError("odd")
    with LensClient(target, "fake") as client, pytest.raises(LensServerError, match="odd"):
        list(client.label())


def test_many_asked_at_once(target: str) -> None:
    """The asyncio client keeps them apart."""

    async def ask() -> list[str]:
        async with AsyncLensClient(target, "fake") as client:
            found = await asyncio.gather(*(client.search(f"word-{at}") for at in range(50)))
        return [answers[0].query for answers in found]

    assert asyncio.run(ask()) == [f"word-{at}" for at in range(50)]


def test_an_asynchronous_client_may_be_made_outside_a_loop(target: str) -> None:
    """As a module's global, say."""
    client = AsyncLensClient(target, "fake")

    async def ask() -> str:
        async with client:
            return (await client.describe()).name

    assert asyncio.run(ask()) == "fake"


def test_a_restarted_server_is_found_again(lens: FakeLens) -> None:
    """A client outlives its server."""
    first = serve({"fake": lens}, "127.0.0.1:0")
    with LensClient(f"127.0.0.1:{first.port}") as client:
        assert client.describe()
        first.stop(0)
        with pytest.raises(LensServerError):
            client.describe()
        with serve({"fake": lens}, f"127.0.0.1:{first.port}"):
            for _ in range(50):
                try:
                    assert client.describe()
                    break
                except LensServerError:
                    asyncio.run(asyncio.sleep(0.1))
            else:
                pytest.fail("the client did not come back")


@pytest.mark.parametrize("kind", [TextVerbs, AsyncTextVerbs])
def test_clients_have_the_verbs_about_texts(kind: type) -> None:
    """Those of `Lens.texts`, likewise."""
    for name, verb in inspect.getmembers(TextLens, inspect.isfunction):
        if not name.startswith("_"):
            ours = [(each.name, each.default, each.kind) for each in inspect.signature(verb).parameters.values()]
            theirs = inspect.signature(getattr(kind, name)).parameters.values()
            assert [(each.name, each.default, each.kind) for each in theirs] == ours, name


@pytest.mark.parametrize("kind", [LensClient, AsyncLensClient, FakeLens])
def test_clients_have_the_verbs_of_lens(kind: type) -> None:
    """Same names, same options, same defaults; a diff names the other index instead of holding it."""
    for name, verb in inspect.getmembers(Lens, inspect.isfunction):
        if name.startswith("_") or name.startswith("diff"):
            continue
        ours = [(each.name, each.default, each.kind) for each in inspect.signature(verb).parameters.values()]
        theirs = inspect.signature(getattr(kind, name)).parameters.values()
        assert [(each.name, each.default, each.kind) for each in theirs] == ours, name


def test_a_client_needs_no_heavy_library() -> None:
    """Importing it loads no model, no engine and nothing of the server but what is generated."""
    heavy = {"torch", "faiss", "pandas", "lens_server.lens", "lens_server.rpc"}
    program = f"import sys, lens_client; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
