"""Small text models of this project: `stdlib` reads Python, `grammar` has neurons whose rules are known."""

from pathlib import Path

NAMES = ("grammar", "stdlib")
BEGIN, MASK = "<|begin|>", "<|mask|>"
SPECIAL = (BEGIN, MASK)
"""Tokens that stand for no text; the first begins every text."""

_FOLDER = Path(__file__).parent / "weights"


def files_of(name: str, folder: Path | None = None) -> tuple[Path, Path]:
    """Where the weights and the tokenizer of a model lie."""
    folder = folder or _FOLDER
    return folder / f"{name}.safetensors", folder / f"{name}.tokenizer.json"
