"""What every adapter that loads weights keeps to: no pickle unasked, no waiting for a hub that is not there."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from indexer.errors import LensError

PICKLES = frozenset({".pt", ".pth", ".bin", ".ckpt", ".pkl", ".th", ".tar"})


def refuse_pickle(path: Path, fault: type[LensError], *, trust_pickle: bool) -> None:
    """Raise `fault` for a file that would be unpickled, unless that was allowed."""
    if path.suffix.lower() in PICKLES and not trust_pickle:
        raise fault(
            f"'{path.name}' is a pickle, and unpickling runs code that came with the file.",
            hint="Convert it to .safetensors, or, if you trust its source, allow it by --trust-pickle "
            "(trust_pickle=True).",
        )


@contextmanager
def hub_without_waiting() -> Iterator[None]:
    """Without a name server the hub's client retries for a minute; told so, it reads its cache or fails at once."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not (getproxies() or _resolves(urlsplit(constants.ENDPOINT).hostname))
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without the library's bars and reports: what matters of them is a note or an error of ours."""
    import transformers

    library: Any = transformers.logging  # parts of it have no types
    shown, before = library.is_progress_bar_enabled(), logging.root.manager.disable
    library.disable_progress_bar()
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
        if shown:
            library.enable_progress_bar()


def reason_of(fault: Exception, limit: int = 250) -> str:
    """The first line of what a library says, without its last full stop."""
    line = (str(fault).strip() or type(fault).__name__).splitlines()[0]
    return (line if len(line) <= limit else f"{line[:limit]} …").rstrip(".")


def _resolves(host: str | None) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False
