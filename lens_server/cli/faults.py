"""What an error becomes: words on standard error, and the status the process ends with."""

import errno
import os
import traceback

from rich.console import Console
from rich.markup import escape

from indexer.errors import LensError
from indexer.memory import out_of_memory
from lens_client.errors import LensServerError

INTERNAL, INTERRUPTED, BAD_INPUT = 70, 130, 2
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}


def tell(fault: Exception) -> int:
    """Say what went wrong and what cures it; the exit status."""
    message, hint = "", ""
    if isinstance(fault, (LensError, LensServerError)):
        message, hint = fault.message, fault.hint
    elif isinstance(fault, OSError) and fault.errno in _NO_ROOM:
        message = f"Writing failed: {fault.strerror}."
        hint = "No index was half-written. Make room, or choose another place; then go on with --resume."
    elif out_of_memory(fault):
        message = f"Memory ran out: {str(fault).strip().partition(chr(10))[0] or 'the system gave no more'}."
        hint = "Smaller batches (--batch-size) or fewer layers at once need less; --add brings the others later."
    if os.environ.get("LENS_DEBUG"):
        traceback.print_exception(fault)
    kind = "error" if message else "internal error"
    console().print(f"[bold red]{kind}:[/] {escape(message or f'{type(fault).__name__}: {fault}')}")
    if not message:
        hint = "This is a fault of lens. Set LENS_DEBUG=1 for the traceback and report it."
    if hint:
        console().print(f"  {escape(hint)}")
    return BAD_INPUT if message else INTERNAL


def console() -> Console:
    """Where faults are told: standard error."""
    return Console(stderr=True, soft_wrap=True, highlight=False)
