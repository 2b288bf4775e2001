"""A token graph in the language of Graphviz, for whoever lays out graphs there."""

from collections.abc import Iterator
from itertools import count

from lens_server.graph_drawings import heat
from lens_server.graph_drawings.layout import detail_of, figure, label_of
from lens_server.graph_drawings.shown import visible
from lens_server.graph_drawings.svg import left_out, scored, title
from lens_server.graph_drawings.tree import MOST, Branch, tree_of
from lens_server.text_answers import TokenGraphCard, TokenPath


def dot(card: TokenGraphCard, most: int = MOST) -> str:
    """The whole file: tokens as they follow each other in the text, from left to right."""
    tree = tree_of(card, most)
    about = f"{left_out(tree)}; {scored(card.scores)}" if tree.drawn else f"No graph: {visible(card.failed)}"
    numbers = count()
    lines = [
        f"digraph {_quoted(card.neuron.id)} {{",
        f"  graph [rankdir=LR, labelloc=t, label={_quoted(title(card), about)}];",
        '  node [shape=box, style="rounded,filled", fontname="monospace", fontsize=12];',
        f'  edge [color="{heat.LINE}", arrowsize=0.6];',
    ]
    for root in tree.roots:
        lines += _branch(root, 0, numbers)[1]
    return "\n".join([*lines, "}", ""])


def _branch(branch: Branch, depth: int, numbers: Iterator[int]) -> tuple[int, list[str]]:
    """The node's number, and the lines of it and all before it."""
    number = next(numbers)
    detail = detail_of(branch, depth)
    labels = [label_of(branch), *([detail] if detail else [])]
    found = [f"  n{number} [label={_quoted(*labels)}, {_colours(branch, depth)}];"]
    for end in branch.ends:
        found += _end(end, next(numbers), number)
    for each in branch.before:
        earlier, further = _branch(each, depth + 1, numbers)
        found += [*further, f"  n{earlier} -> n{number};"]
    return number, found


def _end(end: TokenPath, number: int, last: int) -> list[str]:
    seen = f"{end.count} ×"
    return [
        f"  n{number} [shape=plaintext, style=solid, label={_quoted(f'{seen} {figure(end.mean)}')}];",
        f"  n{number} -> n{last} [style=dotted, arrowhead=none];",
    ]


def _colours(branch: Branch, depth: int) -> str:
    if branch.wildcard:
        return f'style="rounded,dashed", color="{heat.SOFT}"'
    if depth == 0:
        return f'fillcolor="{heat.red(branch.mean)}", color="{heat.ACTIVATION}", penwidth=2'
    return f'fillcolor="{heat.blue(branch.importance)}", color="{heat.IMPORTANCE}"'


def _quoted(*lines: str) -> str:
    """Lines as one quoted string; `\\n` between them is Graphviz's own."""
    return '"' + "\\n".join(map(_escaped, lines)) + '"'


def _escaped(text: str) -> str:
    """Graphviz reads backslashes and HTML's entities in labels."""
    return visible(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
