"""`text:FILE_OR_FOLDER[,passage=CHARACTERS]`: a text file, or every text file below a folder."""

import os
import re
from pathlib import Path

from indexer.corpora.corpus import Corpus
from indexer.corpora.passages import PASSAGE, Passages, decoded, passage_size
from indexer.errors import DatasetFault, InvalidInput, nearest_hint

ENDINGS = frozenset(
    [
        ".txt",
        ".md",
        ".rst",
        ".tex",
        ".csv",
        ".json",
        ".jsonl",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".xml",
        ".html",
        ".css",
        ".sql",
        ".sh",
        ".py",
        ".pyi",
        ".js",
        ".ts",
        ".jsx",
        ".tsx",
        ".java",
        ".c",
        ".h",
        ".cc",
        ".cpp",
        ".hpp",
        ".cs",
        ".go",
        ".rs",
        ".rb",
        ".php",
        ".swift",
        ".kt",
        ".scala",
        ".r",
        ".jl",
        ".lua",
        ".pl",
    ]
)
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
        beside = [each.name for each in path.absolute().parent.iterdir()] if path.absolute().parent.is_dir() else []
        raise InvalidInput(f"There is nothing at '{name}'.", hint=nearest_hint(path.name, beside) if beside else USAGE)
    root, names = (path.parent, [path.name]) if path.is_file() else (path, _names(path))
    if not names:
        raise DatasetFault(f"No texts below '{name}'.", hint="Texts are told by their endings, e.g. .txt, .md or .py.")
    about: dict[str, object] = {"adapter": "text", "argument": argument}
    return Passages(names, lambda number: _read(root, names[number]), about, size=size)


def _names(root: Path) -> list[str]:
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [each for each in subfolders if not each.startswith(".")]
        found += [
            (Path(folder) / name).relative_to(root).as_posix()
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in ENDINGS
        ]
    return sorted(found)


def _read(root: Path, name: str) -> str:
    try:
        return decoded((root / name).read_bytes(), name)
    except OSError as fault:
        raise DatasetFault(
            f"{name} cannot be read: {fault.strerror}.", hint="Make it readable or move it away."
        ) from fault
