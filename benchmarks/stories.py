"""Stories that LENS_DATA's stories260k tells: sampled token by token, the same for the same seed and count."""

from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

BEGIN, TEMPERATURE = 1, 0.8


@torch.inference_mode()
def write_stories(module: Any, tokenizer: Any, folder: Path, *, count: int, tokens: int, seed: int) -> None:  # noqa: ANN401, PLR0913
    """A file for each of `count` stories of at most so many tokens; a story ends where the model begins another."""
    chance, teller = torch.Generator().manual_seed(seed), Teller(module, count, tokens + 1)
    columns = [torch.full((count,), BEGIN)]
    for _ in range(tokens):
        likely = (teller.logits(columns[-1]) / TEMPERATURE).softmax(-1)
        columns.append(torch.multinomial(likely, 1, generator=chance)[:, 0])
    folder.mkdir(parents=True)
    for number, ids in enumerate(torch.stack(columns[1:], dim=1).tolist()):
        text = tokenizer.decode(ids[: ids.index(BEGIN)] if BEGIN in ids else ids).strip()
        (folder / f"story-{number:05d}.txt").write_text(text + "\n", encoding="utf-8")


class Teller:
    """The module's forward pass a token at a time, with what its attention has seen kept."""

    def __init__(self, module: Any, count: int, tokens: int) -> None:  # noqa: ANN401
        self._module, self._at = module, 0
        shape = (count, tokens, module.blocks[0].kv_heads, module.blocks[0].head)
        self._seen = [(torch.zeros(shape), torch.zeros(shape)) for _ in module.blocks]

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        """Of the token after `ids` [texts] → [texts, vocabulary]."""
        stream = self._module.emb(ids)
        for block, (keys, values) in zip(self._module.blocks, self._seen, strict=True):
            own = block.attn_norm(stream)
            keys[:, self._at] = self._turned(block.wk(own).view(len(ids), block.kv_heads, block.head))
            values[:, self._at] = block.wv(own).view(len(ids), block.kv_heads, block.head)
            query = self._turned(block.wq(own).view(len(ids), block.kv_heads, -1, block.head))
            scores = torch.einsum("nkqd,ntkd->nkqt", query, keys[:, : self._at + 1]) / block.head**0.5
            mixed = torch.einsum("nkqt,ntkd->nkqd", scores.softmax(-1), values[:, : self._at + 1])
            stream = stream + block.wo(mixed.flatten(1))
            own = block.ffn_norm(stream)
            stream = stream + block.w2(functional.silu(block.w1(own)) * block.w3(own))
        self._at += 1
        found: torch.Tensor = self._module.norm(stream) @ self._module.emb.weight.T
        return found

    def _turned(self, vectors: torch.Tensor) -> torch.Tensor:
        """Rotary positions: pairs are neighbours."""
        cosine, sine = self._module.cos[self._at], self._module.sin[self._at]
        even, odd = vectors[..., 0::2], vectors[..., 1::2]
        return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).flatten(-2)
