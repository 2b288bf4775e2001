"""Neurons, and sets of them, side by side."""

from dataclasses import dataclass

from lens_server.answers.neuron import Neuron


@dataclass(frozen=True)
class Pair:
    """Two neurons and the cosine of their concept vectors."""

    a: str
    b: str
    similarity: float


@dataclass(frozen=True)
class NeuronComparison:
    """Two neurons side by side."""

    a: Neuron
    b: Neuron
    similarity: float
    shared_exemplars: tuple[str, ...]
    """Keys of samples that are exemplars of both."""


@dataclass(frozen=True)
class SetComparison:
    """Two sets of neurons (layers or whole indexes) in one embedding space."""

    a: str
    b: str
    count_a: int
    count_b: int
    a_in_b: float
    """S(A→B) = mean over a of max over b of cos(a, b): how much of A's concepts B knows."""
    b_in_a: float
    a_lacks: tuple[Pair, ...]
    """B's neurons worst covered by A: `b` is of B, `a` its nearest in A; lowest similarity first."""
    b_lacks: tuple[Pair, ...]
    """A's neurons worst covered by B; lowest similarity first."""
    matches: tuple[Pair, ...]
    """One-to-one matching of the greatest total similarity, best first."""
