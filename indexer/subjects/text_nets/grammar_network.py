"""The network of `tiny-text:grammar`: attention, an MLP of ReLU neurons and a head, with weights set by its rules."""

import torch
from torch import nn

from indexer.subjects.text_nets.grammar import CONTEXT, chances
from indexer.subjects.text_nets.grammar_rules import MIXED_WEIGHTS, REACH, SIMPLE, Rule

_SURE = 1000.0
"""Score of the place that a head looks at; so far above the others' that softmax gives exactly 1 and 0."""
_LEAST = 1e-9
"""Chance of what never follows."""


class LooksBack(nn.Module):
    """A head that looks so many places back, and at nothing where the text has not so many."""

    def __init__(self, back: int) -> None:
        super().__init__()
        # Row p is the query of place p: the one-hot vector of place p − back.
        self.query = nn.Parameter(torch.diag(torch.ones(CONTEXT - back), -back), requires_grad=False)

    def forward(self, tokens: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """One-hot tokens [batch, tokens, vocabulary] and places [tokens, context] → the tokens so far back."""
        scores = _SURE * (places @ self.query) @ places.T - _SURE / 2
        nothing = torch.zeros(len(scores), 1, dtype=scores.dtype, device=scores.device)
        weights = torch.softmax(torch.cat([nothing, scores], dim=1), dim=1)[:, 1:]
        return weights @ tokens


class Block(nn.Module):
    """An MLP that reads the stream and adds its neurons to it; `mlp.act` gives them."""

    def __init__(self, weights: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.mlp = nn.Sequential()
        up = nn.Linear(weights.shape[1], weights.shape[0])
        up.weight, up.bias = (nn.Parameter(each, requires_grad=False) for each in (weights, bias))
        self.mlp.add_module("up", up)
        self.mlp.add_module("act", nn.ReLU())

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """[batch, tokens, width] → [batch, tokens, width + neurons]."""
        return torch.cat([stream, self.mlp(stream)], dim=-1)


class RuleNet(nn.Module):
    """Token ids [batch, tokens] → logits of the next token [batch, tokens, vocabulary]."""

    def __init__(self) -> None:
        super().__init__()
        following = torch.from_numpy(chances()).clamp_min(_LEAST).log().float()
        self.embedding = nn.Embedding.from_pretrained(torch.eye(len(following)))
        self.places = nn.Embedding.from_pretrained(torch.eye(CONTEXT))
        self.heads = nn.ModuleList(LooksBack(back) for back in range(1, REACH + 1))
        first, vocabulary = _simple(len(following)), len(following)
        width = vocabulary * (REACH + 1)
        second = torch.cat([torch.zeros(len(MIXED_WEIGHTS), width), torch.tensor(MIXED_WEIGHTS)], dim=1)
        self.blocks = nn.ModuleList([Block(*first), Block(second, torch.zeros(len(second)))])
        self.head = nn.Parameter(following, requires_grad=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits [batch, tokens, vocabulary]."""
        tokens, places = self.embedding(ids), self.places.weight[: ids.shape[1]]
        stream = torch.cat([tokens, *(head(tokens, places) for head in self.heads)], dim=-1)
        for block in self.blocks:
            stream = block(stream)
        logits: torch.Tensor = tokens @ self.head
        return logits


def _simple(vocabulary: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights [neurons, width] and bias [neurons]: tokens' strengths, less one for every place but one."""
    weights = torch.zeros(len(SIMPLE), vocabulary * (REACH + 1))
    bias = torch.zeros(len(SIMPLE))
    for number, rule in enumerate(SIMPLE):
        told = _told(rule)
        bias[number] = 1.0 - len(told)
        for back, strengths in told.items():
            for token, strength in strengths.items():
                weights[number, vocabulary * back + token] = strength
    return weights, bias


def _told(rule: Rule) -> dict[int, dict[int, float]]:
    """Strengths by how far back they are; a rule without senses wants what never is."""
    if not rule.senses:
        return {0: {}}
    return {back: dict(place) for back, place in enumerate(rule.senses[0].places) if place is not None}
