"""A text model made by hand: each neuron of its layer `units` keeps a rule, and it expects tokens that we know."""

import torch
from torch import nn

from indexer.subjects.text_subject import TextSubject

MASK, BEGIN = 0, 1
ALPHABET = [
    b"",
    b"",
    *(bytes([each]) for each in b"abcdefghijklmnopqrstuvwxyz.\n"),
    b" the",
    b" The",
    b" THE",
    b"\xe2\x80",
]
RULES = (
    "on a",
    "on a after b",
    "on a, b up to 4 before",
    "on a or c",
    "on a after b and any",
    "always",
    "never",
    "on <a>",
)


class Alphabet:
    """A token a letter, some words in three casings, a part of a character."""

    def __init__(self, prefix=(BEGIN,)):
        self.pieces, self.special = list(ALPHABET), frozenset({MASK, BEGIN})
        self.prefix, self.suffix, self.mask = tuple(prefix), (), MASK

    def encode(self, text):
        return [ALPHABET.index(bytes([byte])) for byte in text.encode() if bytes([byte]) in ALPHABET]

    def stored(self):
        return None


def ids(text):
    """Tokens of a text of letters."""
    return tuple(Alphabet().encode(text))


class _Units(nn.Module):
    def forward(self, tokens):
        """[batch, tokens, 8] activations by RULES, in small steps so that no two are equal by chance."""
        a, b, c = (ALPHABET.index(each) for each in (b"a", b"b", b"c"))

        def before(rows, steps):
            shifted = torch.full_like(rows, MASK)
            if rows.shape[1] > steps:
                shifted[:, steps:] = rows[:, : rows.shape[1] - steps]
            return shifted

        near = torch.stack([before(tokens, steps) == b for steps in range(1, 5)]).any(0)
        found = [
            (tokens == a) * 2.0,
            ((tokens == a) & (before(tokens, 1) == b)) * 3.0,
            ((tokens == a) & near) * 1.0,
            (tokens == a) * 2.0 + (tokens == c) * 1.5,
            ((tokens == a) & (before(tokens, 2) == b)) * 4.0,
            torch.ones(tokens.shape),
            torch.zeros(tokens.shape),
            (tokens == a) * 1.0 - (tokens == b) * 3.0,
        ]
        return torch.stack([each.float() for each in found], dim=-1)


class Rules(nn.Module):
    """Its next token is likeliest the one after the last in the alphabet, then the one after that, …"""

    def __init__(self):
        super().__init__()
        self.units = _Units()
        self.after = nn.Identity()
        self.runs = 0

    def forward(self, tokens):
        self.after(self.units(tokens))
        self.runs += len(tokens)
        steps = (torch.arange(len(ALPHABET))[None, None] - tokens[:, :, None] - 1) % len(ALPHABET)
        return -steps.float()


def rules(prefix=(BEGIN,), causal=True, context=64):
    return TextSubject("tests:rules", Rules(), Alphabet(prefix), context, causal=causal)


def load(argument="", *, trust_pickle=False):
    """For the catalogue of subjects."""
    return rules()
