"""The paths of a token graph as a tree: what paths share is one node, from the activating token back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lens_server.text_answers import PathToken, TokenGraphCard, TokenPath

MOST = 60
"""Paths that a drawing holds."""


@dataclass(frozen=True)
class Branch:
    """A token of one or several paths, with what lies before it in the text."""

    text: str
    """Empty for a wildcard."""
    wildcard: bool
    importance: float
    """The highest over its paths."""
    absorbed: tuple[str, ...]
    count: int
    """Observations of all its paths."""
    mean: float
    """Of their activations."""
    ends: tuple[TokenPath, ...]
    """Paths that end here."""
    before: tuple["Branch", ...]
    repeated: int = 1
    """So many wildcards one after the other."""


@dataclass(frozen=True)
class Tree:
    """What is drawn of a graph."""

    roots: tuple[Branch, ...]
    """Activating tokens, the strongest first."""
    drawn: int
    left_out: int
    """Paths, the weakest."""


def tree_of(card: TokenGraphCard, most: int = MOST) -> Tree:
    """The strongest paths of a graph, merged from their activating tokens on."""
    ranked = [path for _, path in sorted(enumerate(card.paths), key=_strength) if path.tokens]
    kept = ranked[:most]
    return Tree(_branches(kept, 0), len(kept), len(ranked) - len(kept))


def _strength(numbered: tuple[int, TokenPath]) -> tuple[float, int, int]:
    number, path = numbered
    return -path.mean, -path.count, number


def _branches(paths: Sequence[TokenPath], depth: int) -> tuple[Branch, ...]:
    groups: dict[tuple[bool, str], list[TokenPath]] = {}
    for path in paths:
        if len(path.tokens) > depth:
            token = path.tokens[depth]
            groups.setdefault((token.wildcard, token.text), []).append(path)
    return tuple(_branch(each, depth) for each in groups.values())


def _branch(paths: Sequence[TokenPath], depth: int) -> Branch:
    tokens = [path.tokens[depth] for path in paths]
    count = sum(path.count for path in paths)
    total = sum(path.mean * path.count for path in paths)
    branch = Branch(
        text=tokens[0].text,
        wildcard=tokens[0].wildcard,
        importance=max(token.importance for token in tokens),
        absorbed=_absorbed(tokens),
        count=count,
        mean=total / count if count else 0.0,
        ends=tuple(path for path in paths if len(path.tokens) == depth + 1),
        before=_branches(paths, depth + 1),
    )
    return _joined(branch)


def _absorbed(tokens: Sequence[PathToken]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for token in tokens for text in token.absorbed))


def _joined(branch: Branch) -> Branch:
    """A wildcard before which there is nothing but another is one with it."""
    if not branch.wildcard or branch.ends or len(branch.before) != 1 or not branch.before[0].wildcard:
        return branch
    further = branch.before[0]
    absorbed = tuple(dict.fromkeys((*branch.absorbed, *further.absorbed)))
    return replace(further, absorbed=absorbed, repeated=further.repeated + 1)
