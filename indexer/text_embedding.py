"""Each distinct place of a text once through the foundation model, in chunks that survive a kill."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.collectors.spans import Excerpts, span_of
from indexer.domain.embeddings import Vectors
from indexer.domain.views import boxes_of, samples_of
from indexer.embedding import Embedded
from indexer.foundation_models.foundation_model import FoundationModel
from indexer.foundation_models.snippets import Snippet, embed_snippets
from indexer.progress import Progress
from indexer.whole import whole_file

_CHUNK = 2048


def embed_places(
    model: FoundationModel, excerpts: Excerpts, wanted: NDArray[np.int64], staging: Path, progress: Progress
) -> Embedded:
    """Embed the spans around places (views: a passage and a token in it); chunks already stored are not made again."""
    chunks: list[Vectors] = []
    pieces = excerpts.subject.tokenizer.pieces
    with progress.stage("Embedding distinct exemplars", len(wanted)) as stage:
        for number, start in enumerate(range(0, len(wanted), _CHUNK)):
            piece, path = wanted[start : start + _CHUNK], staging / f"embedded-text-{number:06d}.npy"
            if not path.exists():
                places = zip(samples_of(piece).tolist(), boxes_of(piece).tolist(), strict=True)
                snippets = [snippet_of(pieces, excerpts.tokens[sample], token) for sample, token in places]
                with whole_file(path) as file:
                    np.save(file, embed_snippets(model, snippets))
            chunks.append(np.load(path))
            stage.advance(len(piece))
    empty = np.empty((0, model.space.dimension), dtype=np.float32)
    return Embedded(wanted, np.concatenate([empty, *chunks]), (), None)


def snippet_of(pieces: Sequence[bytes], tokens: Sequence[int], place: int) -> Snippet:
    """The text around a place."""
    start, stop = span_of(place, len(tokens))
    return Snippet(
        text_of(pieces, tokens[start:place]),
        text_of(pieces, tokens[place : place + 1]),
        text_of(pieces, tokens[place + 1 : stop]),
    )


def text_of(pieces: Sequence[bytes], tokens: Sequence[int]) -> str:
    """Tokens as text; bytes that are none become U+FFFD."""
    return b"".join(pieces[token] for token in tokens).decode("utf-8", "replace")
