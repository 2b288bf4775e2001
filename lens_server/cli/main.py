"""The verbs of the command line, and what an error becomes."""

import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from lens_server.cli import ask, audit, build, demo, graph, merge, search, serve, show
from lens_server.cli.faults import INTERRUPTED, console, tell

app = typer.Typer(
    name="lens",
    help="Semantic search over the neurons of a neural network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    build.build,
    merge.merge,
    demo.demo,
    serve.serve,
    search.search,
    ask.compare,
    ask.label,
    ask.diff,
    show.show,
    graph.graph,
    ask.verify,
    audit.audit,
):
    app.command()(command)

_GOES_ON = {"build": " It goes on with --resume.", "graph": " The same command goes on where it was."}


def _version(*, asked: bool) -> None:
    if asked:
        typer.echo(f"lens {version('lens')}")
        raise typer.Exit


@app.callback()
def options(
    version_: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=lambda asked: _version(asked=asked))
    ] = False,
) -> None:
    """Semantic search over the neurons of a neural network."""


def main() -> None:
    """Run the command line; never ends in a traceback unless LENS_DEBUG is set."""
    try:
        app(standalone_mode=True)
    except SystemExit as ended:
        # typer turns Ctrl-C into this status and says nothing.
        if ended.code == INTERRUPTED:
            console().print(f"Interrupted.{_GOES_ON.get(''.join(sys.argv[1:2]), '')}")
        raise
    except BrokenPipeError:
        # The reader (head, less) has gone: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as fault:
        sys.exit(tell(fault))
