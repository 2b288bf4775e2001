"""Two towers into one space: one reads a token in its place, the other reads words."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

WIDTH, HEADS, NEURONS = 128, 4, 512
BEFORE, PIVOT, AFTER = 32, 4, 12
"""Slots of a snippet: tokens before the pivot, of the pivot, after it."""
SLOTS = BEFORE + PIVOT + AFTER
LONGEST = 24
"""Tokens of a description."""


class Attention(nn.Module):
    """Queries [n, q, width] read from a sequence [n, t, width] where it is filled [n, t]."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.merge = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.keys_values = nn.Linear(WIDTH, 2 * WIDTH)

    def forward(self, queries: torch.Tensor, sequence: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
        """[n, q, width]."""
        rows = len(queries)
        asked = self.query(queries).view(rows, -1, HEADS, WIDTH // HEADS).transpose(1, 2)
        keys, values = self.keys_values(sequence).view(rows, -1, 2, HEADS, WIDTH // HEADS).transpose(1, 3).unbind(2)
        mixed = F.scaled_dot_product_attention(asked, keys, values, attn_mask=filled[:, None, None])
        merged: torch.Tensor = self.merge(mixed.transpose(1, 2).reshape(rows, -1, WIDTH))
        return merged


class Block(nn.Module):
    """Attention and MLP, each on the normalised stream."""

    def __init__(self) -> None:
        super().__init__()
        self.queries_norm, self.sequence_norm, self.mlp_norm = (nn.LayerNorm(WIDTH) for _ in range(3))
        self.attention = Attention()
        self.mlp = nn.Sequential(nn.Linear(WIDTH, NEURONS), nn.GELU(), nn.Linear(NEURONS, WIDTH))

    def forward(self, queries: torch.Tensor, sequence: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
        """[n, q, width]; a sequence that queries itself is an encoder's block."""
        stream = queries + self.attention(self.queries_norm(queries), self.sequence_norm(sequence), filled)
        changed: torch.Tensor = stream + self.mlp(self.mlp_norm(stream))
        return changed


class Towers(nn.Module):
    """Both towers; they share the embedding of tokens. Id 0 pads."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.slots, self.places = nn.Embedding(SLOTS, WIDTH), nn.Embedding(LONGEST, WIDTH)
        self.code, self.reader, self.words = Block(), Block(), Block()
        self.code_norm, self.words_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.code_out, self.words_out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def snippets(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids [n, SLOTS], the pivot's first token in slot BEFORE → unit rows [n, width]."""
        used = (ids != 0).any(dim=0)
        used[BEFORE] = True
        slots = used.nonzero().squeeze(1)
        ids, pivot = ids[:, slots], (slots >= BEFORE) & (slots < BEFORE + PIVOT)
        filled = ids != 0
        stream = self.embedding(ids) + self.slots(slots)
        stream = self.code(stream, stream, filled)
        weights = (filled & pivot).to(stream.dtype)
        read = (stream * weights[..., None]).sum(1, keepdim=True) / weights.sum(1).clamp(min=1)[:, None, None]
        read = self.reader(read, stream, filled)
        return F.normalize(self.code_out(self.code_norm(read[:, 0])), dim=-1)

    def texts(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids [n, tokens], padded at their ends → unit rows [n, width]."""
        filled = ids != 0
        stream = self.embedding(ids) + self.places.weight[: ids.shape[1]]
        stream = self.words(stream, stream, filled)
        read = (stream * filled[..., None]).sum(1) / filled.sum(1, keepdim=True).clamp(min=1)
        return F.normalize(self.words_out(self.words_norm(read)), dim=-1)
