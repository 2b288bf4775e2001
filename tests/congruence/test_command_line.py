"""The command line gives the same answer as `Lens`, on a folder and on a server."""

import dataclasses
import json

import pytest

from lens_client import LensClient
from lens_server.answers import Query, State, Where
from lens_server.rpc.server import serve

QUESTIONS = {
    "describe": (["show"], [], lambda lens: lens.describe()),
    "text": (
        ["search"],
        ["ruler", "colour patch", "--limit", "4"],
        lambda lens: lens.search(["ruler", "colour patch"], limit=4),
    ),
    "templates": (
        ["search"],
        ["ruler", "--template", "a {}", "--template", "an image of a {}"],
        lambda lens: lens.search("ruler", templates=("a {}", "an image of a {}")),
    ),
    "filters": (
        ["search"],
        ["ink", "--layer", "block4", "--state", "alive", "--relevant-to", "malignant", "--min-relevance", "0.001"],
        lambda lens: lens.search("ink", Where(("block4",), (State.ALIVE,), None, "malignant", 0.001)),
    ),
    "neuron": (
        ["search"],
        ["--neuron", "block4/3", "--exact"],
        lambda lens: lens.search(Query(neuron="block4/3"), exact=True),
    ),
    "compare": (["compare"], ["block4/1", "block4/2"], lambda lens: lens.compare("block4/1", "block4/2")),
    "layers": (["compare"], ["block3", "block4"], lambda lens: lens.compare_layers("block3", "block4")),
    "card": (["show"], ["block4/3"], lambda lens: lens.neuron("block4/3")),
    "redundant": (["show"], ["--redundant", "block4"], lambda lens: lens.redundancy("block4")),
    "unexpected": (
        ["label"],
        ["--vocabulary", "dermoscopy", "--unexpected", "--limit", "5"],
        lambda lens: lens.unexpected("dermoscopy", limit=5),
    ),
}


@pytest.fixture(scope="module")
def address(opened_lens):
    with serve({opened_lens.name: opened_lens}, "127.0.0.1:0") as running:
        yield f"grpc://127.0.0.1:{running.port}/{opened_lens.name}"


def plain(answer):
    """An answer as the JSON of it reads."""
    value = [dataclasses.asdict(each) for each in answer] if isinstance(answer, tuple) else dataclasses.asdict(answer)
    return json.loads(json.dumps(value, default=str))


@pytest.mark.parametrize("name", QUESTIONS)
def test_same_answer(name, opened_lens, address, lens_command):
    verb, rest, ask = QUESTIONS[name]
    expected = ask(opened_lens)
    with LensClient(address) as client:
        assert ask(client) == expected
    for target in (opened_lens._index.folder, address):
        status, out, err = lens_command(*verb, target, *rest, "--json")
        assert status == 0, err
        assert json.loads(out) == plain(expected)


def test_labels(opened_lens, address, lens_command):
    expected = [json.loads(json.dumps(dataclasses.asdict(each))) for each in opened_lens.label("dermoscopy")]
    with LensClient(address) as client:
        assert [json.loads(json.dumps(dataclasses.asdict(each))) for each in client.label("dermoscopy")] == expected
    for target in (opened_lens._index.folder, address):
        status, out, err = lens_command("label", target, "--vocabulary", "dermoscopy", "--json")
        assert status == 0, err
        assert [json.loads(line) for line in out.splitlines()] == expected
