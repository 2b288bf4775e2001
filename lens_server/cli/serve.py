"""`lens serve`: answer over gRPC."""

import logging
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lens_server.rpc.served import open_lenses
from lens_server.rpc.server import serve as start


def serve(
    indexes: Annotated[
        list[Path], typer.Argument(help="Index folders; each is served under its folder's name.", show_default=False)
    ],
    grpc: Annotated[
        str, typer.Option("--grpc", metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")
    ] = "127.0.0.1:50051",
    trust_pickle: Annotated[
        bool, typer.Option("--trust-pickle", help="Load foundation models from pickled weights, which can run code.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A log line per call.")] = False,
) -> None:
    """Serve indexes over gRPC until Ctrl-C or SIGTERM; running calls are finished first."""
    # A call has a thread of its own; several more inside each would fight for the same cores. Read when torch loads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    running = start(open_lenses(indexes, trust_pickle=trust_pickle), grpc)
    host = grpc.rpartition(":")[0]
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for summary in running.served.summaries():
        console.print(f"Serving grpc://{host}:{running.port}/{summary.name}", markup=False)
    console.print("Ctrl-C stops.", markup=False)
    running.wait_for_signal()
