"""The verbs of the command line, and what an error becomes."""

import errno
import os
import sys
import traceback
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from indexer.errors import LensError
from lens_client.errors import LensServerError
from lens_server.cli import ask, build, demo, serve

INTERNAL, INTERRUPTED, BAD_INPUT = 70, 130, 2
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}

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
    demo.demo,
    serve.serve,
    ask.search,
    ask.compare,
    ask.label,
    ask.diff,
    ask.show,
    ask.verify,
):
    app.command()(command)


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
            _console().print("Interrupted. A build goes on with --resume.")
        raise
    except BrokenPipeError:
        # The reader (head, less) has gone: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as fault:
        sys.exit(_told(fault))


def _told(fault: Exception) -> int:
    """Say what went wrong and what cures it; the exit status."""
    message, hint = "", ""
    if isinstance(fault, (LensError, LensServerError)):
        message, hint = fault.message, fault.hint
    elif isinstance(fault, OSError) and fault.errno in _NO_ROOM:
        message = f"Writing failed: {fault.strerror}."
        hint = "No index was half-written. Make room, or choose another place; then go on with --resume."
    if os.environ.get("LENS_DEBUG"):
        traceback.print_exception(fault)
    kind = "error" if message else "internal error"
    _console().print(f"[bold red]{kind}:[/] {escape(message or f'{type(fault).__name__}: {fault}')}")
    if not message:
        hint = "This is a fault of lens. Set LENS_DEBUG=1 for the traceback and report it."
    if hint:
        _console().print(f"  {escape(hint)}")
    return BAD_INPUT if message else INTERNAL


def _console() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False)
