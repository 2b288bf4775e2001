"""Token vectors to one vector of their text, as sentence models do."""

from collections.abc import Callable
from typing import Any

import torch


def mean(states: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
    """Of the tokens that are there: states [n, t, d], filled [n, t] → [n, d]."""
    weights = filled[..., None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


def first(states: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
    """The vector of the first token."""
    return states[:, 0]


def last(states: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
    """The vector of the last token that is there."""
    return states[torch.arange(len(states), device=states.device), filled.sum(1).long() - 1]


def highest(states: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
    """The highest of every number over the tokens that are there."""
    return states.masked_fill(filled[..., None] == 0, float("-inf")).amax(1)


POOLINGS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "pooling_mode_mean_tokens": mean,
    "pooling_mode_cls_token": first,
    "pooling_mode_max_tokens": highest,
    "pooling_mode_lasttoken": last,
}
"""By their names in 1_Pooling/config.json."""


class Pooling(torch.nn.Module):
    """An encoder of transformers and how its token vectors become one."""

    def __init__(self, encoder: Any, mode: str) -> None:  # noqa: ANN401 - of transformers
        super().__init__()
        self.encoder = encoder
        self._pool = POOLINGS[mode]
        # A buffer: what pools has no weights, but belongs to what the space is.
        self.register_buffer("mode", torch.tensor(list(POOLINGS).index(mode)))

    def forward(self, ids: torch.Tensor, filled: torch.Tensor) -> torch.Tensor:
        """Ids [n, t] and which of them are there [n, t] → [n, d]."""
        return self._pool(self.encoder(input_ids=ids, attention_mask=filled).last_hidden_state, filled)
