"""Text queries over gRPC through the Python client, against the cheapest call the same server answers."""

import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.light import NAME, register
from benchmarks.measuring import interleaved
from benchmarks.reporting import Report
from benchmarks.spaces import space_of
from benchmarks.synthetic import synthesise
from lens_client.synchronous import LensClient

BAR, NEURONS = 2.0, 10_000
FOUNDATION = "open_clip:ViT-B-32/random"


def measure(report: Report) -> None:
    """Cached and new texts at 10^4 neurons; a new text by a light tower shows what is not the tower."""
    with tempfile.TemporaryDirectory() as temporary:
        for name in [NAME] if report.quick else [FOUNDATION, NAME]:
            _served(report, Path(temporary) / name.replace("/", "-").replace(":", "-"), name)
    report.note(
        "Server in a process of its own, one thread of torch; the Python client included on both sides. Empty call: "
        "`grpc.health.v1.Health/Check`, which passes no interceptor of ours. 'Answer cached': the same request again. "
        "'Words cached': the text was embedded before, but not asked with this limit (11 to 20)."
    )


def _served(report: Report, index: Path, name: str) -> None:
    synthesise(index, NEURONS, space_of(name))
    with (
        _server(index) as port,
        LensClient(f"grpc://127.0.0.1:{port}") as client,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub, empty = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest()
        _asked(report, client, lambda: stub.Check(empty), name)


def _asked(report: Report, client: LensClient, empty: Callable[[], object], name: str) -> None:
    client.search("ruler")
    turn = count()
    known = [f"text {number}" for number in range(64)]
    client.search(known)
    cases: dict[str, tuple[Callable[[], object], int]] = {
        "answer cached": (lambda: client.search("ruler"), 1000),
        "words cached": (lambda: _again(client, known, next(turn)), 250),
        "new text": (lambda: client.search(f"a new text of number {next(turn)}"), 100),
    }
    for what, (call, rounds) in cases.items():
        paired = interleaved(call, empty, rounds // 10 if report.quick else rounds, warm=20)
        ratio = statistics.median(paired.ours) / statistics.median(paired.theirs)
        bar = what == "answer cached" and (report.quick or name == FOUNDATION)
        report.row(
            f"{what}, {NEURONS:,} neurons, {name}",
            f"p50 {statistics.median(paired.ours) * 1e3:.2f} ms, **{ratio:.2f}** × the empty call's "
            f"{statistics.median(paired.theirs) * 1e3:.2f} ms (turn by turn: median {paired.median:.2f}, "
            f"min {min(paired.ratios):.2f}, max {max(paired.ratios):.2f})",
            f"≤ {BAR:.0f}" if bar else "–",
            ratio <= BAR if bar else None,
            ratio_of_medians=ratio,
            **paired.details(),
        )


def _again(client: LensClient, known: list[str], number: int) -> object:
    """A known text with a limit it was not asked with before: 10 to 20 hits."""
    return client.search(known[number % len(known)], limit=11 + number // len(known) % 10)


@contextmanager
def _server(index: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.suites.rpc", str(index)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield _port(process)
        finally:
            process.terminate()


def _port(process: "subprocess.Popen[str]") -> int:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"Serving grpc://.*:(\d+)/", line):
            return int(found[1])
    raise RuntimeError(f"the server ended with status {process.wait()}")


if __name__ == "__main__":
    from lens_server.cli.main import main

    register()
    sys.argv = ["lens", "serve", sys.argv[1], "--grpc", "127.0.0.1:0"]
    main()
