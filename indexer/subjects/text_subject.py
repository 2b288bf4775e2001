"""What a text subject is: a torch module under inspection, with the tokenizer it reads texts by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from indexer.errors import SubjectFault

if TYPE_CHECKING:
    import torch


class Tokenizer(Protocol):
    """Texts to tokens. A token is known by its number in the vocabulary."""

    pieces: Sequence[bytes]
    """What each token of the vocabulary stands for in a text, with the blank before a word; b"" for special tokens."""
    special: frozenset[int]
    """Tokens that stand for no text."""
    prefix: tuple[int, ...]
    """Special tokens that the subject wants before a text, …"""
    suffix: tuple[int, ...]
    """… and after it."""
    mask: int
    """What is put in the place of a token to see what is missed without it."""

    def encode(self, text: str) -> list[int]:
        """The text's own tokens, without prefix and suffix, however many; any text is legal."""
        ...

    def stored(self) -> str | None:
        """The content of a tokenizer.json that encodes alike; None where there is no such form."""
        ...


@dataclass(frozen=True)
class TextSubject:
    """A text model under inspection."""

    name: str
    """As on the command line, e.g. `tiny-text:stdlib`."""
    module: "torch.nn.Module"
    """Takes token ids int64 [batch, tokens]; returns logits [batch, tokens, vocabulary], bare, first in a tuple or
    under `logits`, where it predicts tokens."""
    tokenizer: Tokenizer
    context: int
    """The most tokens it takes, prefix and suffix included."""
    causal: bool
    """A token sees those before it only: tokens appended to a prompt change nothing before them."""
    by_name: bool = False
    """It takes `input_ids` and `attention_mask` by name, as models of transformers do."""
    notes: tuple[str, ...] = field(default=())
    """What the user should know of how it was loaded."""

    @property
    def room(self) -> int:
        """The most tokens of a text that fit."""
        return self.context - len(self.tokenizer.prefix) - len(self.tokenizer.suffix)

    def prompt(self, tokens: Sequence[int]) -> list[int]:
        """A text's tokens as the subject wants them; raises SubjectFault for more than fit."""
        if len(tokens) > self.room:
            raise SubjectFault(f"{self.name} takes {self.room} tokens of a text, not {len(tokens)}.")
        return [*self.tokenizer.prefix, *tokens, *self.tokenizer.suffix]
