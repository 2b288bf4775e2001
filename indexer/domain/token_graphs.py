"""A token graph: what a text neuron fires on, as paths from the activating token back through its context (N2G)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

WILDCARD = -1
"""Stands for any one token."""
BEGINNING = -2
"""Stands before the first token of a text; only a path's last."""
FIRES = 0.5
"""A neuron fires where its activation is at least this share of its highest over the dataset (arXiv 2304.12918)."""


@dataclass(frozen=True)
class Observation:
    """One firing token of an example, with what it needed before it."""

    tokens: tuple[int, ...]
    """The activating token, then its context backwards up to the last important token; WILDCARD where unimportant,
    BEGINNING last where it matters that nothing comes before."""
    importances: tuple[float, ...]
    """Of each token: 1 for the activating one, 0 for wildcards, else 1 − activation without it / activation."""
    activation: float
    """As a share of the neuron's highest."""


@dataclass(frozen=True)
class GraphPath:
    """Equal observations together."""

    tokens: tuple[int, ...]
    importances: tuple[float, ...]
    """The highest observed of each token."""
    count: int
    """Observations."""
    maximum: float
    """The highest activation at its end, …"""
    mean: float
    """… and what is expected there: the mean over the observations, or over all tokens that the path decides in the
    passages that it was tried on (graphs/trying.py), but never below FIRES."""
    absorbed: tuple[tuple[int, int], ...] = ()
    """(place, token) of literal tokens that a wildcard of this path stands for: they are context, too."""


@dataclass
class _Node:
    children: "dict[int, _Node]" = field(default_factory=dict)
    importance: float = 0.0
    activations: list[float] = field(default_factory=list)
    absorbed: set[int] = field(default_factory=set)
    path: int = -1
    """Number of the path that ends here."""


@dataclass(frozen=True)
class TokenGraph:
    """Paths in their canonical order."""

    paths: tuple[GraphPath, ...]

    @classmethod
    def of(cls, observations: Iterable[Observation]) -> "TokenGraph":
        """Merge observations in a trie; the same in any order."""
        root = _Node()
        ordered = sorted(observations, key=lambda each: (each.tokens, each.activation, each.importances))
        for observation in ordered:
            node = root
            for token, importance in zip(observation.tokens, observation.importances, strict=True):
                node = node.children.setdefault(token, _Node())
                node.importance = max(node.importance, importance)
            node.activations.append(observation.activation)
        for child in root.children.values():
            _absorb(child)
        return cls(tuple(_paths(root, (), (), ())))

    def predict(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """[tokens] the activation expected at each token of a text, as a share of the highest; 0 where no path ends.

        At each token the longest path that matches backwards counts; of equally long ones that whose tokens are
        literal where the others' are wildcards, from the activating token on.
        """
        found = [self.matching(tokens, place) for place in range(len(tokens))]
        return np.array([self.paths[paths[0]].mean if paths else 0.0 for paths in found], dtype=np.float32)

    def matching(self, tokens: Sequence[int], place: int) -> list[int]:
        """Numbers of all paths that match backwards from a token, the one that counts first."""
        first = self._trie.children.get(tokens[place])
        found = [] if first is None else list(_matches(first, tokens, place, 1))
        # The sort is stable: of equally long paths the more literal ones come first.
        return [number for _, number in sorted(found, key=lambda each: -each[0])]

    @cached_property
    def activating(self) -> frozenset[int]:
        """Tokens that the neuron fires on."""
        return frozenset(path.tokens[0] for path in self.paths)

    @cached_property
    def context(self) -> frozenset[int]:
        """Tokens that matter before those, also where a wildcard absorbed them."""
        literal = {token for path in self.paths for token in path.tokens[1:] if token >= 0}
        return frozenset(literal | {token for path in self.paths for _, token in path.absorbed})

    @cached_property
    def _trie(self) -> _Node:
        root = _Node()
        for number, path in enumerate(self.paths):
            node = root
            for token in path.tokens:
                node = node.children.setdefault(token, _Node())
            node.path = number
        return root


def _matches(node: _Node, tokens: Sequence[int], place: int, depth: int) -> Iterator[tuple[int, int]]:
    """(length, number) of every path through this node that matches, literal ones first."""
    if node.path >= 0:
        yield depth, node.path
    before = place - depth
    for token in (tokens[before], WILDCARD) if before >= 0 else (BEGINNING,) if before == -1 else ():
        if token in node.children:
            yield from _matches(node.children[token], tokens, place, depth + 1)


def _absorb(node: _Node) -> None:
    """Below a node, a wildcard absorbs each sibling that it stands for wholly: every way on from that is its own."""
    for child in node.children.values():
        _absorb(child)
    wildcard = node.children.get(WILDCARD)
    if wildcard is None:
        return
    for token in [each for each in node.children if each >= 0]:
        sibling = node.children[token]
        if _within(sibling, wildcard):
            wildcard.absorbed.add(token)
            _merge(sibling, wildcard)
            del node.children[token]


def _within(a: _Node, b: _Node) -> bool:
    ends = not a.activations or bool(b.activations)
    return ends and all(
        token in b.children and _within(child, b.children[token]) for token, child in a.children.items()
    )


def _merge(a: _Node, b: _Node) -> None:
    b.activations += a.activations
    b.absorbed |= a.absorbed
    b.importance = max(a.importance, b.importance)
    for token, child in a.children.items():
        _merge(child, b.children[token])


def _paths(
    node: _Node, tokens: tuple[int, ...], importances: tuple[float, ...], absorbed: tuple[tuple[int, int], ...]
) -> Iterable[GraphPath]:
    if node.activations:
        values = sorted(node.activations)
        yield GraphPath(tokens, importances, len(values), values[-1], sum(values) / len(values), absorbed)
    for token, child in sorted(node.children.items()):
        taken = tuple((len(tokens), each) for each in sorted(child.absorbed))
        importance = child.importance if token != WILDCARD else 0.0
        yield from _paths(child, (*tokens, token), (*importances, importance), (*absorbed, *taken))
