"""`lesion:NAME`: a small network of the embedded lesion world, trained by this project."""

from indexer.subjects import lesion_nets
from indexer.subjects.subject import Subject


def load(argument: str, *, trust_pickle: bool = False) -> Subject:
    """Load a lesion net; raises UnknownName."""
    module, preprocess, classes = lesion_nets.load(argument)
    return Subject(f"lesion:{argument}", module, preprocess, tuple(classes))
