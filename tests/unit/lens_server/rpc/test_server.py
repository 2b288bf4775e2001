"""The server's life: it is healthy, tells what it can, drains, and does not work for nobody."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from indexer.errors import InvalidInput, Unavailable
from lens_server.rpc.server import SERVICES, RunningServer, ServerOptions, serve
from lens_server.v1 import lens_service_pb2 as service
from lens_server.v1.lens_service_pb2_grpc import LensServiceStub
from lens_server.v1.query_pb2 import Query
from tests.unit.lens_server.rpc.fake_lens import FakeLens

SEARCH = service.SearchNeuronsRequest(queries=[Query(text="ruler")])


def wait_until(holds: object, seconds: float = 5.0) -> None:
    """Wait for something to come true."""
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


def test_health(channel: grpc.Channel) -> None:
    """Serving, as a whole and per service."""
    stub = health_pb2_grpc.HealthStub(channel)
    for name in ("", *SERVICES):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_is_enough_to_ask(channel: grpc.Channel) -> None:
    """A caller without our stubs learns the protocol from the server and gets an answer."""
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(SERVICES) < set(database.get_services())
    pool = DescriptorPool(database)
    method = pool.FindServiceByName(SERVICES[0]).methods_by_name["SearchNeurons"]
    request = GetMessageClass(method.input_type)(queries=[{"text": "ruler"}], limit=1)
    ask = channel.unary_unary(
        f"/{SERVICES[0]}/{method.name}",
        request_serializer=type(request).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    assert ask(request).answers[0].query == "ruler"


def test_a_cancelled_stream_stops_the_work(stub: LensServiceStub, lens: FakeLens) -> None:
    """The lens is let go of soon after the caller has gone."""
    lens.label_pause = 0.1
    stream = stub.LabelNeurons(service.LabelNeuronsRequest())
    next(stream)
    stream.cancel()
    assert lens.labels_closed.wait(5)
    assert lens.labels_made < 12


def test_a_stream_ends_at_its_deadline(stub: LensServiceStub, lens: FakeLens) -> None:
    """What was ready came; the rest is not made."""
    lens.label_pause = 0.1
    received = []
    with pytest.raises(grpc.RpcError) as failed:
        received.extend(stub.LabelNeurons(service.LabelNeuronsRequest(), timeout=0.35))
    assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert lens.labels_closed.wait(5)
    assert lens.labels_made < 12


def test_a_call_that_waited_past_its_deadline_is_not_worked_on(lens: FakeLens) -> None:
    """With its only worker busy, the server drops what nobody waits for any more."""
    options = ServerOptions(workers=1)
    with serve({"fake": lens}, "127.0.0.1:0", options=options) as running, ThreadPoolExecutor() as pool:
        with grpc.insecure_channel(f"127.0.0.1:{running.port}") as channel:
            stub = LensServiceStub(channel)
            lens.open_gate.clear()
            busy = pool.submit(stub.SearchNeurons, SEARCH)
            wait_until(lambda: lens.asked)
            with pytest.raises(grpc.RpcError):
                stub.CompareNeurons(service.CompareNeuronsRequest(a="conv/1", b="conv/2"), timeout=0.1)
            lens.open_gate.set()
            busy.result(5)
            stub.ListIndexes(service.ListIndexesRequest())
            assert [verb for verb, _ in lens.asked] == ["search"]


def test_streams_leave_workers_for_short_calls(lens: FakeLens) -> None:
    """One more stream than there is room for is refused; a search is still answered."""
    lens.label_pause = 0.05
    with serve({"fake": lens}, "127.0.0.1:0", options=ServerOptions(workers=2)) as running:
        with grpc.insecure_channel(f"127.0.0.1:{running.port}") as channel:
            stub = LensServiceStub(channel)
            first = stub.LabelNeurons(service.LabelNeuronsRequest())
            next(first)
            with pytest.raises(grpc.RpcError) as refused:
                list(stub.LabelNeurons(service.LabelNeuronsRequest()))
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            with pytest.raises(grpc.RpcError, match="long calls"):
                stub.GetConceptMap(service.GetConceptMapRequest())
            assert stub.SearchNeurons(SEARCH).answers
            first.cancel()
            assert lens.labels_closed.wait(5)
            wait_until(lambda: list(stub.LabelNeurons(service.LabelNeuronsRequest())))


def test_too_many_calls_are_refused(lens: FakeLens) -> None:
    """Beyond max_concurrent: RESOURCE_EXHAUSTED at once, instead of an endless queue."""
    options = ServerOptions(workers=1, max_concurrent=1)
    with serve({"fake": lens}, "127.0.0.1:0", options=options) as running, ThreadPoolExecutor() as pool:
        with grpc.insecure_channel(f"127.0.0.1:{running.port}") as channel:
            stub = LensServiceStub(channel)
            lens.open_gate.clear()
            busy = pool.submit(stub.SearchNeurons, SEARCH)
            wait_until(lambda: lens.asked)
            with pytest.raises(grpc.RpcError) as refused:
                stub.ListIndexes(service.ListIndexesRequest())
            lens.open_gate.set()
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert busy.result(5).answers


def test_a_graceful_stop_lets_a_running_call_finish(
    server: RunningServer, stub: LensServiceStub, lens: FakeLens
) -> None:
    """New calls are refused meanwhile."""
    lens.open_gate.clear()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(stub.SearchNeurons, SEARCH)
        wait_until(lambda: lens.asked)
        stopping = pool.submit(server.stop, 5)
        time.sleep(0.2)
        assert not running.done()
        with pytest.raises(grpc.RpcError):
            stub.ListIndexes(service.ListIndexesRequest())
        lens.open_gate.set()
        assert running.result(5).answers
        stopping.result(5)


def test_sigterm_drains_and_ends_the_process(tmp_path: Path) -> None:
    """A call running when the signal comes is answered; the process then ends with 0."""
    program = textwrap.dedent("""
        import sys
        from tests.unit.lens_server.rpc.fake_lens import FakeLens
        from lens_server.rpc.server import serve
        lens = FakeLens(label_pause=0.03)
        running = serve({"fake": lens}, "127.0.0.1:0")
        print(running.port, flush=True)
        running.wait_for_signal(grace=10)
    """)
    root = str(Path(__file__).parents[4])
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
        cwd=tmp_path,
    )
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = LensServiceStub(channel).LabelNeurons(service.LabelNeuronsRequest())
        count = len(next(stream).labels)
        process.send_signal(signal.SIGTERM)
        count += sum(len(response.labels) for response in stream)
    assert count == 22
    assert process.wait(10) == 0


def test_a_port_in_use(server: RunningServer, lens: FakeLens) -> None:
    """A second server does not share the port in silence."""
    address = f"127.0.0.1:{server.port}"
    with pytest.raises(Unavailable) as refused:
        serve({"fake": lens}, address)
    assert address in refused.value.message
    assert "port" in refused.value.hint


@pytest.mark.parametrize("address", ["localhost", "localhost:", ":1", "localhost:http", "localhost:70000"])
def test_no_address(lens: FakeLens, address: str) -> None:
    """What is not HOST:PORT is refused."""
    with pytest.raises(InvalidInput, match="no address"):
        serve({"fake": lens}, address)


def test_concurrent_calls_get_their_own_answers(stub: LensServiceStub) -> None:
    """Fifty searches at once, none of them mixed up."""
    words = [f"word-{at}" for at in range(50)]

    def ask(word: str) -> str:
        answers = stub.SearchNeurons(service.SearchNeuronsRequest(queries=[Query(text=word)])).answers
        return answers[0].query

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(ask, words)) == words
    assert threading.active_count() < 60
