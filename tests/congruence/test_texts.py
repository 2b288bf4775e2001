"""Questions about text neurons, and of indexes of images and texts together: the same answer through every door."""

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from indexer.errors import LensError
from lens_client import AsyncLensClient, LensClient, LensServerError
from lens_server.answers import Query, TokenQuery, Where
from lens_server.lens import Lens
from lens_server.rpc.server import serve
from tests.text_indexes import write_text_index


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Lens:
    """An index of texts with graphs."""
    return Lens.open(write_text_index(tmp_path_factory.mktemp("texts") / "texts", words=True))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Lens:
    """One without."""
    return Lens.open(write_text_index(tmp_path_factory.mktemp("texts") / "plain", graphs=False))


@pytest.fixture(scope="module")
def doors(texts: Lens, plain: Lens, lens: Lens) -> Iterator[str]:
    """A server of these and of an index of images."""
    with serve({each.name: each for each in (texts, plain, lens)}, "127.0.0.1:0") as running:
        yield f"grpc://127.0.0.1:{running.port}"


QUESTIONS = {
    "describe": lambda lens: lens.describe(),
    "card": lambda lens: lens.neuron("mlp0/1"),
    "card-bare": lambda lens: lens.neuron("mlp0/1", exemplars=0),
    "graph": lambda lens: lens.texts.graph("mlp0/1"),
    "failed-graph": lambda lens: lens.texts.graph("mlp1/1"),
    "graphs": lambda lens: lens.texts.graphs(),
    "graphs-in-context": lambda lens: lens.texts.graphs(Where(layers=("mlp0",)), order="in-context", limit=2),
    "scores": lambda lens: lens.texts.scores(),
    "similar": lambda lens: lens.texts.similar("mlp0/2"),
    "similar-in-layer": lambda lens: lens.texts.similar("mlp0/2", Where(layers=("mlp1",)), limit=1),
    "snippets": lambda lens: lens.texts.snippets("mlp0/3", limit=2),
    "predict": lambda lens: lens.texts.predict("mlp0/1", "from sys import path\nfrom each import caf\u00e9"),
    "tokens": lambda lens: lens.texts.search(TokenQuery(("import",), ("from",))),
    "tokens-query": lambda lens: lens.search([Query(tokens=TokenQuery(("import",))), "ruler"], limit=2),
    "pattern": lambda lens: lens.search(Query(tokens=TokenQuery((r"[()]",), regex=True)), Where(layers=("mlp0",))),
    "words": lambda lens: lens.search("ruler"),
    "kind": lambda lens: lens.search("ruler", Where(kinds=("image",))),
}

FAULTS = {
    "token": lambda lens: lens.texts.search(TokenQuery(("imprt",))),
    "pattern": lambda lens: lens.texts.search(TokenQuery(("(a",), regex=True)),
    "empty": lambda lens: lens.texts.search(TokenQuery()),
    "neuron": lambda lens: lens.texts.graph("mpl0/1"),
    "unit": lambda lens: lens.texts.similar("mlp0/77"),
    "failed": lambda lens: lens.texts.predict("mlp1/1", "import"),
    "no graph to compare": lambda lens: lens.texts.similar("mlp1/1"),
    "long": lambda lens: lens.texts.predict("mlp0/1", "x" * 20_001),
    "nothing": lambda lens: lens.texts.predict("mlp0/1", ""),
    "order": lambda lens: lens.texts.graphs(order="part"),
    "pictures": lambda lens: lens.neuron("mlp0/1", thumbnails=True),
    "kind": lambda lens: lens.search("ruler", Where(kinds=("texts",))),
    "measured": lambda lens: lens.texts.predict("mlp0/1", "import", measured=True),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_same_answer(name: str, texts: Lens, doors: str) -> None:
    """To the last bit."""
    ask = QUESTIONS[name]
    here = ask(texts)
    with LensClient(doors, texts.name) as client:
        assert ask(client) == here

    async def asked() -> Any:
        async with AsyncLensClient(doors, texts.name) as opened:
            return await ask(opened)

    assert asyncio.run(asked()) == here


@pytest.mark.parametrize("name", FAULTS)
def test_same_fault(name: str, texts: Lens, doors: str) -> None:
    """In the library's words."""
    ask = FAULTS[name]
    with pytest.raises(LensError) as here:
        ask(texts)
    with LensClient(doors, texts.name) as client, pytest.raises(LensServerError) as there:
        ask(client)
    assert (there.value.message, there.value.hint) == (here.value.message, here.value.hint)


def test_exemplars_of_texts_come_without_pictures(texts: Lens, doors: str) -> None:
    with LensClient(doors, texts.name) as client:
        assert tuple(client.exemplars("mlp0/1")) == texts.neuron("mlp0/1").exemplars


@pytest.mark.parametrize(
    "ask", [lambda lens: lens.texts.graph("mlp0/1"), lambda lens: lens.texts.search(TokenQuery(("import",)))]
)
def test_without_graphs_the_cure_is_told(ask: Any, plain: Lens, doors: str) -> None:
    with pytest.raises(LensError, match="No graphs were made") as here:
        ask(plain)
    assert here.value.hint == f"lens graph {plain.index.folder} --all"
    with LensClient(doors, plain.name) as client, pytest.raises(LensServerError) as there:
        ask(client)
    assert (there.value.code, there.value.hint) == ("NOT_FOUND", here.value.hint)


@pytest.mark.parametrize(
    "ask",
    [
        lambda lens: lens.texts.graph("block4/1"),
        lambda lens: lens.search(Query(tokens=TokenQuery(("import",)))),
        lambda lens: lens.texts.predict("block4/1", "import"),
        lambda lens: lens.texts.snippets("block4/1"),
    ],
)
def test_an_index_of_images_has_no_tokens(ask: Any, lens: Lens, doors: str) -> None:
    with pytest.raises(LensError, match="index of image neurons") as here:
        ask(lens)
    with LensClient(doors, lens.name) as client, pytest.raises(LensServerError) as there:
        ask(client)
    assert (there.value.code, there.value.message) == ("FAILED_PRECONDITION", here.value.message)


TOGETHER = {
    "words": (["ruler", "hair"], Where(), ["ruler", "hair"]),
    "kind": (["ruler"], Where(kinds=("image",)), ["ruler", "--kind", "image"]),
    "layers": (["ruler"], Where(layers=("mlp0", "block4")), ["ruler", "--layer", "mlp0", "--layer", "block4"]),
    "tokens": (
        [Query(tokens=TokenQuery(("import",)))],
        Where(kinds=("text",)),
        ["--token", "import", "--kind", "text"],
    ),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_several_indexes(name: str, texts: Lens, lens: Lens, doors: str, lens_command: Any) -> None:
    """Of other kinds; on the command line as folders, and as a server's."""
    queries, where, arguments = TOGETHER[name]
    here = texts.search(queries, where, limit=7, others=[lens])
    with LensClient(doors, texts.name) as client:
        assert client.search(queries, where, limit=7, others=[lens.name]) == here

    async def asked() -> Any:
        async with AsyncLensClient(doors, texts.name) as opened:
            return await opened.search(queries, where, limit=7, others=[lens.name])

    assert asyncio.run(asked()) == here
    for targets in (
        [texts.index.folder, lens.index.folder],
        [f"{doors}/{texts.name}", f"{doors}/{lens.name}"],
    ):
        status, out, err = lens_command("search", *targets, *arguments, "--limit", 7, "--json")
        assert status == 0, err
        assert json.loads(out) == json.loads(json.dumps([dataclasses.asdict(each) for each in here]))


COMMANDS = {
    "token": (["--token", "import", "--preceded-by", "from"], TokenQuery(("import",), ("from",))),
    "context": (["--context", "from"], TokenQuery((), ("from",))),
    "either": (["--token", "import", "--token", "("], TokenQuery(("import", "("))),
    "regex": (["--token", "[()]", "--regex"], TokenQuery(("[()]",), regex=True)),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line(name: str, texts: Lens, doors: str, lens_command: Any) -> None:
    arguments, query = COMMANDS[name]
    expected = json.loads(json.dumps([dataclasses.asdict(texts.texts.search(query))]))
    for target in (texts.index.folder, f"{doors}/{texts.name}"):
        status, out, err = lens_command("search", target, *arguments, "--json")
        assert status == 0, err
        assert json.loads(out) == expected
