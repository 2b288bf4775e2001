"""Where everything of a token graph goes: activating tokens at the right, a column a step back, a row an end."""

from collections.abc import Iterator
from dataclasses import dataclass

from lens_server.graph_drawings.shown import cells, shown
from lens_server.graph_drawings.tree import Branch, Tree
from lens_server.text_answers import TokenPath

LETTER, SMALL = 7.9, 6.4
"""Widths of letters of 13 and of 10.5 px, a little wide so that any font of equal widths fits."""
ROW, HEIGHT, GAP, PAD = 30.0, 22.0, 34.0, 8.0
END_WIDTH = 112.0
APART = 10.0
"""Between activating tokens."""
_MOST_LETTERS = 24
_NAMED = 3
"""Absorbed tokens that a wildcard names."""


@dataclass(frozen=True)
class Box:
    """A token, placed."""

    branch: Branch
    depth: int
    """0 for an activating token."""
    x: float
    y: float
    """Of its middle."""
    width: float
    label: str
    detail: str
    """Small, behind the label: a figure, or what a wildcard absorbed."""


@dataclass(frozen=True)
class End:
    """The end of a path, placed left of its last token."""

    path: TokenPath
    x: float
    y: float


@dataclass(frozen=True)
class Edge:
    """From a token, or an end, at the left to what it comes before."""

    start: tuple[float, float]
    stop: tuple[float, float]
    count: int
    """Observations that went along it; 0 to an end."""


@dataclass(frozen=True)
class Layout:
    """A whole graph; all lengths in px."""

    boxes: tuple[Box, ...]
    ends: tuple[End, ...]
    edges: tuple[Edge, ...]
    width: float
    height: float


@dataclass
class _Place:
    """A branch or an end before its column has a place."""

    what: Branch | TokenPath
    depth: int
    y: float
    before: "list[_Place]"

    @property
    def width(self) -> float:
        if not isinstance(self.what, Branch):
            return END_WIDTH
        label, detail = label_of(self.what), detail_of(self.what, self.depth)
        return 2 * PAD + cells(label) * LETTER + (PAD / 2 + cells(detail) * SMALL if detail else 0.0)


@dataclass
class _Rows:
    """Rows from the top down."""

    height: float = 0.0

    def take(self) -> float:
        """Middle of the next."""
        self.height += ROW
        return self.height - ROW / 2


def lay_out(tree: Tree) -> Layout:
    """Places of a tree's tokens, ends and edges."""
    rows = _Rows()
    roots = [_root(branch, rows) for branch in tree.roots]
    places = [each for root in roots for each in _all(root)]
    columns: dict[int, float] = {}
    for place in places:
        columns[place.depth] = max(columns.get(place.depth, 0.0), place.width)
    rights, right = {}, sum(columns.values()) + GAP * max(len(columns) - 1, 0)
    width = right
    for depth in sorted(columns):
        rights[depth] = right
        right -= columns[depth] + GAP
    boxes = [_box(each, rights) for each in places if isinstance(each.what, Branch)]
    ends = [End(each.what, rights[each.depth], each.y) for each in places if not isinstance(each.what, Branch)]
    edges = [_edge(each, before, rights) for each in places for before in each.before]
    return Layout(tuple(boxes), tuple(ends), tuple(edges), width, rows.height)


def label_of(branch: Branch) -> str:
    """What stands in a token's box."""
    if branch.wildcard:
        return "*" if branch.repeated == 1 else f"* ×{branch.repeated}"
    return shown(branch.text, _MOST_LETTERS) or "(empty)"


def detail_of(branch: Branch, depth: int) -> str:
    """What stands small behind it."""
    if not branch.wildcard:
        return figure(branch.mean if depth == 0 else branch.importance)
    named = " ".join(shown(text, 10) for text in branch.absorbed[:_NAMED])
    more = len(branch.absorbed) - _NAMED
    return named + (f" +{more}" if more > 0 else "")


def figure(value: float) -> str:
    """Two decimals."""
    return f"{value:.2f}"


def _root(branch: Branch, rows: _Rows) -> _Place:
    if rows.height:
        rows.height += APART
    return _place(branch, 0, rows)


def _place(branch: Branch, depth: int, rows: _Rows) -> _Place:
    before = [_Place(end, depth + 1, rows.take(), []) for end in branch.ends]
    before += [_place(each, depth + 1, rows) for each in branch.before]
    return _Place(branch, depth, (before[0].y + before[-1].y) / 2, before)


def _all(place: _Place) -> Iterator[_Place]:
    yield place
    for each in place.before:
        yield from _all(each)


def _box(place: _Place, rights: dict[int, float]) -> Box:
    assert isinstance(place.what, Branch)
    branch, width = place.what, place.width
    detail = detail_of(branch, place.depth)
    return Box(branch, place.depth, rights[place.depth] - width, place.y, width, label_of(branch), detail)


def _edge(place: _Place, before: _Place, rights: dict[int, float]) -> Edge:
    stop = rights[place.depth] - place.width, place.y
    count = before.what.count if isinstance(before.what, Branch) else 0
    return Edge((rights[before.depth], before.y), stop, count)
