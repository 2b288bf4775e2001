"""Snippets and descriptions as token ids, for the towers of tiny-code."""

from collections.abc import Sequence
from pathlib import Path

import tokenizers
import torch

from indexer.foundation_models.snippets import Snippet
from indexer.foundation_models.tiny_code import NOTHING
from indexer.foundation_models.tiny_code.network import AFTER, BEFORE, LONGEST, PIVOT, SLOTS

NEAR = 16 * BEFORE
"""Characters on either side of the pivot that are looked at: far more than fill the slots."""


class Reader:
    """Byte pairs of one tokenizer for both towers; no text is unknown to it."""

    def __init__(self, library: tokenizers.Tokenizer) -> None:
        library.no_truncation()
        library.no_padding()
        self._library = library
        self._nothing = int(library.token_to_id(NOTHING) or 0)

    @classmethod
    def of(cls, file: Path) -> "Reader":
        """The one stored in a tokenizer.json."""
        return cls(tokenizers.Tokenizer.from_file(str(file)))

    @property
    def size(self) -> int:
        """Number of token ids."""
        return int(self._library.get_vocab_size())

    def snippets(self, snippets: Sequence[Snippet]) -> torch.Tensor:
        """Ids [snippets, SLOTS], the pivot's from slot BEFORE on; 0 where there is nothing."""
        ids = torch.zeros((len(snippets), SLOTS), dtype=torch.long)
        before = self._encoded([each.before[-NEAR:] for each in snippets])
        pivots = self._encoded([each.token[:NEAR] for each in snippets])
        after = self._encoded([each.after[:NEAR] for each in snippets])
        for row, left, pivot, right in zip(ids, before, pivots, after, strict=True):
            kept, pivot, right = left[-BEFORE:], (pivot or [self._nothing])[:PIVOT], right[:AFTER]
            row[BEFORE - len(kept) : BEFORE] = torch.tensor(kept, dtype=torch.long)
            row[BEFORE : BEFORE + len(pivot)] = torch.tensor(pivot)
            row[BEFORE + PIVOT : BEFORE + PIVOT + len(right)] = torch.tensor(right, dtype=torch.long)
        return ids

    def texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Ids [texts, tokens] in small letters, at most LONGEST of each, as long as the longest."""
        found = self._encoded([f" {text.strip().lower()}" if text.strip() else "" for text in texts])
        kept = [(ids or [self._nothing])[:LONGEST] for ids in found]
        rows = torch.zeros((len(kept), max(map(len, kept), default=1)), dtype=torch.long)
        for row, ids in zip(rows, kept, strict=True):
            row[: len(ids)] = torch.tensor(ids)
        return rows

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        # Surrogates alone are no text that could be encoded.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return [each.ids for each in self._library.encode_batch(clean, add_special_tokens=False)]
