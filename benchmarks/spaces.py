"""The embedding space of a foundation model, so that an index can be synthesised for it."""

from benchmarks.light import NAME, register
from indexer.catalogue import FOUNDATION_MODELS
from indexer.foundation_models.foundation_model import EmbeddingSpace, FoundationModel


def space_of(name: str) -> EmbeddingSpace:
    """Loads the model, as its digest needs the weights."""
    if name == NAME:
        return register().space
    model: FoundationModel = FOUNDATION_MODELS.load(name)
    return model.space
