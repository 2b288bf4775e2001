"""The real models and photographs of LENS_DATA, where they are."""

import os
import sys
from pathlib import Path

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"


def real_data() -> Path | None:
    """Their folder, its factories importable; None where it is absent."""
    folder = Path(os.environ.get("LENS_DATA") or _DEFAULT)
    if not (folder / "subjects.py").is_file():
        return None
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return folder
