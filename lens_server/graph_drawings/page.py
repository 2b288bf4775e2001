"""The card of a text neuron as one page that needs nothing else: no server, no script, no request."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from lens_server.answers import Hit, NeuronCard, Snippet
from lens_server.graph_drawings.heated import firing, heated, levels, shares_of
from lens_server.graph_drawings.layout import figure
from lens_server.graph_drawings.shown import shown, visible
from lens_server.graph_drawings.svg import drawing
from lens_server.markup import Html, element, lines, named
from lens_server.text_answers import GraphHit, GraphScores, Prediction, TokenGraphCard, TokenPath

_OPEN = 5
"""Snippets that are seen without a click."""
NOT_MADE = "No graph was made of this neuron yet."


def page(
    card: NeuronCard,
    graph: TokenGraphCard | None = None,
    prediction: Prediction | None = None,
    alike: Sequence[GraphHit] = (),
) -> str:
    """The whole page; without a graph it says that there is none, and `alike` are neurons with graphs like it."""
    main = lines(
        _snippets(card),
        _graph(graph),
        _prediction(prediction),
        _similar(card.similar, alike),
    )
    body = element("body", "\n", lines(_banner(card), element("main", "\n", main, "\n")), "\n")
    whole = element("html", "\n", lines(_head(visible(card.neuron.id)), body), "\n", lang="en")
    return f"<!DOCTYPE html>\n{whole}\n"


def _head(title: str) -> Html:
    css = style()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    parts = [
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light"),
        element("title", f"Neuron {title}"),
        element("style", Html(css)),
    ]
    return element("head", "\n", lines(*parts), "\n")


@cache
def style() -> str:
    """The style sheet: that of the package, and the colours of activations."""
    return files(__package__).joinpath("card.css").read_text(encoding="utf-8") + levels()


def _banner(card: NeuronCard) -> Html:
    neuron = card.neuron
    facts = [
        named("state", neuron.state.value.replace("_", " ")),
        named("strongest activation", f"{neuron.strongest:.4g}"),
        named("active on", f"{neuron.active_share:.1%} of tokens"),
        named("exemplars", str(neuron.exemplar_count)),
        named("clarity", _known(neuron.clarity)),
        named("polysemanticity", _known(neuron.polysemanticity)),
        named("redundancy", _known(neuron.redundancy)),
    ]
    label = element("p", "Label: ", element("b", visible(neuron.label)), class_="label") if neuron.label else None
    return element("header", lines(element("h1", visible(neuron.id)), label, element("dl", *facts, class_="facts")))


def _snippets(card: NeuronCard) -> Html:
    if not card.snippets:
        return element("section", element("h2", "Snippets"), element("p", "This neuron has none: it never fires."))
    told = (
        "The passages it fires on most. Each token is as red as its activation is high, as a share of the neuron's "
        "highest over the corpus; what fires (at least half of it) is underlined, the strongest token bold. "
        "Hover over a token for its activation."
    )
    items = [_snippet(each, card.neuron.strongest) for each in card.snippets]
    return element(
        "section",
        lines(
            element("h2", "Snippets"),
            element("p", told, class_="soft"),
            _key(),
            element("ol", "\n", lines(*items[:_OPEN]), "\n", class_="snippets"),
            _further(items[_OPEN:]),
        ),
    )


def _further(items: Sequence[Html]) -> Html | None:
    if not items:
        return None
    summary = element("summary", f"{len(items)} more")
    return element("details", summary, element("ol", "\n", lines(*items), "\n", class_="snippets", start=_OPEN + 1))


def _key() -> Html:
    steps = [
        element("span", figure(step / 10), class_=f"h{step}{' fires' if step >= 5 else ''}" if step else None)
        for step in range(0, 11, 2)
    ]
    return element("p", *steps, class_="key", aria_hidden="true")


def _snippet(snippet: Snippet, strongest: float) -> Html:
    shares = shares_of(snippet, strongest)
    about = f"{visible(snippet.sample)} · activation {snippet.activation:.4g} · {firing(snippet.tokens, shares)}"
    return element("li", heated(snippet.tokens, shares, snippet.pivot), element("p", about, class_="soft"))


def _graph(graph: TokenGraphCard | None) -> Html:
    heading = element("h2", "Token graph")
    if graph is None or not graph.paths:
        why = NOT_MADE if graph is None else f"It has none: {visible(graph.failed) or 'nothing made it fire'}."
        scored = _scores(graph.scores) if graph is not None and graph.scores is not None else None
        return element("section", lines(heading, element("p", why), scored))
    facts = [
        named("fires on", _tokens(graph.activating)),
        named("after", _tokens(graph.context)),
        named("in context of itself", _tokens(graph.in_context)),
        named("parts that share no token", str(graph.parts)),
    ]
    drawn = element("div", drawing(graph), class_="drawing", tabindex="0", role="region", aria_label="Token graph")
    rows = [_path(each) for each in graph.paths]
    head = element("tr", *(element("th", each, scope="col") for each in ("path", "mean", "highest", "seen")))
    table = element("table", element("thead", head), element("tbody", *rows))
    listed = element("details", element("summary", f"All {len(graph.paths)} paths as text"), table)
    scored = _scores(graph.scores) if graph.scores is not None else None
    return element("section", lines(heading, element("dl", *facts, class_="facts"), drawn, listed, scored))


def _path(path: TokenPath) -> Html:
    tokens = [
        element("span", "*", class_="any") if each.wildcard else element("code", shown(each.text))
        for each in reversed(path.tokens)
    ]
    spaced = [part for token in tokens for part in (token, " ")][:-1]
    figures = (figure(path.mean), figure(path.maximum), f"{path.count:,}")
    return element("tr", element("td", *spaced), *(element("td", each, class_="figure") for each in figures))


def _tokens(texts: Sequence[str], most: int = 24) -> list[Html | str]:
    shown_ones: list[Html | str] = []
    for text in texts[:most]:
        shown_ones += [element("code", shown(text)), " "]
    return [*shown_ones, f"and {len(texts) - most} more"] if len(texts) > most else shown_ones or ["none"]


def _scores(scores: GraphScores) -> Html:
    told = (
        f"Predicting the neuron on {scores.examples} held-out examples, beside predicting of each token its "
        "highest activation in the examples the graph is built of. It fires where it reaches half of its highest."
    )
    head = element("tr", *(element("th", each, scope="col") for each in ("", "graph", "tokens alone")))
    rows = [
        ("F1 of firing", figure(scores.f1), figure(scores.baseline_f1)),
        ("precision", figure(scores.precision), ""),
        ("recall", figure(scores.recall), ""),
        ("Pearson correlation", figure(scores.pearson), figure(scores.baseline_pearson)),
    ]
    body = [
        element("tr", element("th", name, scope="row"), *(element("td", each, class_="figure") for each in figures))
        for name, *figures in rows
    ]
    table = element("table", element("thead", head), element("tbody", *body), class_="scores")
    return lines(element("h3", "How well it predicts"), element("p", told, class_="soft"), table)


def _prediction(prediction: Prediction | None) -> Html | None:
    if prediction is None:
        return None
    parts = [
        element("h2", "Prediction for your text"),
        element("h3", "Predicted by the graph"),
        heated(prediction.tokens, prediction.predicted),
        element("p", firing(prediction.tokens, prediction.predicted), class_="soft"),
    ]
    if prediction.measured:
        parts += [
            element("h3", "Measured"),
            heated(prediction.tokens, prediction.measured),
            element("p", firing(prediction.tokens, prediction.measured), class_="soft"),
        ]
    return element("section", lines(*parts))


def _similar(hits: Sequence[Hit], alike: Sequence[GraphHit]) -> Html | None:
    if not hits and not alike:
        return None
    parts = [element("h2", "Similar neurons")]
    if hits:
        found = [element("li", *_named(each.neuron.id, each.neuron.label, each.alignment)) for each in hits]
        parts += [element("h3", "By meaning of their snippets (cosine)"), element("ol", *found, class_="similar")]
    if alike:
        found = [element("li", *_named(each.neuron.id, each.neuron.label, each.similarity)) for each in alike]
        parts += [element("h3", "By graph (shared tokens, Jaccard)"), element("ol", *found, class_="similar")]
    return element("section", lines(*parts))


def _named(neuron: str, label: str | None, similarity: float) -> list[Html | str]:
    called = f" {visible(label)}" if label else ""
    return [element("b", visible(neuron)), called, " ", element("span", figure(similarity), class_="figure")]


def _known(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
