"""`text:FILE_OR_FOLDER[,passage=CHARACTERS]`: a text file, or every text file below a folder."""

import re
from pathlib import Path

from indexer.corpora.corpus import Corpus
from indexer.corpora.passages import PASSAGE, Passages, decoded, passage_size
from indexer.datasets.images import missing_path
from indexer.datasets.listings import check_names, files_below
from indexer.errors import DatasetFault, InvalidInput

_KINDS = (
    "txt text md rst tex log csv tsv json jsonl yaml yml toml ini cfg xml html htm css sql sh srt vtt "
    "py pyi js ts jsx tsx java c h cc cpp hpp cs go rs rb php swift kt scala r jl lua pl hs ml ex clj"
)
ENDINGS = frozenset(f".{kind}" for kind in _KINDS.split())
"""Of files below a folder that are read; a file named by itself may end otherwise."""
USAGE = "Write text:FILE or text:FOLDER[,passage=CHARACTERS], e.g. text:notes."


def load(argument: str) -> Corpus:
    """List and cut the texts; raises InvalidInput or DatasetFault where there are none."""
    name, *options = re.split(r",(?=passage=)", argument)
    if not name:
        raise InvalidInput("The corpus 'text' needs a file or a folder.", hint=USAGE)
    size = passage_size(options[-1].removeprefix("passage=")) if options else PASSAGE
    path = Path(name).expanduser()
    if not path.exists():
        raise InvalidInput(f"There is nothing at '{name}'.", hint=missing_path(path, "text").hint)
    root, names = (path.parent, [path.name]) if path.is_file() else (path, _names(path))
    if not names:
        raise DatasetFault(f"No texts below '{name}'.", hint="Texts are told by their endings, e.g. .txt, .md or .py.")
    check_names(names)
    about: dict[str, object] = {"adapter": "text", "argument": argument}
    return Passages(names, lambda number: _read(root, names[number]), about, size=size)


def _names(root: Path) -> list[str]:
    """Files with such endings, sorted; hidden ones and what is no file are passed over."""
    return sorted(
        name for name in files_below(root) if Path(name).suffix.lower() in ENDINGS and not _waits(root / name)
    )


def _waits(path: Path) -> bool:
    """Whether it is no file, such as a pipe, that reading would wait for; links that lead nowhere are told of later."""
    try:
        return path.exists() and not path.is_file()
    except OSError:
        return False


def _read(root: Path, name: str) -> str:
    try:
        return decoded((root / name).read_bytes(), name)
    except OSError as fault:
        raise DatasetFault(
            f"{name} cannot be read: {fault.strerror}.", hint="Make it readable or move it away."
        ) from fault
