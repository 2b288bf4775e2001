"""The card of a text neuron: on a terminal, as JSON, as a page."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from indexer.errors import InvalidInput, NotFound
from lens_client.errors import LensServerError
from lens_server.answers import NeuronCard
from lens_server.cli import output
from lens_server.cli.graph_tables import print_prediction, print_text_card
from lens_server.graph_drawings.page import page
from lens_server.text_answers import Prediction, TokenGraphCard

_ALIKE = 5


def is_of_texts(lens: Any, card: NeuronCard) -> bool:  # noqa: ANN401 - a Lens or a LensClient
    """Whether the neuron is one of a text subject."""
    return bool(card.snippets) or (not card.exemplars and lens.describe().kind == "text")


def show_text_neuron(
    lens: Any,  # noqa: ANN401 - a Lens or a LensClient
    card: NeuronCard,
    *,
    html: Path | None,
    text: str | None,
    as_json: bool,
) -> None:
    """Print the card, with a prediction for a text; write it as a page, too."""
    graph = graph_where_made(lens, card.neuron.id)
    prediction = None if text is None else lens.texts.predict(card.neuron.id, text)
    if html is not None:
        alike = () if graph is None or not graph.paths else lens.texts.similar(card.neuron.id, limit=_ALIKE)
        write_text(html, page(card, graph, prediction, alike))
    if as_json:
        output.print_json({**asdict(card), "graph": _plain(graph), "prediction": _plain(prediction)})
        return
    print_text_card(card, graph)
    if prediction is not None:
        print_prediction(prediction)


def graph_where_made(lens: Any, neuron: str) -> TokenGraphCard | None:  # noqa: ANN401 - a Lens or a LensClient
    """The neuron's graph; None where none was made."""
    try:
        found: TokenGraphCard = lens.texts.graph(neuron)
    except NotFound:
        return None
    except LensServerError as fault:
        if fault.code == "NOT_FOUND":
            return None
        raise
    return found


def write_text(path: Path, content: str) -> None:
    """Write a file. Raises InvalidInput."""
    try:
        path.write_text(content, encoding="utf-8", newline="\n")
    except OSError as fault:
        raise InvalidInput(
            f"{path} cannot be written: {fault.strerror}.", hint="Name a file in a folder that exists."
        ) from fault


def _plain(answer: TokenGraphCard | Prediction | None) -> dict[str, object] | None:
    return None if answer is None else asdict(answer)
