"""Runs open_clip's text towers on no more tokens than the texts have.

A tower reads a text off the place of its end token. With a causal mask nothing behind that place can change what is
read there, and Hugging Face's towers mask their padding out: those are cut to the longest text. Towers that look at
their padding (SigLIP, CLIPA, MobileCLIP and their like) or append a token to it (CoCa) see the full context.
"""

from typing import Any

import torch
from open_clip import CLIP
from open_clip.hf_model import HFTextEncoder
from open_clip.transformer import TextTransformer
from torch import nn


def needed_lengths(model: Any, tokens: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - any of open_clip's classes
    """How many of its first tokens each text of [texts, context] must be run with."""
    tower = getattr(model, "text", model)
    if isinstance(tower, HFTextEncoder):
        return _end(tokens != tower.config.pad_token_id)
    causal = isinstance(tower, (CLIP, TextTransformer)) and tower.attn_mask is not None
    if causal and getattr(tower, "cls_emb", None) is None and _pool_type(tower) in ("argmax", "eos"):
        return _place(tower, tokens) + 1
    return torch.full((len(tokens),), tokens.shape[1], dtype=torch.long)


def encode_texts(model: Any, tokens: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - any of open_clip's classes
    """[texts, length] → [texts, dimension], for any length that covers every text's `needed_lengths`."""
    tower = getattr(model, "text", model)
    causal = isinstance(tower, (CLIP, TextTransformer)) and tower.attn_mask is not None
    if causal and tokens.shape[1] < tower.attn_mask.shape[0] and getattr(tower, "cls_emb", None) is None:
        return _encode_causal(tower, tokens)
    encoded: torch.Tensor = model.encode_text(tokens)
    return encoded


def _encode_causal(tower: CLIP | TextTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """What the tower does itself, with the positions and the mask cut to the tokens' length, which it leaves uncut."""
    length = tokens.shape[1]
    states = tower.token_embedding(tokens).to(tower.transformer.get_cast_dtype())
    states = states + tower.positional_embedding[:length].to(states.dtype)
    states = tower.transformer(states, attn_mask=tower.attn_mask[:length, :length])
    pooled = tower.ln_final(states[torch.arange(len(tokens), device=tokens.device), _place(tower, tokens)])
    projection = tower.text_projection
    if projection is not None:
        pooled = projection(pooled) if isinstance(projection, nn.Linear) else pooled @ projection
    encoded: torch.Tensor = pooled
    return encoded


def _pool_type(tower: CLIP | TextTransformer) -> str:
    return str(tower.text_pool_type if isinstance(tower, CLIP) else tower.pool_type)


def _place(tower: CLIP | TextTransformer, tokens: torch.Tensor) -> torch.Tensor:
    """Where each text is read off."""
    if _pool_type(tower) == "argmax":
        return tokens.argmax(dim=-1)
    end = tower.text_eos_id if isinstance(tower, CLIP) else tower.eos_id
    return tokens.eq(end).int().argmax(dim=-1)


def _end(filled: torch.Tensor) -> torch.Tensor:
    """One more than the last place that is filled, at least one."""
    places = torch.arange(1, filled.shape[1] + 1, device=filled.device)
    return (filled * places).amax(dim=1).clamp(min=1)
