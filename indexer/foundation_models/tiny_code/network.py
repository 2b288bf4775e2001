"""Two towers into one space: one reads a token in its place, the other reads words."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

WIDTH, INNER, HEADS = 128, 64, 4
"""Numbers of a vector of the space and of what is asked of a sequence; of each token in a sequence; heads."""
BEFORE, PIVOT, AFTER = 22, 3, 7
"""Slots of a snippet: tokens before the pivot, of the pivot, after it."""
SLOTS = BEFORE + PIVOT + AFTER
LONGEST = 16
"""Tokens of a description."""


class Attention(nn.Module):
    """Queries [n, q, width] read from a sequence [n, t, INNER] where it is filled [n, t]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.merge = nn.Linear(width, width), nn.Linear(width, width)
        self.keys_values = nn.Linear(INNER, 2 * width)

    def forward(self, queries: torch.Tensor, sequence: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
        """[n, q, width]."""
        rows, asking, width = queries.shape
        asked = self.query(queries).view(rows, asking, HEADS, width // HEADS).transpose(1, 2)
        both = self.keys_values(sequence).view(rows, sequence.shape[1], 2, HEADS, width // HEADS)
        keys, values = both.transpose(1, 3).unbind(2)
        mixed = F.scaled_dot_product_attention(asked, keys, values, attn_mask=filled[:, None, None])
        merged: torch.Tensor = self.merge(mixed.transpose(1, 2).reshape(rows, asking, width))
        return merged


class Block(nn.Module):
    """Attention and MLP, each on the normalised stream."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.queries_norm, self.sequence_norm, self.mlp_norm = map(nn.LayerNorm, (width, INNER, width))
        self.attention = Attention(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, queries: torch.Tensor, sequence: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
        """[n, q, width]; a sequence that queries itself is an encoder's block."""
        stream = queries + self.attention(self.queries_norm(queries), self.sequence_norm(sequence), filled)
        changed: torch.Tensor = stream + self.mlp(self.mlp_norm(stream))
        return changed


class Towers(nn.Module):
    """Both towers; they share the embedding of tokens. Id 0 pads."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, INNER)
        self.slots, self.places = nn.Embedding(SLOTS, INNER), nn.Embedding(LONGEST, INNER)
        self.code, self.words = Block(INNER), Block(INNER)
        self.asked, self.readers = nn.Linear(INNER, WIDTH), nn.ModuleList(Block(WIDTH) for _ in range(2))
        self.code_out = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH))
        self.words_out = nn.Sequential(
            nn.LayerNorm(INNER), nn.Linear(INNER, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH)
        )

    def snippets(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids [n, SLOTS], the pivot's first token in slot BEFORE → unit rows [n, WIDTH]."""
        used = (ids != 0).any(dim=0)
        used[BEFORE] = True
        slots = used.nonzero().squeeze(1)
        ids, pivot = ids[:, slots], (slots >= BEFORE) & (slots < BEFORE + PIVOT)
        filled = ids != 0
        stream = self.embedding(ids) + self.slots(slots)
        stream = self.code(stream, stream, filled)
        read = self.asked(_mean(stream, filled & pivot))[:, None]
        for reader in self.readers:
            read = reader(read, stream, filled)
        return F.normalize(self.code_out(read[:, 0]), dim=-1)

    def texts(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids [n, tokens], padded at their ends → unit rows [n, WIDTH]."""
        filled = ids != 0
        stream = self.embedding(ids) + self.places.weight[: ids.shape[1]]
        stream = self.words(stream, stream, filled)
        return F.normalize(self.words_out(_mean(stream, filled)), dim=-1)


def _mean(stream: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """[n, t, INNER] → [n, INNER], over the tokens that count."""
    weights = counted.to(stream.dtype)
    return (stream * weights[..., None]).sum(1) / weights.sum(1, keepdim=True).clamp(min=1)
