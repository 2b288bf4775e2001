"""Texts as HTML, each token in the colour of its activation; what fires is underlined, the pivot bold, too."""

from collections.abc import Sequence

from lens_server.answers import Snippet
from lens_server.graph_drawings.heat import LEVELS, fires, level, red, share
from lens_server.graph_drawings.layout import figure
from lens_server.graph_drawings.shown import isolated, right_to_left, shown, visible
from lens_server.markup import Html, element

_NAMED = 8
"""Firing tokens that a line below a text names."""


def heated(tokens: Sequence[str], shares: Sequence[float], pivot: int | None = None) -> Html:
    """Tokens of a text as it is set, with their activations as shares of the neuron's highest."""
    spans = [_token(text, part, at == pivot) for at, (text, part) in enumerate(zip(tokens, shares, strict=True))]
    return element("p", *spans, class_="heat", translate="no")


def shares_of(snippet: Snippet, strongest: float) -> tuple[float, ...]:
    """Activations of a snippet as shares of the neuron's highest, those of the other sign 0."""
    return tuple(share(each, strongest) for each in snippet.activations)


def firing(tokens: Sequence[str], shares: Sequence[float]) -> str:
    """What fires, in words: the same as the colours say."""
    found = [
        f"‹{isolated(shown(text))}› {figure(part)}" for text, part in zip(tokens, shares, strict=True) if fires(part)
    ]
    more = len(found) - _NAMED
    return ("fires on " + ", ".join(found[:_NAMED]) + (f" and {more} more" if more > 0 else "")) if found else "silent"


def levels() -> str:
    """Style of the colours, a class each."""
    return "\n".join(f".h{step} {{ background: {red(step / LEVELS)}; }}" for step in range(1, LEVELS + 1)) + "\n"


def as_set(text: str) -> str:
    """A token whose line ends and tabs are marked, and set."""
    return "".join(visible(each) + (each if each in "\n\t" else "") for each in text)


def _token(text: str, part: float, pivot: bool) -> Html:  # noqa: FBT001 - of one kind
    names = [f"h{level(part)}"] if level(part) else []
    names += ["fires"] if fires(part) else []
    names += ["rtl"] if right_to_left(text) else []
    said = f"{shown(text)}: {figure(part)}"
    return element("b" if pivot else "span", as_set(text), class_=" ".join(names) or None, title=said)
