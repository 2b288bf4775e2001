"""A small decoder: rotary attention, then an MLP of ReLU neurons, in every block."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

WIDTH, BLOCKS, HEADS, NEURONS = 128, 3, 4, 512
CONTEXT = 128
"""Tokens it was trained on at a time, the beginning's included."""


class Block(nn.Module):
    """Attention and MLP, each on the normalised residual stream; `mlp.act` gives the neurons."""

    def __init__(self, width: int, heads: int, neurons: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("up", nn.Linear(width, neurons))
        self.mlp.add_module("act", nn.ReLU())
        self.mlp.add_module("down", nn.Linear(neurons, width))

    def forward(self, stream: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
        """[batch, tokens, width] → the same; cosine and sine [tokens, width / heads / 2] turn queries and keys."""
        batch, tokens, width = stream.shape
        parts = self.qkv(self.attention_norm(stream)).view(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts.transpose(1, 3).unbind(2)
        mixed = F.scaled_dot_product_attention(
            turned(query, cosine, sine), turned(key, cosine, sine), value, is_causal=True
        )
        stream = stream + self.merge(mixed.transpose(1, 2).reshape(batch, tokens, width))
        changed: torch.Tensor = stream + self.mlp(self.mlp_norm(stream))
        return changed


class Decoder(nn.Module):
    """Token ids [batch, tokens] → logits of the next token [batch, tokens, vocabulary]; embeddings are tied."""

    def __init__(
        self, vocabulary: int, *, width: int = WIDTH, blocks: int = BLOCKS, heads: int = HEADS, neurons: int = NEURONS
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads, neurons) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)
        frequencies = 10_000.0 ** -(torch.arange(0, width // heads, 2) / (width // heads))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits [batch, tokens, vocabulary]."""
        frequencies: torch.Tensor = self.get_buffer("frequencies")
        angles = torch.arange(ids.shape[1], device=ids.device)[:, None] * frequencies
        cosine, sine = angles.cos(), angles.sin()
        stream = self.embedding(ids)
        for block in self.blocks:
            stream = block(stream, cosine, sine)
        return F.linear(self.norm(stream), self.embedding.weight)


def turned(vectors: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Rotary positions (arXiv 2104.09864) on [batch, heads, tokens, size]: pairs are the two halves of a vector."""
    first, second = vectors.chunk(2, dim=-1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)
