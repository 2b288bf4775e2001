"""tiny-code: one space for places in Python source and for what is said of them, trained by the project.

It knows only that world: the standard library's own source, and descriptions of a token made by rules ("closing
bracket", "name of a function where it is defined"; indexer/training/code_wordings.py). Other languages, and words that
nobody taught it, lie somewhere and mean nothing.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
WEIGHTS, VOCABULARY = "tiny_code.safetensors", "tokenizer.json"
PAD, NOTHING = "<|pad|>", "<|nothing|>"
SPECIAL = (PAD, NOTHING)
"""Tokens that stand for no text: where a row is longer than its text, and in the place of a text that is empty."""
