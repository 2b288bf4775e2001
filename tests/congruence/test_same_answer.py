"""The same question through every door has the same answer, to the last bit, and the same error."""

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image

from indexer.errors import LensError
from lens_client import LensClient, LensServerError
from lens_server.answers import NeuronPage, Query, State, Where

Question = Callable[[Any, "Known"], Any]


class Known:
    """Names in the index at hand, so that the questions fit any."""

    def __init__(self, lens: Any) -> None:
        summary = lens.describe()
        self.layers = [each.name for each in summary.layers]
        page: NeuronPage = lens.neurons(Where(states=(State.ALIVE,)))
        self.neurons = [each.id for each in page.neurons]
        self.vector = tuple((at % 7 - 3) / 3 for at in range(summary.dimension))
        self.index = lens.name


@pytest.fixture(scope="session")
def known(lens: Any) -> Known:
    """Names the questions use."""
    return Known(lens)


def png() -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((48, 48)).convert("RGB").save(out, "PNG")
    return out.getvalue()


QUESTIONS: dict[str, Question] = {
    "describe": lambda lens, _: lens.describe(),
    "neurons": lambda lens, _: lens.neurons(),
    "neurons-page": lambda lens, _: lens.neurons(page_size=3),
    "neurons-of-layer": lambda lens, known: lens.neurons(Where(layers=(known.layers[0],))),
    "neurons-of-states": lambda lens, _: lens.neurons(Where(states=tuple(State))),
    "neurons-clear": lambda lens, _: lens.neurons(Where(min_clarity=0.3)),
    "neuron": lambda lens, known: lens.neuron(known.neurons[0]),
    "neuron-with-images": lambda lens, known: lens.neuron(known.neurons[-1], exemplars=4, thumbnails=True, similar=2),
    "neuron-bare": lambda lens, known: lens.neuron(known.neurons[0], exemplars=0, similar=0),
    "search-text": lambda lens, _: lens.search("ruler"),
    "search-texts": lambda lens, _: lens.search(["ruler", "dark hairs", "a blue-white veil"], limit=3),
    "search-image": lambda lens, _: lens.search(Query(image=png())),
    "search-neuron": lambda lens, known: lens.search(Query(neuron=known.neurons[0]), limit=4),
    "search-vector": lambda lens, known: lens.search(Query(vector=known.vector)),
    "search-mixed": lambda lens, known: lens.search(["ruler", Query(neuron=known.neurons[0])]),
    "search-filtered": lambda lens, known: lens.search("hair", Where(layers=(known.layers[-1],), min_clarity=0.0)),
    "search-exact": lambda lens, _: lens.search("ruler", exact=True),
    "search-templates": lambda lens, _: lens.search("ruler", templates=["a photo of {}", "{}"]),
    "search-bare": lambda lens, _: lens.search("ruler", templates=[]),
    "compare": lambda lens, known: lens.compare(known.neurons[0], known.neurons[1]),
    "compare-layers": lambda lens, known: lens.compare_layers(known.layers[0], known.layers[-1], limit=5),
    "label": lambda lens, _: lens.label(["ruler", "hair", "ink"], alternatives=2),
    "label-named-list": lambda lens, _: lens.label("dermoscopy"),
    "label-general": lambda lens, _: lens.label(),
    "label-layer": lambda lens, known: lens.label(["ruler", "hair"], Where(layers=(known.layers[0],)), alpha=0.5),
    "unexpected": lambda lens, _: lens.unexpected(["ruler", "hair"], limit=3),
    "redundancy": lambda lens, known: lens.redundancy(known.layers[0], limit=4),
}

FAULTS: dict[str, Question] = {
    "no-such-neuron": lambda lens, known: lens.neuron("nowhere/1"),
    "no-such-pair": lambda lens, known: lens.compare(known.neurons[0], "nowhere/1"),
    "empty-layers": lambda lens, known: lens.compare_layers("nowhere", known.layers[0]),
}


def gathered(found: Any) -> Any:
    """A stream as a tuple; anything else as it is."""
    return tuple(found) if isinstance(found, Iterator) else found


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_same_answer(question: Question, lens: Any, client: LensClient, known: Known, ask_async: Any) -> None:
    """Here = client = asyncio client."""
    here = gathered(question(lens, known))
    assert here == gathered(question(client, known))
    assert here == asyncio.run(ask_async(lambda opened: question(opened, known)))


def test_same_diff(lens: Any, client: LensClient, known: Known, ask_async: Any) -> None:
    """An index is named to a client, and handed to a lens."""
    here = lens.diff(lens, limit=3)
    assert here == client.diff(known.index, limit=3)
    assert here == asyncio.run(ask_async(lambda opened: opened.diff(known.index, limit=3)))


def test_same_pages(lens: Any, client: LensClient) -> None:
    """A token of one door opens the next page of the other."""
    first = lens.neurons(page_size=4)
    assert client.neurons(page_size=4, page_token=first.next_page_token) == lens.neurons(
        page_size=4, page_token=first.next_page_token
    )


def test_same_exemplars(lens: Any, client: LensClient, known: Known, ask_async: Any) -> None:
    """Fetched page by page, or all at once with the card."""
    neuron = known.neurons[0]
    here = lens.neuron(neuron, exemplars=1000, thumbnails=True).exemplars
    assert here == tuple(client.exemplars(neuron, page_size=2))
    assert here == asyncio.run(ask_async(lambda opened: opened.exemplars(neuron, page_size=2)))


@pytest.mark.parametrize("question", FAULTS.values(), ids=FAULTS)
def test_same_fault(question: Question, lens: Any, client: LensClient, known: Known, ask_async: Any) -> None:
    """The message and the hint arrive whole."""
    with pytest.raises(LensError) as here:
        gathered(question(lens, known))
    with pytest.raises(LensServerError) as there:
        gathered(question(client, known))
    with pytest.raises(LensServerError) as over_there:
        asyncio.run(ask_async(lambda opened: question(opened, known)))
    for other in (there.value, over_there.value):
        assert (other.message, other.hint) == (here.value.message, here.value.hint)
