"""Coverage, series and map of several indexes: the same answer from `Lens`, both clients and the command line."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import LensError
from indexer.pipeline import build_index
from lens_client import AsyncLensClient, LensClient, LensServerError
from lens_server.lens import Lens
from lens_server.rpc.server import serve
from tests.conftest import build_config

WORDS = ("ruler", "colour patch", "asymmetry", "white", "many colours", "network")


@pytest.fixture(scope="module")
def two(lens: Lens, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lens, Lens]:
    """Two subjects in one embedding space."""
    out = tmp_path_factory.mktemp("second") / "leaning"
    build_index(build_config(out, subject="lesion:shortcut-patch", layers=("block4",), dataset="lesions:200,seed=901"))
    return lens, Lens.open(out)


@pytest.fixture(scope="module")
def address(two: tuple[Lens, Lens]) -> Iterator[str]:
    """A server of both, without the index's name."""
    with serve({each.name: each for each in two}, "127.0.0.1:0") as running:
        yield f"grpc://127.0.0.1:{running.port}"


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The words as a file."""
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("\n".join(WORDS))
    return path


QUESTIONS = {
    "coverage": (lambda first, other: first.coverage(WORDS, [other]), ["--coverage"]),
    "coverage-alpha": (lambda first, other: first.coverage(WORDS, [other], alpha=0.5), ["--coverage", "--alpha", 0.5]),
    "series": (lambda first, other: first.series([other], WORDS), ["--series"]),
    "map": (lambda first, other: first.concept_map(WORDS, [other]), ["--plot", "map"]),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_same_answer(
    name: str, two: tuple[Lens, Lens], address: str, vocabulary: Path, lens_command: Any, tmp_path: Path
) -> None:
    """To the last bit."""
    ask, arguments = QUESTIONS[name]
    expected = ask(*two)
    with LensClient(address, two[0].name) as client:
        assert ask(client, two[1].name) == expected

    async def asked() -> Any:
        async with AsyncLensClient(address, two[0].name) as opened:
            return await ask(opened, two[1].name)

    assert asyncio.run(asked()) == expected
    folders = [each.index.folder for each in two]
    served = [f"{address}/{two[0].name}", two[1].name]
    drawn = []
    for at, targets in enumerate((folders, served, [served[0], f"{address}/{two[1].name}"])):
        out = ["--out", tmp_path / f"{at}.svg"] if "--plot" in arguments else []
        status, printed, err = lens_command("show", *targets, *arguments, *out, "--vocabulary", vocabulary, "--json")
        assert status == 0, err
        assert json.loads(printed) == json.loads(json.dumps(asdict(expected)))
        drawn += [(tmp_path / f"{at}.svg").read_bytes()] if out else []
    assert len(set(drawn)) <= 1, "the same picture through every door"


def test_one_index_and_the_lists_that_come_with_lens(two: tuple[Lens, Lens], address: str) -> None:
    with LensClient(address, two[1].name) as client:
        assert client.coverage() == two[1].coverage()
        assert client.coverage("dermoscopy") == two[1].coverage("dermoscopy")
        assert client.concept_map("dermoscopy", points=20) == two[1].concept_map("dermoscopy", points=20)


@pytest.mark.parametrize("kind", ["coverage", "series", "clarity"])
def test_same_picture(
    kind: str, two: tuple[Lens, Lens], address: str, vocabulary: Path, lens_command: Any, tmp_path: Path
) -> None:
    """Of folders and of a server's indexes."""
    words = [] if kind == "clarity" else ["--vocabulary", vocabulary]
    served = [f"{address}/{each.name}" for each in two]
    for out, targets in (("a.png", [each.index.folder for each in two]), ("b.png", served)):
        status, said, err = lens_command("show", *targets, "--plot", kind, "--out", tmp_path / out, *words)
        assert status == 0, err
        assert out in said
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


FAULTS = {
    "empty vocabulary": lambda first, other: first.coverage([], [other]),
    "one name twice": lambda first, other: first.coverage(WORDS, [other, other]),
    "alpha": lambda first, other: first.series([other], WORDS, alpha=2.0),
    "the same twice": lambda first, other: first.concept_map(["white", "white"], [other]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_same_fault(name: str, two: tuple[Lens, Lens], address: str) -> None:
    """Refused by whoever asks; where the server's limits do not see it first, in the library's words."""
    with pytest.raises(LensError) as here:
        FAULTS[name](*two)
    with LensClient(address, two[0].name) as client, pytest.raises(LensServerError) as there:
        FAULTS[name](client, two[1].name)
    assert there.value.code == "INVALID_ARGUMENT"
    if name != "empty vocabulary":
        assert (there.value.message, there.value.hint) == (here.value.message, here.value.hint)


def test_an_index_that_is_not_served(two: tuple[Lens, Lens], address: str) -> None:
    with LensClient(address, two[0].name) as client, pytest.raises(LensServerError) as refused:
        client.coverage(WORDS, ["leanin"])
    assert refused.value.code == "NOT_FOUND"
    assert "'leaning'" in refused.value.hint
