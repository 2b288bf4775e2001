"""Which engine an index is served by."""

from pathlib import Path

from indexer.catalogue import ENGINES
from indexer.domain.embeddings import Vectors
from indexer.engines.engine import Engine

EXACT_UP_TO = 200_000
"""Neurons up to which exact search is the right answer (some 8 ms)."""


def check_engine(asked: str, dimension: int) -> None:
    """Raise InvalidInput for an engine nobody knows or a factory string nobody understands, before any work is done."""
    if asked != "auto":
        kind, argument = ENGINES.find(asked)
        kind.check(argument, dimension)


def store_engine(asked: str, vectors: Vectors, folder: Path) -> str:
    """Build the engine asked for, keep its files in `folder` where it has any; returns its name, `auto` resolved."""
    name = asked if asked != "auto" else "exact" if len(vectors) <= EXACT_UP_TO else "faiss"
    engine: Engine = ENGINES.load(name, vectors=vectors)
    folder.mkdir()
    engine.save(folder)
    if not any(folder.iterdir()):
        folder.rmdir()
    return name


def open_engine(name: str, vectors: Vectors, folder: Path) -> Engine:
    """The engine of an index, from its files or built anew."""
    engine: Engine = ENGINES.load(name, vectors=vectors, folder=folder)
    return engine
