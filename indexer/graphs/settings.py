"""What a token graph is made from, how, and what comes of it. Constants are those of arXiv 2304.12918."""

from dataclasses import dataclass
from typing import NamedTuple

from indexer.domain.token_graphs import FIRES, TokenGraph
from indexer.graphs.scoring import Scores
from indexer.subjects.token_runs import BATCH_TOKENS


class Example(NamedTuple):
    """A passage that a neuron fires in."""

    tokens: tuple[int, ...]
    """Its own tokens; at most as many as fit the subject."""
    pivot: int
    """Where the neuron is strongest, from 0."""


@dataclass(frozen=True)
class Asked:
    """A neuron that is to get a graph."""

    row: int
    """In the index; it comes back with the graph."""
    unit: int
    sign: int
    """−1 for the negative end of a signed neuron."""
    highest: float
    """The neuron's strongest activation over the corpus, its sign turned with `sign`; activations are divided by it."""
    build: tuple[Example, ...]
    held_out: tuple[Example, ...]


@dataclass(frozen=True)
class GraphSettings:
    """How graphs are made."""

    examples: int = 10
    """Of each neuron's strongest, so many at most are built from, and so many held-out ones scored on."""
    pivots: int = 6
    """Firing tokens of each example, the strongest, that are pivots at most: one alone leaves too much unseen."""
    windows: tuple[int, ...] = (5, 10, 15, 20, 25, 30)
    """Tokens, the pivot last, that pruning tries in this order."""
    tail: int = 5
    """Tokens at most after the pivot, up to the end of its sentence."""
    kept: float = 0.5
    """Share of the activation that a shorter or changed prompt must keep."""
    changed_from: float = 0.8
    """Tokens of at least this importance are replaced by others."""
    important_above: float = 0.75
    """Tokens of more than this importance are on a path."""
    substitutes: int = 5
    """Tokens tried in the place of one."""
    masked_model: str = ""
    """`adapter:argument` of a masked language model that proposes them; empty: the subject itself."""
    least: float = 0.25
    """Share of the tokens that a path decides in the examples that must fire, else the path is dropped."""
    fires: float = FIRES
    batch_tokens: int = BATCH_TOKENS
    """That run together; in wide layers fewer."""


@dataclass(frozen=True)
class Made:
    """What came of a neuron."""

    row: int
    graph: TokenGraph
    """Without paths where making it failed."""
    scores: Scores
    failed: str
    """Why the scores are 0; empty where they were measured."""
