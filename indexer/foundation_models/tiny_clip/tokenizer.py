"""The tokenizer of tiny-clip: words of the lesion world, pieces of words for all others; symbols are spaces."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import MissingExtra
from indexer.foundation_models.tiny_clip import FOLDER

if TYPE_CHECKING:
    import tokenizers
    import torch

CONTEXT_LENGTH = 48
PAD, PAD_ID = "<pad>", 0
START = "<start>"
END = "<end>"
"""The end has the largest id: CLIP reads the sentence off the place of the largest."""


class Tokenizer:
    """Texts to token ids, called like open_clip's tokenizers."""

    def __init__(self, file: Path = FOLDER / "tokenizer.json", context_length: int = CONTEXT_LENGTH) -> None:
        self._file = file
        self.context_length = context_length

    def __call__(self, texts: str | Sequence[str], context_length: int | None = None) -> "torch.LongTensor":
        """Ids [n, context_length], zero-padded; a longer text is cut and still ends with the end token."""
        import torch

        texts = [texts] if isinstance(texts, str) else list(texts)
        length = context_length or self.context_length
        ids = torch.zeros((len(texts), length), dtype=torch.long)
        for row, encoding in zip(ids, self._encoder.encode_batch(texts), strict=True):
            tokens = encoding.ids if len(encoding.ids) <= length else [*encoding.ids[: length - 1], encoding.ids[-1]]
            row[: len(tokens)] = torch.tensor(tokens)
        return ids  # type: ignore[return-value]

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return int(self._encoder.get_vocab_size())

    @cached_property
    def _encoder(self) -> "tokenizers.Tokenizer":
        try:
            import tokenizers
        except ModuleNotFoundError as missing:
            raise MissingExtra("tiny-clip needs 'tokenizers'.", hint="pip install 'lens[models]'") from missing
        return tokenizers.Tokenizer.from_file(str(self._file))
